"""Promise 5: ciphertext only: data folder, database, temporary folders, logs and output hold nothing in clear."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.base.problems import Problem
from gateway.formats.table_csv import TableCsv
from gateway.keys import service as keys
from gateway.vault import service as vault
from tests.support import forensics, journey, originals
from tests.support.databases import hands, rows_of, served
from tests.support.forensics import Wanted, assert_nothing_in_clear
from tests.support.originals import Planted, planted
from tests.support.world import World

PEOPLE = ("Person dispatcher", "Person legal1", "Person builder", "Person auditor")
TEXTS = ("Export licence NdFeB 2026/1", "Ningbo Example Magnetics", "MOFCOM Bureau", "Customers and end users")


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A temporary folder of our own, which every well-behaved program writes its scratch to."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def wanted_of(ones: list[Planted], package: dict[str, bytes]) -> Wanted:
    """Every run of the originals that no released file holds, and every seeded value."""
    values = [value for one in ones for value in one.secrets]
    assert len(set(values)) >= 40
    return Wanted(
        {one.label: one.data for one in ones}, released=package.values(), values=(*dict.fromkeys(values), *PEOPLE)
    )


def whole_journey(world: World, labels: tuple[str, ...]) -> Wanted:
    """Two hops of all formats, with questions, looks, refusals and a failure on the way; what must not be found."""
    ones = [planted(label) for label in labels]
    first = journey.dispatched(world, ones)
    package = journey.files(journey.package(world, first.release))
    second = journey.dispatched(world, ones[:1], hop=journey.SEALED, matter=first.matter)
    package |= {f"sealed/{path}": data for path, data in journey.files(journey.package(world, second.release)).items()}
    gateway, builder = world.gateway, world.actors["builder"]
    for label, receipt in first.receipts.items():
        with gateway.openings.open(
            builder.person_id, gateway.intake.get(receipt.original).object_id, label[:4]
        ) as seen:
            assert seen.read() == planted(label).data
    unknown = originals.customers().with_column("Kennziffer", ["Geheimnummer"] * 12).csv()
    waiting = journey.rendered(world, [ones[0].with_data(unknown)], matter=first.matter)
    gateway.releases.answer(builder, waiting.renditions["customer_list"].id, ones[0].answers)
    world.work()
    with pytest.raises(Problem):
        world.upload(first.matter, "customer_list", planted("photo_png").data)
    with pytest.raises(Problem):
        world.upload(first.matter, "production_photo", planted("customer_list").data)
    broken = planted("photo_jpeg").data[: len(planted("photo_jpeg").data) // 2]
    journey.rendered(world, [planted("photo_jpeg").with_data(broken)], matter=first.matter)
    gateway.log.checkpoint()
    return wanted_of(ones, package)


def test_after_the_whole_journey_nothing_is_found(
    own_world: World,
    labels: tuple[str, ...],
    temporary: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    for label in labels:
        planted(label)  # whoever makes them may talk about them
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    wanted = whole_journey(own_world, labels)
    assert wanted.run_count > 50_000
    exported = tmp_path / "export"
    own_world.gateway.log.export(exported)
    captured = capfd.readouterr()
    streams = {"out": captured.out.encode(), "err": captured.err.encode(), "log": caplog.text.encode()}
    # The search takes apart what it is given; a server's files hold rows twice over, and are searched as they lie.
    streams["database"] = rows_of(own_world.gateway.settings)
    on_disk = served(own_world.gateway.settings)
    assert not [text for text in TEXTS if text.encode() in on_disk]
    assert_nothing_in_clear([own_world.folder / "data", temporary, exported], wanted, streams)
    texts = Wanted({}, released=(), values=TEXTS)
    assert_nothing_in_clear([own_world.folder / "data", temporary, exported], texts, streams)


def test_the_gateway_never_hands_content_to_a_child_by_argument_or_file(
    own_world: World, labels: tuple[str, ...], temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the sandbox's child is started with holds nothing; nothing passes through the temporary folder."""
    started: list[bytes] = []
    popen: Any = subprocess.Popen.__init__

    def watched(self: object, args: object, *rest: object, **named: object) -> None:
        started.append(repr((args, named.get("env"))).encode())
        popen(self, args, *rest, **named)

    monkeypatch.setattr(subprocess.Popen, "__init__", watched)
    seen: list[str] = []
    opened: Any = os.open

    def watched_open(path: object, flags: int, *rest: object, **named: object) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            seen.append(os.fspath(path) if isinstance(path, str | os.PathLike) else str(path))
        return int(opened(path, flags, *rest, **named))

    monkeypatch.setattr(os, "open", watched_open)
    ones = [planted(label) for label in labels]
    own_world.gateway.sandbox.close()  # so that another process is started, and seen
    journey.rendered(own_world, ones)
    wanted = wanted_of(ones, {})
    assert started, "no child was started"
    assert_nothing_in_clear([], wanted, {f"child {number}": told for number, told in enumerate(started)})
    outside = [path for path in seen if not path.startswith(str(own_world.folder)) and not path.startswith("/dev/")]
    assert outside == [], "something was written outside the data folder"
    assert list(temporary.rglob("*")) == []


def test_keys_are_not_in_the_database(own_world: World) -> None:
    """Nothing in the database alone opens anything: every key in it is wrapped."""
    journey.rendered(own_world, [planted("customer_list")])
    gateway = own_world.gateway
    with gateway.units.read() as session, hands(gateway.settings) as run:
        ids = [key for (key,) in run("SELECT id FROM key WHERE wrapped IS NOT NULL")]
        clear = [gateway.keyring.unwrap(session, key) for key in ids]
    assert len(clear) > 5
    folder = b"".join(path.read_bytes() for path in (own_world.folder / "data").rglob("*") if path.is_file())
    stored = folder + served(gateway.settings)
    assert not [number for number, key in enumerate(clear) if key in stored or key.hex().encode() in stored]


# The search itself: what it says it finds, it finds.


@pytest.mark.parametrize("how", forensics.encodings(b"x" * 40))
@pytest.mark.parametrize("what", ["a value", "a run"])
def test_the_search_finds_what_lies_about(how: str, what: str, tmp_path: Path) -> None:
    one = planted("customer_list")
    wanted = Wanted({"list": one.data}, released=(b"nothing of it",), values=one.secrets)
    clear = one.secrets[0].encode() * 3 if what == "a value" else one.data[777:837]
    noise = bytes(range(1, 256)) * 8
    (tmp_path / "some.blob").write_bytes(noise + forensics.encodings(clear)[how] + noise)
    with pytest.raises(AssertionError, match="in clear"):
        assert_nothing_in_clear([tmp_path], wanted)


def test_the_search_looks_into_rows_names_and_streams(tmp_path: Path) -> None:
    one = planted("order_book")
    wanted = Wanted({"book": one.data}, released=(), values=one.secrets)
    with closing(sqlite3.connect(tmp_path / "some.db")) as database:
        database.execute("CREATE TABLE kept (bytes BLOB)")
        database.execute("INSERT INTO kept VALUES (?)", (one.data,))
        database.commit()
    leaks = forensics.search_folders([tmp_path], wanted)
    assert any("table kept" in leak.place for leak in leaks)
    (tmp_path / "some.db").unlink()
    (tmp_path / f"{one.secrets[0]}.tmp").touch()
    assert forensics.search_folders([tmp_path], wanted)
    assert forensics.search_streams({"err": b"cannot read " + one.secrets[1].encode()}, wanted)
    assert not forensics.search_streams({"err": b"cannot read the table"}, wanted)


def test_the_search_leaves_out_what_was_released() -> None:
    data = bytes(range(200))
    wanted = Wanted({"one": data}, released=(data[50:100],), values=())
    assert not list(wanted.search(data[50:100], "here"))
    assert list(wanted.search(data[49:65], "here"))
    assert not list(Wanted({"one": b"\x00" * 64}, released=(), values=()).search(b"\x00" * 64, "here"))


# Without the guards.


class ClearWriter:
    """A stream writer that forgot to encrypt."""

    def __init__(self, _key: bytes, _aad: bytes, sink: Callable[[memoryview], object]) -> None:
        self._sink = sink
        self.plaintext_bytes = self.ciphertext_bytes = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Pass on as it is."""
        self._sink(memoryview(bytes(data)))
        self.plaintext_bytes += len(data)
        self.ciphertext_bytes += len(data)

    def close(self) -> None:
        """Nothing is left to seal."""


@pytest.mark.parametrize("label", originals.FORMATS)
def test_without_encryption_of_streams_this_test_fails(
    label: str, own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = planted(label)
    wanted = Wanted({label: one.data}, released=(), values=one.secrets)
    monkeypatch.setattr(vault, "StreamWriter", ClearWriter)
    own_world.upload(own_world.matter(), one.kind, one.data)
    with pytest.raises(AssertionError, match=f"a run of {label}"):
        assert_nothing_in_clear([own_world.folder / "data"], wanted)


def test_without_sealed_texts_this_test_fails(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    one, matter = planted("order_book"), own_world.matter()
    monkeypatch.setattr(keys, "seal_small", lambda _key, _context, data: data)
    own_world.upload(matter, one.kind, one.data, name=one.file_name, classified=False)
    with pytest.raises(AssertionError, match="in clear"):
        rows = {"database": rows_of(own_world.gateway.settings)}
        assert_nothing_in_clear([own_world.folder / "data"], Wanted({}, released=(), values=one.secrets), rows)


def test_a_parser_that_leaves_its_input_in_a_temporary_file_is_noticed(
    own_world: World, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = planted("customer_list")
    honest = TableCsv.read

    def careless(self: TableCsv, data: bytes, *how: object) -> object:
        with tempfile.NamedTemporaryFile(delete=False) as spool:
            spool.write(data)
        return honest(self, data, *how)  # type: ignore[arg-type]

    monkeypatch.setattr(TableCsv, "read", careless)
    journey.rendered(own_world, [one])
    with pytest.raises(AssertionError, match="in clear"):
        assert_nothing_in_clear([temporary], Wanted({one.label: one.data}, released=(), values=()))


def test_a_log_line_with_a_value_is_noticed(own_world: World, caplog: pytest.LogCaptureFixture) -> None:
    one = planted("customer_list")
    caplog.set_level(logging.INFO)
    wanted = Wanted({}, released=(), values=one.secrets)
    journey.rendered(own_world, [one])
    assert_nothing_in_clear([], wanted, {"log": caplog.text.encode()})
    logging.getLogger("gateway.worker").info("cannot read %s", one.secrets[3])
    with pytest.raises(AssertionError, match="value 3 in log"):
        assert_nothing_in_clear([], wanted, {"log": caplog.text.encode()})
