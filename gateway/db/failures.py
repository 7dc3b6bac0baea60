"""What a database's own errors mean to whoever asked: one problem each, or the error itself where it is a defect."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from gateway.base.problems import Conflict, Unavailable, Unprocessable


class StorageFull(Unavailable):
    """The disk is full or the database cannot be written."""

    slug = "storage-full"
    title = "There is no room to write"


class Busy(Unavailable):
    """Another writer held the database too long, or it has no connection left."""

    slug = "busy"
    title = "The database is busy"


class DatabaseGone(Unavailable):
    """The connection to the database ended or could not be made; whether the act was carried out is not known."""

    slug = "database-gone"
    title = "The database does not answer"


class DatabaseUnsuitable(Unavailable):
    """The database lacks a property or a right without which the gateway would not be safe."""

    slug = "database-unsuitable"
    title = "The database is not set up for the gateway"


class AlreadyThere(Conflict):
    """A unique row exists already."""

    slug = "already-there"
    title = "This exists already"


class NotStorable(Unprocessable):
    """A value that no column takes: too long, too large, or with a character that text cannot hold."""

    slug = "not-storable"
    title = "The database cannot keep this value"


FULL = "The database cannot be written; free disk space and try again."
BUSY = "Another writer held the database too long; try again."
_GONE = "The database does not answer, or does not let the gateway in; see that it runs, and try again."

# SQLSTATE (five characters) or its class (two) → problem; PostgreSQL's manual, appendix A. The longer one wins.
_STATES: dict[str, tuple[type[Unavailable], str]] = {
    "08": (DatabaseGone, _GONE),
    "25006": (DatabaseGone, "The database takes no writes now; see that the gateway is connected to the primary."),
    "25P03": (DatabaseGone, _GONE),
    "28": (DatabaseGone, _GONE),
    "3D": (DatabaseGone, _GONE),
    "40": (Busy, BUSY),
    "42501": (
        DatabaseUnsuitable,
        "The database does not give the gateway's role this right; run `gateway init --upgrade` as the owner.",
    ),
    "53": (StorageFull, FULL),
    "53300": (Busy, "The database has no connection left; try again, or raise its max_connections."),
    "55P03": (Busy, BUSY),
    "57": (DatabaseGone, _GONE),
    "57014": (Busy, "The database took too long to answer; try again."),
    "58": (StorageFull, FULL),
}
_SQLITE: dict[int, tuple[type[Unavailable], str]] = {
    sqlite3.SQLITE_FULL: (StorageFull, FULL),
    sqlite3.SQLITE_IOERR: (StorageFull, FULL),
    sqlite3.SQLITE_READONLY: (StorageFull, FULL),
    sqlite3.SQLITE_BUSY: (Busy, BUSY),
    sqlite3.SQLITE_LOCKED: (Busy, BUSY),
}


@contextmanager
def told_as_problems() -> Iterator[None]:
    """Whatever the database raises within the block is raised as the problem it means."""
    try:
        yield
    except SQLAlchemyError as error:
        problem = translated(error)
        if problem is error:
            raise
        raise problem from error


def translated(error: SQLAlchemyError) -> Exception:
    """The problem that `error` means, or `error` itself where it means a defect."""
    if isinstance(error, IntegrityError):
        return AlreadyThere("Something with this identity exists already; read it before trying again.")
    if isinstance(error, DataError):
        return NotStorable("A value is too long, too large or not text; correct it.")
    if isinstance(error, PoolExhausted):
        return Busy("Too many are at work on the database at once; try again.")
    if isinstance(error, DBAPIError):
        found = _of_sqlite(error) or _of_postgres(error)
        if found is not None:
            problem, detail = found
            return problem(detail)
    return error


def _of_sqlite(error: DBAPIError) -> tuple[type[Unavailable], str] | None:
    code: int | None = getattr(error.orig, "sqlite_errorcode", None)
    return None if code is None else _SQLITE.get(code & 0xFF)


def _of_postgres(error: DBAPIError) -> tuple[type[Unavailable], str] | None:
    state: str | None = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return _STATES.get(state) or _STATES.get(state[:2])
    # Without a state it is the driver that speaks: it could not connect, or the connection broke.
    gone = error.connection_invalidated or type(error.orig).__module__.partition(".")[0] == "psycopg"
    return (DatabaseGone, _GONE) if gone else None
