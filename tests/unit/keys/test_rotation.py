"""Rotation wraps keys anew and loses none, also cut short at any step and with others at work."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from gateway.base.clock import SystemClock
from gateway.db.metadata import Base
from gateway.db.unit import Units
from gateway.keys import rotation as room
from gateway.keys.cache import KeyCache
from gateway.keys.model import KeyFileUnfit, KeyMissing, KeyShredded, RootKeyMissing
from gateway.keys.providers.key_file import Stretching
from gateway.keys.providers.passphrase import PassphraseKeyFile, create_key_file
from gateway.keys.rotation import Rotation
from gateway.keys.service import Keyring
from gateway.keys.tables import KeyRow

PASSPHRASE = "correct horse battery staple"
QUICK = Stretching(memory_kib=64, iterations=1, lanes=1)
MATTERS = [f"mat_{number:026d}" for number in range(3)]


class Cut(Exception):
    """The rotation ends here, as by a kill."""


class Process:
    """What one process has: its own provider and key ring on the one database and key file."""

    def __init__(self, folder: Path, engine: Engine, cut_after: int | None = None) -> None:
        self.units = Units(engine)
        self.provider = PassphraseKeyFile(folder / "root.key", PASSPHRASE)
        self.keyring = Keyring(self.provider, "tenant-1", SystemClock())
        self.rotation = Rotation(self.units, self.keyring, self.provider, SystemClock(), self._note)
        self.entries: list[tuple[str, str | None, dict[str, Any]]] = []
        self._left = cut_after

    def _note(self, session: Session, kind: str, matter: str | None, facts: Mapping[str, Any]) -> None:
        if self._left is not None:
            if self._left == 0:
                raise Cut
            self._left -= 1
        session.execute(text("INSERT INTO audit_entry VALUES ('rotation')"))
        self.entries.append((kind, matter, dict(facts)))

    def create(self, role: str, *owners: str) -> str:
        """Keys of these owners, in one unit; the id of the last."""
        with self.units.change() as session:
            session.execute(text("INSERT INTO audit_entry VALUES ('a key')"))
            parent = None
            if role == "dek":
                parent = self.keyring.ensure(session, role="matter_kek", owner=MATTERS[0])
            return [self.keyring.create(session, role=role, owner=owner, parent=parent) for owner in owners][-1]

    def open_all(self) -> dict[str, bytes]:
        """Every key that is not shredded, but for KEKs: those are what a rotation renews."""
        with self.units.read() as session:
            living = select(KeyRow.id).where(KeyRow.wrapped.is_not(None), KeyRow.role != "matter_kek")
            return {key_id: self.keyring.unwrap(session, key_id) for key_id in session.scalars(living)}


@pytest.fixture
def folder(tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key file and a database with keys of three matters, in batches small enough that there are several."""
    monkeypatch.setattr(room, "BATCH", 3)
    create_key_file(tmp_path / "root.key", PASSPHRASE, QUICK)
    process = Process(tmp_path, engine)
    process.create("record", "deployment", *MATTERS)
    process.create("audit_body", *MATTERS)
    process.create("dek", *(f"obj_{number}" for number in range(7)))
    process.create("log_signing", "deployment")
    process.create("package_signing", "deployment")
    return tmp_path


def rows(engine: Engine, which: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f'SELECT count(*) FROM "key" WHERE {which}')).scalar_one())


def kek(engine: Engine, matter: str) -> list[tuple[str, bytes | None]]:
    with engine.connect() as connection:
        query = "SELECT id, wrapped FROM \"key\" WHERE role = 'matter_kek' AND owner = :owner ORDER BY version"
        return [(row[0], row[1]) for row in connection.execute(text(query), {"owner": matter})]


def test_after_the_rotation_of_the_root_nothing_is_wrapped_under_the_old_one(folder: Path, engine: Engine) -> None:
    before, old_file = Process(folder, engine).open_all(), (folder / "root.key").read_bytes()
    process = Process(folder, engine)
    done = process.rotation.rotate_root()
    assert (done.to, done.rewrapped, done.resumed) == ("2", 6, False)
    assert rows(engine, "root = 1") == 0
    assert list(process.provider.roots()) == [2]
    assert Process(folder, engine).open_all() == before
    assert [kind for kind, _, _ in process.entries] == [
        "key.rotation_begun",
        "key.rewrapped",
        "key.rewrapped",
        "key.rotated",
    ]
    (folder / "root.key").write_bytes(old_file)
    with pytest.raises(RootKeyMissing):
        Process(folder, engine).open_all()


def test_a_matter_is_rotated_and_no_other(folder: Path, engine: Engine) -> None:
    before, others = Process(folder, engine).open_all(), kek(engine, MATTERS[1])
    [(old, _)] = kek(engine, MATTERS[0])
    process = Process(folder, engine)
    done = process.rotation.rotate_matter(MATTERS[0])
    assert done.rewrapped == 9
    assert rows(engine, f"parent_id = '{old}'") == 0
    assert [wrapped is None for _, wrapped in kek(engine, MATTERS[0])] == [True, False]
    assert Process(folder, engine).open_all() == before
    assert kek(engine, MATTERS[1]) == others
    assert {matter for _, matter, _ in process.entries} == {MATTERS[0]}


def test_rotated_again_and_again(folder: Path, engine: Engine) -> None:
    before = Process(folder, engine).open_all()
    for number in range(2, 5):
        process = Process(folder, engine)
        assert process.rotation.rotate_root().to == str(number)
        assert not process.rotation.rotate_matter(MATTERS[0]).resumed
        process.rotation.check_fit()
    assert Process(folder, engine).open_all() == before
    assert Process(folder, engine).rotation.state().roots == (4,)


@pytest.mark.parametrize("cut_after", range(4))
def test_a_rotation_of_the_root_that_was_cut_short_is_completed_not_begun_again(
    folder: Path, engine: Engine, cut_after: int
) -> None:
    before = Process(folder, engine).open_all()
    with pytest.raises(Cut):
        Process(folder, engine, cut_after).rotation.rotate_root()
    between = Process(folder, engine)
    between.rotation.check_fit()
    assert between.open_all() == before
    assert between.rotation.state().rotating
    done = between.rotation.rotate_root()
    assert done.to == "2"
    assert done.resumed is (cut_after > 0)
    assert rows(engine, "root = 1") == 0
    assert list(between.provider.roots()) == [2]
    assert Process(folder, engine).open_all() == before
    assert not between.rotation.state().rotating


@pytest.mark.parametrize("cut_after", range(5))
def test_a_rotation_of_a_matter_that_was_cut_short_is_completed_not_begun_again(
    folder: Path, engine: Engine, cut_after: int
) -> None:
    before = Process(folder, engine).open_all()
    with pytest.raises(Cut):
        Process(folder, engine, cut_after).rotation.rotate_matter(MATTERS[0])
    assert Process(folder, engine).open_all() == before
    assert Process(folder, engine).rotation.rotate_matter(MATTERS[0]).resumed is (cut_after > 0)
    assert len(kek(engine, MATTERS[0])) == 2
    assert Process(folder, engine).open_all() == before


def test_a_kill_between_the_last_entry_and_the_key_file_is_made_good(
    folder: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Process(folder, engine)
    with monkeypatch.context() as patch:
        patch.setattr(process.provider, "drop_roots", lambda below: (_ for _ in ()).throw(Cut))
        with pytest.raises(Cut):
            process.rotation.rotate_root()
    assert list(Process(folder, engine).provider.roots()) == [1, 2]
    assert Process(folder, engine).rotation.rotate_root().resumed
    assert list(Process(folder, engine).provider.roots()) == [2]


def test_who_was_at_work_before_works_on_and_makes_new_keys_under_the_new_one(folder: Path, engine: Engine) -> None:
    at_work = Process(folder, engine)
    before = at_work.open_all()
    with pytest.raises(Cut):
        Process(folder, engine, 2).rotation.rotate_root()
    during = at_work.create("matter_kek", "mat_" + "9" * 26)
    assert rows(engine, f"id = '{during}' AND root = 2") == 1
    Process(folder, engine).rotation.rotate_root()
    with pytest.raises(Cut):
        Process(folder, engine, 2).rotation.rotate_matter(MATTERS[0])
    dek = at_work.create("dek", "obj_during")
    [_, (new, _)] = kek(engine, MATTERS[0])
    assert rows(engine, f"id = '{dek}' AND parent_id = '{new}'") == 1
    Process(folder, engine).rotation.rotate_matter(MATTERS[0])
    assert {name: key for name, key in at_work.open_all().items() if name != dek} == before


def test_a_unit_that_read_before_the_rotation_reads_on(folder: Path, engine: Engine) -> None:
    at_work = Process(folder, engine)
    with at_work.units.read() as session:
        key_id = at_work.keyring.find(session, role="record", owner=MATTERS[0])
        Process(folder, engine).rotation.rotate_root()
        at_work.keyring.unwrap(session, key_id)
        Process(folder, engine).rotation.rotate_matter(MATTERS[0])
        at_work.keyring.unwrap(session, at_work.keyring.find(session, role="audit_body", owner=MATTERS[0]))


def test_nothing_of_what_was_wrapped_before_is_left_in_the_files_of_the_database(folder: Path, engine: Engine) -> None:
    with engine.connect() as connection:
        old = connection.execute(text('SELECT wrapped FROM "key"')).scalars().all()
    process = Process(folder, engine)
    process.rotation.rotate_root()
    for matter in MATTERS:
        process.rotation.rotate_matter(matter)
    files = b"".join(file.read_bytes() for file in folder.glob("gateway.db*"))
    assert old
    assert [wrapped for wrapped in old if wrapped in files] == []


def test_what_cannot_be_rotated_is_said(folder: Path, engine: Engine) -> None:
    process = Process(folder, engine)
    with pytest.raises(KeyMissing, match="matter's id"):
        process.rotation.rotate_matter("mat_" + "8" * 26)
    with process.units.change() as session:
        session.execute(text("INSERT INTO audit_entry VALUES ('shredded')"))
        process.keyring.shred(session, process.keyring.find(session, role="matter_kek", owner=MATTERS[0]))
    with pytest.raises(KeyShredded):
        process.rotation.rotate_matter(MATTERS[0])


def test_the_key_file_of_another_deployment_is_called_that(folder: Path, engine: Engine) -> None:
    own = (folder / "root.key").read_bytes()
    for rotated in (False, True):
        if rotated:
            (folder / "root.key").write_bytes(own)
            Process(folder, engine).rotation.rotate_root()
        (folder / "root.key").unlink()
        create_key_file(folder / "root.key", PASSPHRASE, QUICK)
        if rotated:
            PassphraseKeyFile(folder / "root.key", PASSPHRASE).add_root(2)
        with pytest.raises(KeyFileUnfit, match="another deployment"):
            Process(folder, engine).rotation.check_fit()


def test_a_key_file_from_before_the_rotation_and_a_database_from_before_it_are_told_apart(
    folder: Path, engine: Engine
) -> None:
    before = (folder / "root.key").read_bytes()
    tables = [Base.metadata.tables[name] for name in ("root_key", "key")]
    with engine.begin() as connection:
        rows = [connection.execute(table.select()).mappings().all() for table in tables]
    Process(folder, engine).rotation.rotate_root()
    after = (folder / "root.key").read_bytes()
    (folder / "root.key").write_bytes(before)
    with pytest.raises(KeyFileUnfit, match="key file is older"):
        Process(folder, engine).rotation.check_fit()
    (folder / "root.key").write_bytes(after)
    with engine.begin() as connection:
        for table in reversed(tables):
            connection.execute(table.delete())
        for table, kept in zip(tables, rows, strict=True):
            connection.execute(table.insert(), [dict(row) for row in kept])
    with pytest.raises(KeyFileUnfit, match="database is older"):
        Process(folder, engine).rotation.check_fit()


def test_a_key_that_was_shredded_elsewhere_is_not_found_in_the_cache(folder: Path, engine: Engine) -> None:
    here, there = Process(folder, engine), Process(folder, engine)
    here.open_all()
    with there.units.change() as session:
        session.execute(text("INSERT INTO audit_entry VALUES ('shredded')"))
        there.keyring.shred(session, there.keyring.find(session, role="matter_kek", owner=MATTERS[0]))
    with here.units.read() as session:
        record = here.keyring.find(session, role="record", owner=MATTERS[0])
        with pytest.raises(KeyShredded):
            here.keyring.unwrap(session, record)


def test_the_cache_is_bounded_in_number_and_in_time() -> None:
    now = [0.0]
    cache = KeyCache(most=2, longest_s=60, now=lambda: now[0])
    for name in (b"a", b"b"):
        cache.put(name, b"wrapped", name * 32)
    assert cache.get(b"a", b"wrapped") == b"a" * 32
    cache.put(b"c", b"wrapped", b"c" * 32)
    assert cache.get(b"b", b"wrapped") is None
    assert cache.get(b"a", b"rewrapped") is None
    now[0] = 59.9
    assert cache.get(b"a", b"wrapped") == b"a" * 32
    now[0] = 60.0
    assert cache.get(b"a", b"wrapped") is None


def test_keys_that_open_one_object_or_sign_packages_are_never_cached(folder: Path, engine: Engine) -> None:
    process = Process(folder, engine)
    with process.units.read() as session:
        for role, cached in (("dek", False), ("package_signing", False), ("record", True), ("log_signing", True)):
            row = session.scalars(select(KeyRow).where(KeyRow.role == role).limit(1)).one()
            process.keyring.unwrap(session, row.id)
            found = process.keyring._cache.get(process.keyring._facts(row), row.wrapped or b"")
            assert (found is not None) is cached, role
