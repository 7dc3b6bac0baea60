"""PostgreSQL: what a server must be, what its statements and errors mean, and that it may come and go."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from gateway.base.problems import Problem
from gateway.db import postgres, unit
from gateway.db.failures import AlreadyThere, Busy, DatabaseGone, DatabaseUnsuitable, NotStorable, StorageFull
from gateway.db.grants import APPEND_ONLY, grant
from gateway.db.postgres import DatabaseAddressRefused, checked, postgres_engine
from gateway.db.unit import ForbiddenWrite, Units, UnloggedChange
from tests.support.databases import close_idle, watched
from tests.support.postgres import APP, Cluster, cluster, programs

pytestmark = pytest.mark.skipif(programs() is None, reason="PostgreSQL is not on this machine, or may not be started")


@pytest.fixture
def name() -> str:
    """A database with a table, a table of the books, and the log."""
    made = cluster().create()
    engine = postgres_engine(cluster().url(made))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE thing (id VARCHAR(5) PRIMARY KEY, number INTEGER)"))
        connection.execute(text("CREATE TABLE idempotency (id TEXT PRIMARY KEY)"))
        connection.execute(text(f"CREATE TABLE {unit.AUDIT_TABLE} (id INTEGER PRIMARY KEY, body_sealed BYTEA)"))
    engine.dispose()
    return made


@pytest.fixture
def engine(name: str) -> Iterator[Engine]:
    engine = watched(cluster().url(name))
    yield engine
    engine.dispose()


@pytest.fixture
def units(engine: Engine) -> Units:
    return Units(engine)


@pytest.fixture
def own() -> Iterator[Cluster]:
    """A server that one test may do anything to."""
    folder = programs()
    assert folder is not None
    server = Cluster(folder)
    yield server
    close_idle()
    server.remove()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 'a' AS id INTO other",
        "SELECT 1; DELETE FROM thing",
        "SELECT 1;\n;DELETE FROM thing",
        "BEGIN; DELETE FROM thing",
        "SAVEPOINT a; DELETE FROM thing",
        "INSERT INTO idempotency VALUES ('a'); DELETE FROM thing",
        f"INSERT INTO {unit.AUDIT_TABLE} VALUES (1); DELETE FROM thing",
        "WITH gone AS (DELETE FROM thing RETURNING id) SELECT id FROM gone",
        "DELETE FROM thing USING idempotency",
        "MERGE INTO thing USING idempotency ON false WHEN NOT MATCHED THEN INSERT VALUES ('a')",
        "TRUNCATE thing",
        "COPY thing FROM STDIN",
        "SET LOCAL synchronous_commit = off",
        "SET session_replication_role = replica",
        "LOCK TABLE thing",
        "DO $$ BEGIN DELETE FROM thing; END $$",
        "EXPLAIN ANALYZE DELETE FROM thing",
        "NOTIFY others",
    ],
)
def test_what_is_not_plainly_a_read_is_a_change(units: Units, statement: str) -> None:
    with pytest.raises(ForbiddenWrite), units.read() as session:
        session.execute(text(statement))
    with pytest.raises(ForbiddenWrite), units.bookkeeping() as session:
        session.execute(text(statement))
    with pytest.raises((UnloggedChange, Problem)), units.change() as session:
        session.execute(text("INSERT INTO thing VALUES ('a')"))
        session.connection().exec_driver_sql(statement.replace(unit.AUDIT_TABLE, "idempotency"))
    with units.read() as session:
        assert session.execute(text("SELECT count(*) FROM thing")).scalar_one() == 0


def test_a_savepoint_and_a_locking_read_are_no_change(units: Units) -> None:
    with units.change() as session:
        session.execute(text("SELECT id FROM thing FOR UPDATE"))
        with session.begin_nested():
            session.execute(text("SELECT 1"))


def test_the_server_itself_keeps_a_reading_unit_from_writing(units: Units, name: str) -> None:
    cluster().run(
        "CREATE FUNCTION sly() RETURNS text LANGUAGE sql AS 'INSERT INTO thing VALUES (''a'') RETURNING id'",
        database=name,
    )
    with pytest.raises(DatabaseGone, match="no writes"), units.read() as session:
        session.execute(text("SELECT sly()"))


def test_a_reading_unit_sees_one_state(units: Units) -> None:
    count = text("SELECT count(*) FROM thing")
    with units.read() as session:
        assert session.execute(count).scalar_one() == 0
        with units.change() as writing:
            writing.execute(text("INSERT INTO thing VALUES ('a')"))
            writing.execute(text(f"INSERT INTO {unit.AUDIT_TABLE} VALUES (1)"))
        assert session.execute(count).scalar_one() == 0
    with units.read() as session:
        assert session.execute(count).scalar_one() == 1


def test_writers_wait_for_one_another_and_see_what_the_other_did(units: Units) -> None:
    """Without the lock both would count the same and the second would fail."""
    begun = threading.Barrier(8)
    failed: list[BaseException] = []

    def write() -> None:
        begun.wait(30)
        try:
            for _ in range(5):
                with units.change() as session:
                    number = session.execute(text(f"SELECT count(*) FROM {unit.AUDIT_TABLE}")).scalar_one()
                    session.execute(text(f"INSERT INTO {unit.AUDIT_TABLE} VALUES (:n)"), {"n": number})
        except BaseException as error:  # noqa: BLE001 border: a thread's failure is the test's to judge
            failed.append(error)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    with units.read() as session:
        assert session.execute(text(f"SELECT max(id) FROM {unit.AUDIT_TABLE}")).scalar_one() == 39


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ("53100", StorageFull),
        ("53300", Busy),
        ("58030", StorageFull),
        ("55P03", Busy),
        ("40P01", Busy),
        ("40001", Busy),
        ("57014", Busy),
        ("57P01", DatabaseGone),
        ("25006", DatabaseGone),
        ("42501", DatabaseUnsuitable),
        ("23505", AlreadyThere),
        ("22001", NotStorable),
    ],
)
def test_what_the_server_says_is_one_clear_problem(units: Units, state: str, problem: type[Problem]) -> None:
    with pytest.raises(problem) as told, units.change() as session:
        session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'secret' USING ERRCODE = '{state}'; END $$"))
    assert "secret" not in told.value.detail
    assert told.value.detail.endswith(".")


@pytest.mark.parametrize(("column", "value"), [("id", "secret"), ("id", "a\0b"), ("number", 2**40), ("number", 2**80)])
def test_a_value_that_no_column_takes_is_refused_and_not_told(units: Units, column: str, value: object) -> None:
    with pytest.raises(NotStorable) as told, units.change() as session:
        session.execute(text(f"INSERT INTO thing ({column}) VALUES (:value)"), {"value": value})
    assert str(value) not in str(told.value.__cause__)


def test_a_connection_that_ends_is_a_problem_once_and_then_replaced(units: Units) -> None:
    with pytest.raises(DatabaseGone), units.change() as session:
        session.execute(text("INSERT INTO thing VALUES ('a')"))
        session.execute(text(f"INSERT INTO {unit.AUDIT_TABLE} VALUES (1)"))
        pid = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
        cluster().run("SELECT pg_terminate_backend(%s)", pid)
        session.execute(text("SELECT 1"))
    with units.read() as session:
        assert session.execute(text("SELECT count(*) FROM thing")).scalar_one() == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_server_that_comes_back_is_used_again(own: Cluster, how: signal.Signals) -> None:
    units = Units(watched(own.url(own.create())))
    with units.read() as session:
        session.execute(text("SELECT 1"))
    own.stop(how)
    for opened in (units.read, units.change, units.bookkeeping):
        with pytest.raises(DatabaseGone), opened():
            pass
    own.start()
    with units.read() as session:
        assert session.execute(text("SELECT 1")).scalar_one() == 1
    units.close()


def test_a_held_lock_makes_writers_give_up_in_time(units: Units, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {**postgres._CONNECTION, "options": "-c lock_timeout=200ms"}
    monkeypatch.setattr(postgres, "_CONNECTION", options)
    hasty = Units(watched(cluster().url(name)))
    with units.bookkeeping():
        with pytest.raises(Busy), hasty.change():
            pass
        with hasty.read() as session:
            session.execute(text("SELECT 1"))


@pytest.mark.parametrize(
    "setting", ["fsync = off", "full_page_writes = off", "synchronous_commit = off"], ids=lambda text: text.split()[0]
)
def test_a_server_that_would_lose_something_is_refused(own: Cluster, setting: str) -> None:
    name = own.create()
    own.run(f"ALTER SYSTEM SET {setting}")
    own.stop()
    own.start()
    with pytest.raises(DatabaseUnsuitable, match="acknowledged"), Units(watched(own.url(name))).read():
        pass


@pytest.mark.parametrize(
    "form", ["ENCODING 'LATIN1' LOCALE 'C'", "ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C'"]
)
def test_a_database_that_orders_or_encodes_otherwise_is_refused(form: str) -> None:
    name = f"odd_{abs(hash(form))}"
    cluster().run(f"CREATE DATABASE {name} OWNER gateway TEMPLATE template0 {form}")
    with pytest.raises(DatabaseUnsuitable, match="LOCALE C"), Units(watched(cluster().url(name))).read():
        pass


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:///x.db",
        "mysql://u@localhost/d",
        "postgresql://localhost/d",
        "postgresql://u@localhost",
        "postgresql:///d",
        "postgresql://u@/d",
        "postgresql://u:hidden@localhost/d",
        "postgresql://u:hidden@[localhost/d",
        "postgresql://u@localhost/d?options=-csynchronous_commit%3Doff",
        "postgresql://u@localhost/d?passfile=x",
        "postgresql://u@/d?host=a&host=b",
        "postgresql://u@db.example/d?sslmode=require",
        "postgresql://u@192.0.2.1/d?sslmode=disable",
        "postgresql://u@/d?host=db.example&sslmode=prefer",
    ],
)
def test_an_address_that_is_not_safe_is_refused(address: str) -> None:
    with pytest.raises(DatabaseAddressRefused) as told:
        checked(address)
    assert "hidden" not in repr(told.value)
    assert told.value.__cause__ is None


def test_a_network_is_crossed_with_a_verified_certificate() -> None:
    url = checked("postgresql://u@db.example:5433/d")
    assert url.query == {"sslmode": "verify-full", "sslrootcert": "system"}
    given = checked("postgresql://u@db.example/d?sslrootcert=/ca.pem")
    assert given.query == {"sslmode": "verify-full", "sslrootcert": "/ca.pem"}
    for near in ("postgresql://u@localhost/d", "postgresql://u@[::1]/d", "postgresql://u@/d?host=/run/postgresql"):
        assert "sslmode" not in checked(near).query


def test_the_password_comes_from_its_file_for_each_connection(own: Cluster, tmp_path: Path) -> None:
    own.run("ALTER ROLE gateway PASSWORD 'of today'")
    name = own.create()
    rules = own.folder / "data" / "pg_hba.conf"
    rules.write_text("local all postgres trust\nlocal all all scram-sha-256\n", "utf-8")
    own.run("SELECT pg_reload_conf()")
    file = tmp_path / "password"
    units = Units(watched(own.url(name), file))
    with pytest.raises(DatabaseUnsuitable, match="PASSWORD_FILE"), units.read():
        pass
    file.write_text("of yesterday\n", "utf-8")
    with pytest.raises(DatabaseGone) as told, units.read():
        pass
    assert "yesterday" not in repr(told.value.__cause__)
    file.write_text("of today\n", "utf-8")
    with units.read() as session:
        session.execute(text("SELECT 1"))
    units.close()


def test_the_role_adds_to_the_log_and_cannot_rewrite_it(engine: Engine, name: str) -> None:
    grant(engine, APP)
    grant(engine, APP)
    units = Units(watched(cluster().url(name, APP)))
    with units.change() as session:
        session.execute(text("INSERT INTO thing VALUES ('a')"))
        session.execute(text(f"INSERT INTO {unit.AUDIT_TABLE} VALUES (1)"))
    assert unit.AUDIT_TABLE in APPEND_ONLY
    for statement in (
        f"UPDATE {unit.AUDIT_TABLE} SET id = 2",
        f"DELETE FROM {unit.AUDIT_TABLE}",
        f"TRUNCATE {unit.AUDIT_TABLE}",
        "DROP TABLE thing",
        "ALTER TABLE thing ADD COLUMN more TEXT",
        "CREATE TABLE other (id TEXT)",
    ):
        with pytest.raises(DatabaseUnsuitable), units.change() as session:
            session.execute(text(statement))
    units.close()


def test_rights_are_given_to_a_role_that_is_there(engine: Engine) -> None:
    with pytest.raises(DatabaseUnsuitable, match="create it first"):
        grant(engine, 'nobody"; DROP TABLE thing; --')
