"""What left as it arrived is proven, by two verifiers, and two recipients cannot lay their rows side by side."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select

from gateway.base.problems import CheckFailed
from gateway.formats import write_xlsx
from gateway.intake.commitments import SlotTaken
from gateway.intake.tables import CommitmentRow
from gateway.seal.twin import to_text
from gateway.verify import verify, verify_package
from gateway.verify.verify import Report
from tests.support import journey
from tests.support.databases import Database, hands
from tests.support.journey import Journey
from tests.support.originals import orders, planted
from tests.support.second import Second
from tests.support.world import World

PROOF, FILE = "proofs/order-book-01.json", "files/order-book-01.csv"
SLOTS = 2


class Sent(NamedTuple):
    """Two packages of one order book, for two hops, and a release that came too late for a proof."""

    world: World
    original: str
    archives: list[Path]
    files: list[dict[str, bytes]]
    late: dict[str, Any]

    def check(self, number: int, path: Path | None = None) -> Report:
        gateway = self.world.gateway
        package_key = to_text(gateway.package_key().public)
        return verify_package(path or self.archives[number], log_key=gateway.log.vkey(), package_key=package_key)

    def unpacked(self, number: int, folder: Path, **changed: bytes | None) -> Path:
        """The package as a folder, some files changed or left out."""
        for name, data in {**self.files[number], **changed}.items():
            if data is not None:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(data)
        return folder


@pytest.fixture(scope="module", autouse=True)
def _same_signature_once() -> Iterator[None]:
    """Pure-Python signatures are slow, and those of two packages are checked again for every change beside them."""
    with pytest.MonkeyPatch.context() as patch:
        for pure in ("ed25519_holds", "mldsa_holds"):
            patch.setattr(verify, pure, lru_cache(maxsize=None)(getattr(verify, pure)))
        yield


@pytest.fixture(scope="module")
def sent(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Sent:
    folder = tmp_path_factory.mktemp("committed")
    world = World.create(folder / "world", database, table_commitments=SLOTS)
    book = [planted("order_book")]
    matter = world.matter()
    receipts = {one.label: world.upload(matter, one.kind, one.data, name=one.file_name) for one in book}
    world.work()
    archives, files = [], []
    for hop in (journey.PORTAL, journey.SEALED):
        made = journey.again(world, book, Journey(matter, receipts, world.draft(matter, hop), {}), hop=hop)
        world.review(made.release)
        world.approve_all(made.release)
        world.gateway.dispatch.dispatch(world.actors["dispatcher"], made.release.id)
        data = journey.package(world, made.release)
        archives.append(folder / f"{hop}.zip")
        archives[-1].write_bytes(data)
        files.append(journey.files(data))
    late = journey.again(world, book, Journey(matter, receipts, world.draft(matter, 1), {}), hop=1)
    with world.gateway.units.read() as session:
        told = world.gateway.renders.part(session, late.renditions["order_book"].proof_object)
    return Sent(world, receipts["order_book"].original, archives, files, json.loads(told))


def rows_of(files: dict[str, bytes]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[FILE].decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("number", range(SLOTS))
def test_both_verifiers_check_every_cell_that_left_as_it_came(sent: Sent, number: int, second: Second) -> None:
    report = sent.check(number)
    assert report.ok, report.to_json()
    *_, commitments, proofs = report.steps
    assert commitments.detail == "The log held the commitments to 1 table(s) before the release was sealed."
    cells = len(orders().rows) * sum("place" in one for one in json.loads(sent.files[number][PROOF])["columns"])
    assert proofs.detail.startswith(f"All {cells} cells of opened columns")
    assert "'pseudonymise TS'" in proofs.detail
    assert "'Customer [pseudonym]'" in proofs.detail
    assert cells
    answer = second.verify(
        sent.archives[number],
        log_key=sent.world.gateway.log.vkey(),
        package_key=to_text(sent.world.gateway.package_key().public),
    )
    assert answer.code == 0, answer.said
    assert "table proofs" in answer.said


def test_what_is_opened_is_what_was_in_the_original(sent: Sent) -> None:
    opened = [one["title"] for one in json.loads(sent.files[0][PROOF])["columns"] if "place" in one]
    assert "Destination" in opened
    arrived = sorted(zip(*map(orders().column, ("Grade", "Destination", "Civil application")), strict=True))
    titles = ("Magnet grade", "Destination", "Civil application")
    assert sorted(tuple(row[title] for title in titles) for row in rows_of(sent.files[0])) == arrived


def test_two_recipients_find_nothing_to_join_their_rows_by(sent: Sent) -> None:
    proofs = [json.loads(files[PROOF]) for files in sent.files]
    blocks = []
    for proof in proofs:
        nodes = base64.b64decode(proof["commitment"]["nodes"])
        blocks.append({proof["commitment"]["root"], *(nodes[at : at + 32] for at in range(0, len(nodes), 32))})
        blocks[-1] |= {one["locator"] for one in proof["columns"] if "locator" in one}
    assert blocks[0].isdisjoint(blocks[1])
    title = next(title for title in rows_of(sent.files[0])[0] if title.startswith("Rare-earth content"))
    places = [[row[title] for row in rows_of(files)] for files in sent.files]
    assert sorted(places[0]) == sorted(places[1])
    assert places[0] != places[1]


def test_a_release_for_which_no_commitment_is_left_says_so_and_not_how_many_there_were(sent: Sent) -> None:
    assert sent.late["commitment"] is None
    assert not any("place" in one for one in sent.late["columns"])
    assert sent.late.keys() == {"type", "columns", "commitment"}


def test_the_root_was_logged_before_the_rendition_was_asked_for(sent: Sent) -> None:
    types = [json.loads(leaf)["type"] for leaf in sent.world.gateway.log.entries(0, 1000)]
    assert types.count("original.committed") == 1
    assert types.index("original.kept") < types.index("original.committed") < types.index("rendition.requested")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"commitments.json": None}, "commitments.json is missing"),
        ({PROOF: None}, f"{PROOF} is missing"),
        ({"proofs/more.json": b"{}"}, "proofs/more.json is not listed"),
    ],
)
def test_proofs_cannot_be_left_out_or_added(
    sent: Sent, changed: dict[str, bytes | None], said: str, tmp_path: Path
) -> None:
    report = sent.check(0, sent.unpacked(0, tmp_path, **changed))
    assert not report.ok
    assert said in report.steps[0].detail


@pytest.mark.parametrize("change", ["root", "type", "matter", "index", "other slot's proof", "none"])
def test_a_root_that_is_not_in_the_log_is_found(sent: Sent, change: str, tmp_path: Path) -> None:
    told = json.loads(sent.files[0]["commitments.json"])
    (item,) = told["entries"]
    entry = json.loads(item["entry"])
    match change:
        case "root":
            entry["facts"]["commitments"][0] = entry["facts"]["commitments"][1] = "0" * 64
        case "type":
            entry["type"] = "original.kept"
        case "matter":
            entry["matter"] = "mat_other"
        case "index":
            item["index"] += 1
        case "none":
            told["entries"] = []
    item["entry"] = json.dumps(entry, sort_keys=True, separators=(",", ":"))
    data = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    changed: dict[str, bytes | None] = {"commitments.json": data}
    if change == "other slot's proof":
        changed = {PROOF: sent.files[1][PROOF]}
    report = sent.check(0, sent.unpacked(0, tmp_path, **changed))
    failed = {step.title for step in report.steps if step.state == "failed"}
    assert failed & {"table commitments", "table proofs"}


def test_what_opens_a_commitment_goes_with_the_original(sent: Sent, tmp_path: Path) -> None:
    world = journey.copy(sent.world, tmp_path)
    late = world.gateway.renders.of_original
    with world.gateway.units.read() as session:
        drafts = [one for one, _ in late(session, sent.original)]
    for rendition in drafts:
        if world.gateway.releases.get(world.gateway.renders.get(rendition).release).state == "draft":
            world.gateway.releases.withdraw(world.actors["builder"], rendition)
    world.shred(sent.original)
    with world.gateway.units.read() as session:
        rows = session.scalars(select(CommitmentRow)).all()
        assert [row.sealed for row in rows] == [b""] * SLOTS
    assert sent.check(0).ok


def test_what_cannot_be_read_as_it_came_is_entered_as_not_committed(sent: Sent, tmp_path: Path) -> None:
    world = journey.copy(sent.world, tmp_path)
    world.upload(world.matter(), "order_book", b"a;b\r\n1\r\n2;3;4\r\n")
    assert world.gateway.commitments.step()
    assert not world.gateway.commitments.step()
    newest = json.loads(world.gateway.log.entry(world.gateway.log.size() - 1))
    assert newest["type"] == "original.not_committed"
    assert newest["facts"] == {"reason": "table-refused"}


def test_a_commitment_opens_for_one_release_and_only_as_it_was_logged(sent: Sent, tmp_path: Path) -> None:
    world = journey.copy(sent.world, tmp_path)
    commitments, units = world.gateway.commitments, world.gateway.units
    with units.read() as session:
        first, second = session.scalars(select(CommitmentRow).order_by(CommitmentRow.slot)).all()
        releases, sealed = (first.release, second.release), second.sealed
        assert None not in releases
        assert commitments.opening(session, sent.original, "rel_other") is None
        with pytest.raises(SlotTaken):
            commitments.take(session, sent.original, 0, str(releases[1]))
    with hands(world.gateway.settings) as write:
        write("UPDATE table_commitment SET sealed = ? WHERE slot = 0", sealed)
    with units.read() as session, pytest.raises(CheckFailed):
        commitments.opening(session, sent.original, str(releases[0]))


def test_both_verifiers_find_an_altered_cell_of_a_workbook(sent: Sent, second: Second, tmp_path: Path) -> None:
    world = journey.copy(sent.world, tmp_path / "world")
    made = journey.dispatched(world, [planted("order_book_ods")])
    archive = tmp_path / "book.zip"
    archive.write_bytes(journey.package(world, made.release))
    log_key, package_key = world.gateway.log.vkey(), to_text(world.gateway.package_key().public)
    report = verify_package(archive, log_key=log_key, package_key=package_key)
    assert report.ok, report.to_json()
    assert report.steps[-1].title == "table proofs"
    assert report.steps[-1].detail.startswith(f"All {5 * len(orders().rows)} cells of opened columns")
    assert second.verify(archive, log_key=log_key, package_key=package_key).code == 0

    found = journey.files(archive.read_bytes())
    (name,) = (path for path in found if path.endswith(".xlsx"))
    with zipfile.ZipFile(io.BytesIO(found[name])) as book:
        members = {one: book.read(one) for one in book.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    value = re.findall(rb">([A-Z][a-z]+)</t>", members[sheet].partition(b"</row>")[2])[0]
    members[sheet] = members[sheet].replace(b">" + value + b"<", b">Nowhere<", 1)
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as book:
        for one, data in members.items():
            book.writestr(write_xlsx._member(one), data)
    found[name] = sink.getvalue()
    folder = sent._replace(files=[found]).unpacked(0, tmp_path / "altered")
    report = verify_package(folder, log_key=log_key, package_key=package_key)
    assert report.steps[-1].state == "failed"
    assert "is not the one that was committed to; it was altered." in report.steps[-1].detail
    assert second.verify(folder, log_key=log_key, package_key=package_key).code == 1
