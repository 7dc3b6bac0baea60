"""The schema that revisions build is the schema that the code speaks of, up and down and up again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, Table, inspect, select, text

import gateway.app
import gateway.web.idempotency
from gateway.audit.model import Act
from gateway.base.clock import SystemClock
from gateway.base.problems import Refused
from gateway.db import migrate
from gateway.db.metadata import Base
from gateway.db.migrate import SchemaVersion, check_current, downgrade, upgrade
from gateway.matter.clearances import ClearancesChanged
from gateway.matter.model import ClearanceDraft
from gateway.matter.names import NameDraft, NamesChanged
from gateway.seal import merkle
from gateway.seal.recipient import generate_identity
from gateway.verify import verify_export
from tests.support.databases import Database, engine_of
from tests.support.world import World

# Every module that has a table is loaded with one of these.
ROOMS = (gateway.app, gateway.web.idempotency)
SCRIPTS = ScriptDirectory.from_config(migrate._config())
REVISIONS = [revision.revision for revision in reversed(list(SCRIPTS.walk_revisions()))]


@pytest.fixture
def engine(database: Database, tmp_path: Path) -> Iterator[Engine]:
    """A database without a table."""
    made = database.engine(tmp_path, "empty.db")
    yield made
    made.dispose()


def differences(engine: Engine, metadata: MetaData = Base.metadata) -> list[object]:
    """What a new revision would have to change."""
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "render_as_batch": True}
        )
        return list(compare_metadata(context, metadata))


def definitions(engine: Engine) -> dict[str, str]:
    """Name → SQL of every table, index and, on PostgreSQL, constraint, white space aside."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            return {name: " ".join(sql.split()) for name, sql in connection.execute(text(_CATALOGUE)).all()}
        rows = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'alembic%'")
        ).all()
    return {name: " ".join(sql.split()) for name, sql in rows}


_CATALOGUE = """
    SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'alembic%'
    UNION ALL
    SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) FROM pg_constraint
     WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE 'alembic%'
    UNION ALL
    SELECT table_name, string_agg(concat_ws(' ', column_name, udt_name, character_maximum_length, is_nullable,
                                            column_default), ', ' ORDER BY column_name)
      FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'alembic%' GROUP BY 1
"""


def tables(engine: Engine) -> set[str]:
    """The names of all tables but the one that keeps the version."""
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def contents(engine: Engine, *names: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, or of these alone: an older revision has not the others as they are now."""
    with engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in Base.metadata.sorted_tables
            if not names or table.name in names
        }


def test_there_is_one_line_of_revisions() -> None:
    assert ROOMS
    assert len(SCRIPTS.get_heads()) == 1
    assert len(SCRIPTS.get_bases()) == 1
    assert sorted(REVISIONS) == REVISIONS


def test_from_nothing_to_the_newest_is_what_the_code_speaks_of(engine: Engine) -> None:
    upgrade(engine)
    check_current(engine)
    assert differences(engine) == []
    assert tables(engine) == set(Base.metadata.tables)


def test_constraints_and_partial_indexes_too(engine: Engine, database: Database, tmp_path: Path) -> None:
    """What the comparison does not look at: checks, names of constraints, conditions of indexes."""
    upgrade(engine)
    direct = database.engine(tmp_path, "direct.db")
    Base.metadata.create_all(direct)
    built, spoken = clauses(engine), clauses(direct)
    direct.dispose()
    assert built == spoken


def clauses(engine: Engine) -> dict[str, list[str]]:
    """The definitions, whichever order a table that was copied has its constraints in."""
    return {name: _parts(sql) for name, sql in definitions(engine).items()}


def _parts(sql: str) -> list[str]:
    """The definition's clauses in any order: revisions list constraints before or after columns as they please."""
    plain = sql.replace('"', "").replace("( ", "(").replace(" )", ")")
    head, bracket, body = plain.partition("(")
    return [head.strip(), *sorted(part.strip() for part in body.removesuffix(")").split(","))] if bracket else [plain]


def test_a_forgotten_revision_would_be_noticed(engine: Engine) -> None:
    """Without it the first test would prove nothing."""
    upgrade(engine)
    wider = MetaData(naming_convention=Base.metadata.naming_convention)
    for table in Base.metadata.tables.values():
        table.to_metadata(wider)
    Table("forgotten", wider, *[column._copy() for column in wider.tables["matter"].columns])
    assert differences(engine, wider)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE matter ADD COLUMN surprise TEXT"))
    assert differences(engine)


def test_down_to_nothing_and_up_again(engine: Engine) -> None:
    upgrade(engine)
    first = clauses(engine)
    downgrade(engine, "base")
    assert tables(engine) == set()
    assert definitions(engine) == {}
    upgrade(engine)
    assert clauses(engine) == first
    assert differences(engine) == []


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_revision_can_be_taken_back(revision: str, engine: Engine) -> None:
    upgrade(engine, revision)
    before = clauses(engine)
    downgrade(engine, "-1")
    upgrade(engine, revision)
    assert clauses(engine) == before


def test_what_is_kept_survives_every_step_but_the_first(database: Database, tmp_path: Path) -> None:
    """A real deployment taken back revision by revision, not past the one that makes the tables, and up again."""
    world = World.create(tmp_path, database)
    world.matter()
    engine = engine_of(world.gateway.settings)
    before = contents(engine)
    for revision in reversed(REVISIONS[:-1]):
        downgrade(engine, revision)
    upgrade(engine)
    assert contents(engine) == before
    engine.dispose()


def test_taking_uploads_back_keeps_everything_else(database: Database, tmp_path: Path) -> None:
    """What is still arriving goes with its tables; no original, key or entry does."""
    world = World.create(tmp_path, database)
    matter = world.matter()
    receipt = world.upload(matter, "customer_list", b"Customer,Country\r\nAcme,DE\r\n")
    upload = world.gateway.uploads.begin(
        world.actors["builder"],
        matter.id,
        "customer_list",
        length_bytes=None,
        file_name=None,
        digest=None,
        idempotency_key=None,
    )
    with world.gateway.uploads.append(world.actors["builder"], upload.id, offset=0) as appending:
        appending.write(b"Customer,Country\r\n")
    engine = engine_of(world.gateway.settings)
    before = contents(engine)
    assert before["upload"]
    assert before["staged_part"]
    downgrade(engine, "0001")
    assert not {"upload", "staged_part"} & tables(engine)
    upgrade(engine)
    assert contents(engine) == {**before, "upload": [], "staged_part": [], "commit_lease": []}
    engine.dispose()
    gateway = world.reopen()
    assert gateway.intake.get(receipt.original).size_bytes == 27
    gateway.close()


def test_there_is_no_way_back_while_a_recipient_has_a_hybrid_key(database: Database, tmp_path: Path) -> None:
    world = World.create(tmp_path, database)
    matter = world.matter()
    key = generate_identity(hybrid=True)[1]
    engine = engine_of(world.gateway.settings)
    with engine.begin() as connection:
        connection.execute(text("UPDATE recipient SET age_key = :key WHERE hop = 2"), {"key": key})
    before = contents(engine)
    with pytest.raises(Refused, match="hybrid key"):
        downgrade(engine, "0003")
    upgrade(engine)
    assert contents(engine) == before
    engine.dispose()
    assert world.reopen().matters.recipient(matter.id, matter.recipients[1].id).age_key == key


def test_small_subtrees_are_made_again_on_the_way_back(database: Database, tmp_path: Path) -> None:
    """As an earlier gateway stored them, whose log goes on from there; gone again on the way up."""
    world = World.create(tmp_path, database)
    log, engine = world.gateway.log, engine_of(world.gateway.settings)
    with world.gateway.units.change() as session:
        for _ in range(600 - log.size_in(session)):
            log.append(session, Act("test.done", "per_1"))
    before, checkpoint = contents(engine), log.checkpoint()
    assert [node[:2] for node in before["audit_node"]] == [(8, 0), (8, 1), (9, 0)]
    tree = merkle.Tree()
    for leaf in log.entries(0, 600):
        tree.append(merkle.leaf_hash(leaf))
    downgrade(engine, "0006")
    every = {(level, index): tree(level, index) for level in range(1, 10) for index in range(600 >> level)}
    assert {(level, index): hashed for level, index, hashed in contents(engine, "audit_node")["audit_node"]} == every
    upgrade(engine)
    assert contents(engine)["audit_node"] == before["audit_node"]
    engine.dispose()
    log = world.reopen().log
    assert (log.check(), log.checkpoint()) == (600, checkpoint)


def test_work_goes_on_without_what_was_said_of_it(database: Database, tmp_path: Path) -> None:
    world = World.create(tmp_path, database)
    engine, lease = engine_of(world.gateway.settings), Base.metadata.tables["render_lease"]
    held = {"rendition": "ren_1", "owner": "a worker", "lease_until": 9e9, "fence": 3, "attempt": 2}
    with engine.begin() as connection:
        connection.execute(lease.insert().values(**held, stage="reading", done=2, total=7, told_at=8e9))
    downgrade(engine, "0007")
    upgrade(engine)
    nothing = dict.fromkeys(("stage", "done", "total", "told_at"))
    with engine.connect() as connection:
        assert dict(connection.execute(select(lease)).one()._mapping) == {**held, **nothing}
    engine.dispose()


def test_clearances_and_names_that_were_taken_back_are_missed(database: Database, tmp_path: Path) -> None:
    """Nothing that relied on one can leave afterwards, what was forgotten does not come back: the log still knows."""
    world = World.create(tmp_path, database)
    matter, names = world.matter(), world.gateway.names
    day = date(2026, 1, 31)
    draft = ClearanceDraft("consent", ("Fahrwerk AG",), "supplier", "refused", day, day, "letter 7")
    world.gateway.clearances.record(world.actors["builder"], matter.id, draft)
    with world.gateway.units.change() as session:
        said = NameDraft("customer_list", "kennziffer", "drop")
        names.remember(session, world.actors["builder"], matter.id, "ren_1", [said])
    (name,) = names.of_matter(matter.id)
    names.forget(world.actors["legal1"], matter.id, name.id)
    engine = engine_of(world.gateway.settings)
    before = contents(engine)
    assert (len(before["clearance"]), len(before["header_name"])) == (1, 2)
    downgrade(engine, "0008")
    upgrade(engine)
    assert contents(engine) == {**before, "clearance": [], "header_name": []}
    engine.dispose()
    with pytest.raises(ClearancesChanged):
        world.reopen().clearances.of_matter(matter.id)
    with pytest.raises(NamesChanged):
        world.reopen().names.of_matter(matter.id)


def test_without_its_commitments_a_table_is_still_there_and_nothing_is_due(database: Database, tmp_path: Path) -> None:
    world = World.create(tmp_path, database)
    matter = world.matter()
    table = b"Customer,Country\r\nAcme Wunderwerk GmbH,DE\r\n"
    original = world.upload(matter, "customer_list", table).original
    world.work()
    world.upload(matter, "customer_list", table)
    engine = engine_of(world.gateway.settings)
    before = contents(engine)
    assert len(before["table_commitment"]) == 4
    assert len(before["commit_lease"]) == 1
    downgrade(engine, "0010")
    upgrade(engine)
    assert contents(engine) == {**before, "table_commitment": [], "commit_lease": []}
    engine.dispose()
    reopened = world.reopen()
    assert not reopened.commitments.step()
    with reopened.units.read() as session:
        assert reopened.commitments.opening(session, original, "rel_1") is None


def test_cosignatures_are_an_upgrade(database: Database, tmp_path: Path) -> None:
    world = World.create(tmp_path, database)
    engine, table = engine_of(world.gateway.settings), Base.metadata.tables["audit_cosignature"]
    with engine.begin() as connection:
        row = {
            "size": 7,
            "cosigner": "w.example/1+00000000",
            "line": "— w.example/1 AAAA\n",
            "received_at": SystemClock().now(),
        }
        connection.execute(table.insert().values(**row))
    before = contents(engine)
    downgrade(engine, "0010")
    upgrade(engine)
    assert contents(engine) == {**before, table.name: []}
    engine.dispose()


def test_time_stamps_over_the_log_are_an_upgrade(database: Database, tmp_path: Path) -> None:
    world = World.create(tmp_path, database)
    engine, stamp = engine_of(world.gateway.settings), Base.metadata.tables["audit_stamp"]
    with engine.begin() as connection:
        connection.execute(stamp.insert().values(entry=9, size=7, response=b"an answer"))
    before = contents(engine)
    downgrade(engine, "0010")
    upgrade(engine)
    assert contents(engine) == {**before, "audit_stamp": []}
    engine.dispose()


def test_what_binds_packages_is_kept_from_an_upgrade_on(database: Database, tmp_path: Path) -> None:
    world = World.create(tmp_path, database)
    drafted, release = world.draft(world.matter()), Base.metadata.tables["release"]
    engine = engine_of(world.gateway.settings)
    with engine.begin() as connection:
        connection.execute(release.update().values(binding_object="obj_1"))
    downgrade(engine, "0018")
    upgrade(engine)
    (row,) = contents(engine, "release")["release"]
    assert "obj_1" not in row
    engine.dispose()
    assert world.reopen().releases.get(drafted.id) == drafted


def test_the_matters_are_mapped_again_after_their_tables_were_taken_back(database: Database, tmp_path: Path) -> None:
    world = World.create(tmp_path, database)
    world.matter()
    engine, before = engine_of(world.gateway.settings), world.gateway.extracts.map_matters()
    downgrade(engine, "0010")
    upgrade(engine)
    after = contents(engine, "audit_map", "audit_matter")
    engine.dispose()
    assert after == {"audit_map": [], "audit_matter": []}
    gateway = world.reopen()
    again = gateway.extracts.map_matters()
    assert (again.standing.ends, again.key) == (before.standing.ends, before.key)
    assert verify_export(gateway.log.export(tmp_path / "x").folder, log_key=gateway.log.vkey()).ok


def test_an_upgrade_of_a_deployment_that_is_current_changes_nothing(database: Database, tmp_path: Path) -> None:
    world = World.create(tmp_path, database)
    world.matter()
    engine = engine_of(world.gateway.settings)
    before, entries = contents(engine), world.gateway.log.size()
    assert before["audit_entry"]
    upgrade(engine)
    assert contents(engine) == before
    engine.dispose()
    assert world.reopen().log.check() == entries


def test_a_gateway_starts_on_no_other_version(engine: Engine) -> None:
    with pytest.raises(SchemaVersion):
        check_current(engine)
    upgrade(engine)
    check_current(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaVersion):
        check_current(engine)


def test_signing_in_is_an_upgrade(database: Database, tmp_path: Path) -> None:
    world = World.create(tmp_path, database)
    engine, person, now = engine_of(world.gateway.settings), world.actors["legal1"].person_id, SystemClock().now()
    with world.gateway.units.change() as session:
        world.gateway.sessions.open_in(session, world.actors["legal1"], "token")
    world.gateway.passkeys.invite(world.actors["dispatcher"], person)
    with engine.begin() as connection:
        row = {
            "id": "psk_1",
            "person_id": person,
            "credential": "AAAA",
            "key": "passkey:AAAA",
            "origin": "https://gateway.example.com",
            "backup_eligible": False,
            "backed_up": False,
            "sign_count": 2**32 - 1,
            "proposer": person,
            "proposed_at": now,
        }
        connection.execute(Base.metadata.tables["passkey"].insert().values(**row))
    before = contents(engine)
    gone = ("web_session", "passkey", "passkey_invitation")
    assert [len(before[name]) for name in gone] == [1, 1, 1]
    downgrade(engine, "0016")
    upgrade(engine)
    assert contents(engine) == {**before, **{name: [] for name in gone}}
    engine.dispose()
