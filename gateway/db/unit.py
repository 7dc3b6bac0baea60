"""The unit of work: the only place that commits.

A unit watches every statement of its connection. Whatever is not plainly a read counts as a change, and a
change without an inserted audit entry rolls back and raises. The tables in `BOOKKEEPING` have no effect on
disclosure and are exempt; the list is closed and tested.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, event, inspect
from sqlalchemy.orm import Session

from gateway.base.problems import Unavailable
from gateway.db.engine import BUSY_PATIENCE_MS
from gateway.db.failures import told_as_problems
from gateway.db.writers import Line

AUDIT_TABLE = "audit_entry"
BOOKKEEPING = frozenset(
    {
        "audit_node",
        "audit_checkpoint",
        "audit_cosignature",
        "render_lease",
        "token_nonce",
        "idempotency",
        "progress",
        "upload",
        "staged_part",
        "commit_lease",
        "web_session",
    }
)

# What holds destroyed keys, and texts under keys that live on. Bodies of entries lie under keys that were destroyed.
_SCRUBBED = frozenset({"key", "original", "rendition", "header_name", "upload", "staged_part"})

# What has to hold when the next change of this context begins, judged inside its transaction, once.
guards: ContextVar[tuple[Callable[[], None], ...]] = ContextVar("guards", default=())

# What else has to be written in the next change of this context, in the same transaction.
riders: ContextVar[tuple[Callable[[Session], None], ...]] = ContextVar("riders", default=())

# A reader of old pages is waited for, but not for as long as a writer.
_SCRUB_PATIENCE_MS = 5_000

# `SELECT … INTO` makes a table on PostgreSQL, and a driver may take several statements at once.
_READ = re.compile(r"\s*SELECT\b(?!.*(?:\bINTO\b|;.*\S))", re.IGNORECASE | re.DOTALL)
_WRITE = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)"?(?!.*;.*\S)', re.IGNORECASE | re.DOTALL)
_BORDER = re.compile(r"\s*(?:BEGIN(?: IMMEDIATE)?|(?:ROLLBACK TO |RELEASE )?SAVEPOINT \w+)\s*", re.IGNORECASE)
# An insert that may leave out its row is no entry.
_SURE_INSERT = re.compile(r"\s*INSERT\b(?!.*\bON\s+CONFLICT\b)", re.IGNORECASE | re.DOTALL)


@contextmanager
def riding(rider: Callable[[Session], None]) -> Iterator[None]:
    """Have `rider` write along in every change inside the block."""
    token = riders.set((*riders.get(), rider))
    try:
        yield
    finally:
        riders.reset(token)


class UnloggedChange(Exception):
    """A programming error: a change of state was about to be committed without its audit entry."""


class ForbiddenWrite(Exception):
    """A programming error: a reading or bookkeeping unit tried to change disclosure state."""


class UnitSession(Session):
    """A session that never commits: the unit does."""

    def commit(self) -> None:
        """Refuse: only the unit of work commits."""
        raise ForbiddenWrite("only the unit of work commits")


@lru_cache(maxsize=1024)
def _told(statement: str) -> tuple[bool, str | None, bool]:
    """Whether a statement plainly changes nothing, which table it else writes where that is plain, and whether it
    surely inserts there. Units send the same few texts over and over.
    """
    write = _WRITE.match(statement)
    reads = bool(_READ.match(statement) or _BORDER.fullmatch(statement))
    return reads, write.group(1).lower() if write else None, bool(_SURE_INSERT.match(statement))


class _Watch:
    """Classifies every statement sent through one connection."""

    def __init__(self, *, may_change: bool, may_keep_books: bool) -> None:
        self.may_change = may_change
        self.may_keep_books = may_keep_books
        self.changed = False
        self.logged = False

    def __call__(self, _connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        reads, table, surely = _told(statement)
        if reads:
            return
        if table in BOOKKEEPING and self.may_keep_books:
            return
        if not self.may_change:
            raise ForbiddenWrite(f"this unit may not write {table or 'anything'}")
        if table == AUDIT_TABLE and surely:
            self.logged = True
        else:
            self.changed = True


def _watched(connection: Connection, cursor: Any, statement: str, *rest: Any) -> None:
    """Let the watch of the unit that a connection belongs to see the statement; one listener, for setting up and
    taking down another with each unit costs as much as a statement.
    """
    watch: _Watch | None = connection.get_execution_options().get("gateway_watch")
    if watch is not None:
        watch(connection, cursor, statement, *rest)


class _Here(threading.local):
    """What this thread is reading in."""

    reading: Session | None = None


class Units:
    """Opens units of work on one database; those that write wait for one another before they take a connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._line = Line()
        self._here = _Here()
        event.listen(engine, "before_cursor_execute", _watched)

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._engine.dispose()

    def scrub(self) -> bool:
        """Leave nothing of overwritten and deleted values in the database's own files; whether nobody was in the way.

        SQLite zeroes them in its pages (`secure_delete`), and its write-ahead log is emptied here. On PostgreSQL a
        vacuum alone leaves dead bytes in the files, so the tables with keys and sealed texts are written anew; its
        write-ahead log has them until its segments are deleted. A role that does not own the tables may not (`grants`).
        """
        if self._engine.dialect.name == "sqlite":
            with closing(self._engine.raw_connection()) as raw, closing(raw.cursor()) as cursor:
                cursor.execute(f"PRAGMA busy_timeout={_SCRUB_PATIENCE_MS}")
                try:
                    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                    (busy, *_), *_ = cursor.fetchall()
                finally:
                    cursor.execute(f"PRAGMA busy_timeout={BUSY_PATIENCE_MS}")
                return not busy
        try:
            with told_as_problems(), self._engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.exec_driver_sql("VACUUM")
                # Whoever is in the way of an exclusive lock is not to hold everybody else up for long.
                connection.exec_driver_sql(f"SET lock_timeout = {_SCRUB_PATIENCE_MS}")
                try:
                    for table in _SCRUBBED & {*inspect(connection).get_table_names()}:
                        connection.exec_driver_sql(f'VACUUM (FULL) "{table}"')
                finally:
                    connection.exec_driver_sql("RESET lock_timeout")
        except Unavailable:
            return False
        return True

    @contextmanager
    def change(self) -> Iterator[Session]:
        """A transaction that changes state; commits at the end of the block, with its audit entry, or not at all."""
        watch = _Watch(may_change=True, may_keep_books=True)
        with self._transaction(watch, reading=False) as session:
            for guard in guards.get():
                guard()
            guards.set(())
            yield session
            for rider in riders.get():
                rider(session)
            session.flush()
            if watch.changed and not watch.logged:
                raise UnloggedChange("a change was about to be committed without its audit entry")

    @contextmanager
    def bookkeeping(self) -> Iterator[Session]:
        """A transaction that may write the tables in `BOOKKEEPING` and no others."""
        with self._transaction(_Watch(may_change=False, may_keep_books=True), reading=False) as session:
            yield session
            session.flush()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that sees one state and changes nothing.

        Inside another one of the same thread it is that one, unless something was written in between.
        """
        if self._here.reading is not None:
            with told_as_problems():
                yield self._here.reading
            return
        with self._transaction(_Watch(may_change=False, may_keep_books=False), reading=True) as session:
            self._here.reading = session
            try:
                yield session
            finally:
                self._here.reading = None

    @contextmanager
    def _transaction(self, watch: _Watch, *, reading: bool) -> Iterator[Session]:
        # Who writes decides by what is committed now, not by what a reader around it saw.
        self._here.reading = None
        with (
            nullcontext() if reading else self._line.turn(),
            told_as_problems(),
            self._engine.connect().execution_options(gateway_reading=reading, gateway_watch=watch) as connection,
            connection.begin(),
            UnitSession(
                bind=connection,
                expire_on_commit=False,
                autoflush=True,
                join_transaction_mode="rollback_only",
            ) as session,
        ):
            yield session
            session.flush()
