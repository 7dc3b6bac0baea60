"""The unit of work: no change without its entry, nothing committed by anybody else."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, String, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from gateway.db import unit
from gateway.db.engine import sqlite_engine
from gateway.db.failures import StorageFull
from gateway.db.unit import ForbiddenWrite, Units, UnloggedChange, guards, riders
from tests.support.databases import SQLITE, Database


@pytest.fixture
def engine(database: Database, tmp_path: Path) -> Iterator[Engine]:
    engine = database.engine(tmp_path)
    yield _tables(engine)
    engine.dispose()


def _tables(engine: Engine) -> Engine:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE thing (id TEXT PRIMARY KEY)"))
        connection.execute(text("CREATE TABLE idempotency (id TEXT PRIMARY KEY)"))
        connection.execute(text(f"CREATE TABLE {unit.AUDIT_TABLE} (id INTEGER PRIMARY KEY)"))
    return engine


@pytest.fixture
def units(engine: Engine) -> Units:
    return Units(engine)


def _count(engine: Engine, table: str) -> int:
    with engine.connect().execution_options(gateway_reading=True) as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def _entry(session: Session) -> None:
    session.execute(text(f"INSERT INTO {unit.AUDIT_TABLE} SELECT count(*) FROM {unit.AUDIT_TABLE}"))


def test_a_change_with_its_entry_is_committed(units: Units, engine: Engine) -> None:
    with units.change() as session:
        session.execute(text("INSERT INTO thing VALUES ('a')"))
        _entry(session)
    assert (_count(engine, "thing"), _count(engine, unit.AUDIT_TABLE)) == (1, 1)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO thing VALUES ('a')",
        "  insert into thing values ('a')",
        "WITH x AS (SELECT 'a' AS id) INSERT INTO thing SELECT id FROM x",
        "/* SELECT */ INSERT INTO thing VALUES ('a')",
        "INSERT INTO thing VALUES ('a') RETURNING id",
        "INSERT INTO thing VALUES ('a') ON CONFLICT (id) DO UPDATE SET id = 'b'",
        "CREATE TABLE other (id TEXT)",
        "DROP TABLE idempotency",
        "DELETE FROM thing",
    ],
)
def test_a_change_without_its_entry_rolls_back(units: Units, engine: Engine, statement: str) -> None:
    with pytest.raises(UnloggedChange), units.change() as session:
        session.execute(text(statement))
    assert (_count(engine, "thing"), _count(engine, "idempotency")) == (0, 0)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO thing VALUES ('a')",
        "REPLACE INTO thing VALUES ('a')",
        "UPDATE OR IGNORE thing SET id = 'b'",
    ],
)
def test_what_only_sqlite_says_is_a_change_too(tmp_path: Path, statement: str) -> None:
    engine = _tables(SQLITE.engine(tmp_path))
    with pytest.raises(UnloggedChange), Units(engine).change() as session:
        session.execute(text(statement))
    assert _count(engine, "thing") == 0
    engine.dispose()


def test_an_entry_that_may_be_left_out_is_none(units: Units, engine: Engine) -> None:
    with pytest.raises(UnloggedChange), units.change() as session:
        session.execute(text("INSERT INTO thing VALUES ('a')"))
        session.execute(text(f"INSERT INTO {unit.AUDIT_TABLE} VALUES (1) ON CONFLICT DO NOTHING"))
    assert _count(engine, "thing") == 0


def test_changing_the_log_itself_is_a_change_without_an_entry(units: Units, engine: Engine) -> None:
    with units.change() as session:
        _entry(session)
    with pytest.raises(UnloggedChange), units.change() as session:
        session.execute(text(f"DELETE FROM {unit.AUDIT_TABLE}"))
    assert _count(engine, unit.AUDIT_TABLE) == 1


def test_a_failure_after_the_entry_leaves_neither(units: Units, engine: Engine) -> None:
    with pytest.raises(RuntimeError), units.change() as session:
        session.execute(text("INSERT INTO thing VALUES ('a')"))
        _entry(session)
        raise RuntimeError
    assert (_count(engine, "thing"), _count(engine, unit.AUDIT_TABLE)) == (0, 0)


def test_rows_added_but_not_flushed_are_seen_too(units: Units, engine: Engine) -> None:
    class OtherBase(DeclarativeBase):
        pass

    class ThingRow(OtherBase):
        __tablename__ = "thing"
        id: Mapped[str] = mapped_column(String, primary_key=True)

    with pytest.raises(UnloggedChange), units.change() as session:
        session.add(ThingRow(id="a"))
    assert _count(engine, "thing") == 0


def _things(session: Session) -> int:
    return int(session.execute(text("SELECT count(*) FROM thing")).scalar_one())


def _add_a_thing(units: Units) -> None:
    with units.change() as session:
        session.execute(text("INSERT INTO thing VALUES ('a')"))
        _entry(session)


def _in_a_thread(act: Callable[[], None]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(act).result()


def test_nobody_else_commits(units: Units) -> None:
    with pytest.raises(ForbiddenWrite), units.change() as session:
        session.commit()


def test_bookkeeping_writes_its_tables_and_no_others(units: Units, engine: Engine) -> None:
    with units.bookkeeping() as session:
        session.execute(text("INSERT INTO idempotency VALUES ('a')"))
    assert _count(engine, "idempotency") == 1
    with pytest.raises(ForbiddenWrite), units.bookkeeping() as session:
        session.execute(text("INSERT INTO thing VALUES ('a')"))


def test_a_reading_unit_writes_nothing(units: Units) -> None:
    for table in ("thing", "idempotency"):
        with pytest.raises(ForbiddenWrite), units.read() as session:
            session.execute(text(f"INSERT INTO {table} VALUES ('a')"))


def test_a_reading_unit_inside_another_sees_the_same_state(units: Units) -> None:
    with units.read() as outer:
        assert _things(outer) == 0
        _in_a_thread(lambda: _add_a_thing(units))
        with units.read() as inner:
            assert (inner is outer, _things(inner)) == (True, 0)
    with units.read() as later:
        assert _things(later) == 1


def test_who_writes_decides_by_what_is_committed_now(units: Units) -> None:
    """A reading unit around a change saw an older state: neither the change nor what comes after it reads in it."""
    with units.read() as outer:
        assert _things(outer) == 0
        _in_a_thread(lambda: _add_a_thing(units))
        with units.change(), units.read() as inside:
            assert _things(inside) == 1
        with units.read() as behind:
            assert _things(behind) == 1


def test_a_thread_reads_in_its_own_unit(units: Units) -> None:
    found: list[Session] = []

    def look() -> None:
        with units.read() as session:
            found.append(session)

    with units.read() as outer:
        _in_a_thread(look)
        assert found[0] is not outer


def test_bookkeeping_is_a_closed_list() -> None:
    assert {
        "audit_node",
        "audit_checkpoint",
        "audit_cosignature",
        "commit_lease",
        "render_lease",
        "token_nonce",
        "idempotency",
        "progress",
        "upload",
        "staged_part",
        "web_session",
    } == unit.BOOKKEEPING


def test_riders_commit_with_the_change_or_not_at_all(units: Units, engine: Engine) -> None:
    def ride(session: Session) -> None:
        session.execute(text("INSERT INTO idempotency VALUES ('k')"))

    token = riders.set((ride,))
    try:
        with pytest.raises(RuntimeError), units.change() as session:
            _entry(session)
            raise RuntimeError
        assert _count(engine, "idempotency") == 0
        with units.change() as session:
            _entry(session)
        assert _count(engine, "idempotency") == 1
    finally:
        riders.reset(token)


def _somebody_writes(engine: Engine) -> bool:
    if engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(str(engine.url.database), timeout=0)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            return False
    with engine.connect().execution_options(gateway_reading=True) as other:
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        return bool(other.exec_driver_sql(locks).scalar_one())


def test_a_guard_is_asked_once_inside_the_next_change_and_may_refuse_it(units: Units, engine: Engine) -> None:
    asked: list[int] = []

    def guard() -> None:
        assert _somebody_writes(engine)
        asked.append(len(asked))

    def refuse() -> None:
        raise RuntimeError

    token = guards.set((guard,))
    try:
        for name in "ab":
            with units.change() as session:
                session.execute(text("INSERT INTO thing VALUES (:name)"), {"name": name})
                _entry(session)
        assert (asked, _count(engine, "thing")) == ([0], 2)
        guards.set((refuse,))
        with pytest.raises(RuntimeError), units.change() as session:
            session.execute(text("INSERT INTO thing VALUES ('c')"))
            _entry(session)
        assert _count(engine, "thing") == 2
    finally:
        guards.reset(token)


def test_a_full_disk_is_one_clear_problem(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "full.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE thing (id TEXT)"))
        connection.execute(text(f"CREATE TABLE {unit.AUDIT_TABLE} (id INTEGER PRIMARY KEY)"))
    with engine.connect().execution_options(gateway_reading=True) as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=4")
        pooled = connection.connection.driver_connection
    assert isinstance(pooled, sqlite3.Connection)
    units = Units(engine)
    with pytest.raises(StorageFull), units.change() as session:
        session.execute(text("INSERT INTO thing VALUES (:big)"), {"big": "x" * 200_000})
        _entry(session)
    assert _count(engine, "thing") == 0
    engine.dispose()
