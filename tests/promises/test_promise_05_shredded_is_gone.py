"""Promise 5, the far end of it: one original shredded by two people is gone for anybody with everything there is.

The thief has the database with its write-ahead log, the blobs, the key file and the passphrase. What left, and the
log, verify as before.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import pytest

from gateway.app import compose
from gateway.base.problems import Problem
from gateway.people.model import NothingProposed, SecondPersonNeeded, SignatureRefused
from gateway.release.shredding import OriginalInUse
from gateway.seal import envelope
from gateway.seal.envelope import EnvelopeTampered
from gateway.seal.twin import to_text
from gateway.vault.model import Shredded
from gateway.verify import verify_export, verify_package
from tests.support import journey
from tests.support.journey import Journey
from tests.support.originals import planted
from tests.support.world import PASSPHRASE, World


@dataclass(frozen=True)
class Spoils:
    """What of an original lies in database and blobs before it is shredded: by what it is."""

    must_go: dict[str, bytes]
    must_stay: dict[str, bytes]


@dataclass(frozen=True)
class Gone:
    """A deployment with an original that was dispatched once, withdrawn once, and then shredded."""

    world: World
    made: Journey
    original: str
    withdrawn: str
    spoils: Spoils
    bystander: str


def rows(world: World, query: str, *values: str) -> list[tuple[bytes, ...]]:
    with closing(sqlite3.connect(world.gateway.settings.database)) as database:
        return database.execute(query, values).fetchall()


def on_disk(world: World) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(world.gateway.settings.data_dir.rglob("*")) if path.is_file())


def spoils_of(world: World, original: str, dispatched: str, withdrawn: str) -> Spoils:
    """Wrapped keys, sealed texts, bodies and ciphertext, read past the gateway."""
    own = "SELECT object_id FROM original WHERE id = ?1 UNION SELECT withheld_object FROM rendition WHERE original = ?1"
    parts = "SELECT object_id FROM rendition WHERE id = ?2 UNION SELECT decisions_object FROM rendition WHERE id = ?2"
    gone = [row[0] for row in rows(world, f"{own} UNION {parts}", original, withdrawn)]
    stays = [row[0] for row in rows(world, "SELECT object_id FROM rendition WHERE id = ?", dispatched)]
    must_go: dict[str, bytes] = {}
    must_stay: dict[str, bytes] = {}
    for objects, kept in ((gone, must_go), (stays, must_stay)):
        for name in filter(None, objects):
            [(wrapped, blob)] = rows(
                world,
                'SELECT k.wrapped, o.blob_name FROM stored_object o JOIN "key" k ON k.id = o.key_id WHERE o.id = ?',
                str(name),
            )
            path = next(world.gateway.settings.blobs_dir.rglob(str(blob)))
            kept |= {f"key of {name!r}": wrapped, f"bytes of {name!r}": path.read_bytes()[:512]}
    sealed = rows(world, "SELECT sealed, classification FROM original WHERE id = ?", original)
    answers = rows(world, "SELECT answers FROM rendition WHERE original = ?", original)
    result = rows(world, "SELECT result FROM rendition WHERE id = ?", withdrawn)
    bodies = rows(world, "SELECT body_sealed FROM audit_entry WHERE subject IN (?, ?)", original, withdrawn)
    must_go["key of the bodies"], *_ = rows(
        world,
        "SELECT wrapped FROM \"key\" JOIN original ON owner = matter WHERE role = 'audit_body' AND original.id = ?",
        original,
    )[0]
    texts = [value for row in (*sealed, *answers, *result, *bodies) for value in row if value]
    return Spoils(must_go | {f"text {number}": value for number, value in enumerate(texts)}, must_stay)


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> World:
    """On SQLite, whose own files are searched; what a server keeps of dead rows is its own to forget."""
    return World.create(tmp_path_factory.mktemp("founded"))


@pytest.fixture(scope="module")
def gone(founded: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gone]:
    world = journey.copy(founded, tmp_path_factory.mktemp("shredded"))
    one = planted("customer_list")
    made = journey.dispatched(world, [one])
    original = made.receipts["customer_list"].original
    second = journey.again(world, [one], made, hop=journey.PORTAL)
    withdrawn = second.renditions["customer_list"].id
    world.gateway.releases.withdraw(world.actors["builder"], withdrawn)
    bystander = world.upload(made.matter, "order_book", planted("order_book").data).original
    world.gateway.log.checkpoint()
    spoils = spoils_of(world, original, made.renditions["customer_list"].id, withdrawn)
    before = on_disk(world)
    assert len(spoils.must_go) >= 12
    assert [what for what, value in (spoils.must_go | spoils.must_stay).items() if value not in before] == []
    world.shred(original)
    yield Gone(world, made, original, withdrawn, spoils, bystander)
    world.gateway.close()


def test_nothing_of_it_is_left_in_any_file(gone: Gone) -> None:
    """Every page of the database, its write-ahead log, and every blob: raw bytes."""
    after = on_disk(gone.world)
    assert [what for what, value in gone.spoils.must_go.items() if value in after] == []
    assert [what for what, value in gone.spoils.must_stay.items() if value not in after] == []


def test_a_backup_taken_afterwards_has_nothing_of_it(gone: Gone, tmp_path: Path) -> None:
    source, target = gone.world.gateway.settings.database, tmp_path / "backup.db"
    with closing(sqlite3.connect(source)) as database, closing(sqlite3.connect(target)) as backup:
        database.backup(backup)
    copied = target.read_bytes()
    assert [what for what, value in gone.spoils.must_go.items() if value in copied] == []
    assert any(value in copied for value in gone.spoils.must_stay.values())


def test_an_older_backup_opens_no_body_once_the_keys_above_are_renewed(founded: World, tmp_path: Path) -> None:
    """The thief has the database of before with its wrapped keys, and key file and database of now."""
    world = journey.copy(founded, tmp_path / "now")
    matter = world.matter()
    original = world.upload(matter, "customer_list", planted("customer_list").data).original
    found = rows(
        world, 'SELECT "index", body_sealed FROM audit_entry WHERE subject = ? AND body_sealed NOT NULL', original
    )
    older = journey.copy(world, tmp_path / "before").gateway
    world.shred(original)
    world.gateway.rotation.rotate_matter(matter.id)
    world.gateway.rotation.rotate_root()
    assert found
    with world.gateway.units.read() as session:
        key = world.gateway.keyring.unwrap(
            session, world.gateway.keyring.find(session, role="audit_body", owner=matter.id)
        )
    for index, sealed in found:
        assert older.log.body(int(index)) is not None
        with pytest.raises(EnvelopeTampered):
            envelope.open_small(key, f"audit/body/{int(index)}", sealed)
    settings = older.settings
    older.close()
    shutil.copy(world.gateway.settings.key_file, settings.key_file)
    with pytest.raises(Problem):
        compose(settings, PASSPHRASE)
    world.gateway.close()


def test_a_thief_with_everything_opens_nothing(gone: Gone, tmp_path: Path) -> None:
    stolen = journey.copy(gone.world, tmp_path).gateway
    for (name,) in rows(gone.world, "SELECT id FROM stored_object WHERE shredded_at IS NOT NULL"):
        with stolen.units.read() as session, pytest.raises(Shredded):
            stolen.vault.open(session, str(name))
    with closing(sqlite3.connect(stolen.settings.database)) as database, database:
        assert database.execute("UPDATE stored_object SET shredded_at = NULL").rowcount > 0
        database.execute("UPDATE original SET shredded_at = NULL")
    with stolen.units.read() as session:
        row = rows(gone.world, "SELECT object_id FROM original WHERE id = ?", gone.original)
        with pytest.raises(Problem, match="destroyed"):
            stolen.vault.open(session, str(row[0][0]))
    with pytest.raises(Problem):
        stolen.intake.get(gone.original)


def test_what_left_verifies_as_before(gone: Gone, tmp_path: Path) -> None:
    gateway = gone.world.gateway
    (tmp_path / "package.zip").write_bytes(gone.world.package(gone.made.release))
    with ZipFile(tmp_path / "package.zip") as archive:
        archive.extractall(tmp_path / "package")
    report = verify_package(
        tmp_path / "package", log_key=gateway.log.vkey(), package_key=to_text(gateway.package_key().public)
    )
    assert report.ok, report
    rendition = gone.made.renditions["customer_list"]
    with gateway.units.read() as session:
        assert gateway.renders.part(session, rendition.object_id)
        assert gateway.renders.part(session, rendition.decisions_object)
    assert gateway.renders.get(rendition.id).sha256 == rendition.sha256


def test_the_log_verifies_and_holds_the_proof(gone: Gone, tmp_path: Path) -> None:
    log = gone.world.gateway.log
    assert log.check() == log.size()
    log.export(tmp_path / "export")
    assert verify_export(tmp_path / "export", log_key=log.vkey()).ok
    with gone.world.gateway.units.read() as session:
        entry = log.newest(session, type="original.shredded", subject=gone.original)
    assert entry is not None
    facts = entry["facts"]
    assert facts["proposer"] == gone.world.actors["builder"].person_id
    assert entry["actor"] == gone.world.actors["legal1"].person_id
    index = next(at for at in range(log.size()) if b'"type":"original.shredded"' in log.entry(at))
    body = log.body(index)
    assert body is not None
    assert len(body["keys"]) == facts["objects"] >= 4
    assert facts["bodies"]
    assert [log.body(erased) for erased in facts["bodies"]] == [None] * len(facts["bodies"])


def test_everything_says_that_it_was_shredded(gone: Gone) -> None:
    gateway, builder = gone.world.gateway, gone.world.actors["builder"]
    shown = gateway.intake.get(gone.original)
    assert (shown.sha256, shown.file_name, shown.classification) == (None, None, None)
    assert shown.shredded_at is not None
    with pytest.raises(Shredded), gateway.openings.open(builder.person_id, shown.object_id, shown.id):
        pass
    release = gone.world.draft(gone.made.matter)
    with pytest.raises(Shredded):
        gone.world.render(release, gone.original)
    with pytest.raises(Shredded):
        gateway.renders.answers(gone.withdrawn)
    with pytest.raises(Shredded):
        gateway.shredding.propose(builder, gone.original, "once more")


def test_a_body_that_is_merely_missing_is_still_damage(gone: Gone, tmp_path: Path) -> None:
    stolen = journey.copy(gone.world, tmp_path).gateway
    with closing(sqlite3.connect(stolen.settings.database)) as database, database:
        query = 'SELECT max("index") FROM audit_entry WHERE subject = ? AND body_sealed IS NOT NULL'
        [(index,)] = database.execute(query, (gone.bystander,)).fetchall()
        database.execute('UPDATE audit_entry SET body_sealed = NULL WHERE "index" = ?', (index,))
    with pytest.raises(Problem, match="missing"):
        stolen.log.body(index)


def test_others_are_untouched(gone: Gone) -> None:
    gateway = gone.world.gateway
    other = gateway.intake.get(gone.bystander)
    with gateway.openings.open(gone.world.actors["builder"].person_id, other.object_id, other.id) as opened:
        assert opened.read() == planted("order_book").data


def test_no_one_alone(gone: Gone) -> None:
    world = gone.world
    shredding, builder, legal = world.gateway.shredding, world.actors["builder"], world.actors["legal1"]
    with pytest.raises(NothingProposed):
        shredding.countersign(legal, gone.bystander, b"x" * 64)
    proposed = shredding.propose(builder, gone.bystander, "a mistake")
    with pytest.raises(SecondPersonNeeded) as alone:
        shredding.countersign(builder, gone.bystander, world.keys["builder"].sign(proposed.statement))
    assert b'"type":"shredding.refused"' in world.gateway.log.entry(int(str(alone.value.members["entry"])))
    with pytest.raises(SignatureRefused):
        shredding.countersign(legal, gone.bystander, world.keys["legal1"].sign(proposed.statement + b" "))
    for name in ("dispatcher", "auditor"):
        with pytest.raises(Problem, match="permission"):
            shredding.propose(world.actors[name], gone.bystander, "not mine to say")
    assert shredding.waiting(gone.bystander).statement == proposed.statement
    newer = shredding.propose(builder, gone.bystander, "said better")
    with pytest.raises(SignatureRefused):
        shredding.countersign(legal, gone.bystander, world.keys["legal1"].sign(proposed.statement))
    assert shredding.waiting(gone.bystander).id == newer.id


def test_what_may_still_leave_is_not_shredded(one_approved: tuple[World, Journey]) -> None:
    world, made = one_approved
    original = made.receipts["customer_list"].original
    with pytest.raises(OriginalInUse) as refused:
        world.shred(original)
    assert refused.value.members["release"] == made.release.id
    world.gateway.dispatch.dispatch(world.actors["dispatcher"], made.release.id)
    proposed = world.gateway.shredding.propose(world.actors["builder"], original, "it is over")
    world.render(world.draft(made.matter), original, planted("customer_list").answers)
    with pytest.raises(OriginalInUse):
        world.gateway.shredding.countersign(
            world.actors["legal1"], original, world.keys["legal1"].sign(proposed.statement)
        )
