"""The two databases, each behind the same few calls: every test of a room with tables runs on both."""

from __future__ import annotations

import shutil
import sqlite3
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import tuple_row
from sqlalchemy import Engine, make_url

from gateway.db.engine import sqlite_engine
from gateway.db.metadata import Base
from gateway.db.postgres import postgres_engine
from gateway.settings import Settings
from tests.support.postgres import OWNER, Cluster, cluster


class Database(ABC):
    """A kind of database; it makes empty ones and copies full ones."""

    kind: str

    @abstractmethod
    def engine(self, folder: Path, name: str = "gateway.db") -> Engine:
        """An engine on a new empty database."""

    @abstractmethod
    def engine_with_tables(self, folder: Path) -> Engine:
        """The same with every table of every room that is loaded, until the end of this test."""

    @abstractmethod
    def disk(self, engine: Engine) -> bytes:
        """Whatever of this database lies on the disk."""

    @abstractmethod
    def settings(self, folder: Path, **more: Any) -> Settings:
        """Settings of a gateway that is to be founded in `folder` / data."""


class Sqlite(Database):
    """The embedded database."""

    kind = "sqlite"

    def engine(self, folder: Path, name: str = "gateway.db") -> Engine:
        return sqlite_engine(folder / name)

    def engine_with_tables(self, folder: Path) -> Engine:
        engine = self.engine(folder)
        Base.metadata.create_all(engine)
        return engine

    def disk(self, engine: Engine) -> bytes:
        file = Path(engine.url.database or "")
        return b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))

    def settings(self, folder: Path, **more: Any) -> Settings:
        return Settings(data_dir=folder / "data", **more)


class Postgres(Database):
    """A database of its own on the shared server."""

    kind = "postgresql"

    def __init__(self, server: Callable[[], Cluster] = cluster) -> None:
        self._server = server

    def engine(self, folder: Path, name: str = "gateway.db") -> Engine:
        return watched(cluster().url(cluster().create()))

    def engine_with_tables(self, folder: Path) -> Engine:
        return watched(cluster().url(_tabled()))

    def disk(self, engine: Engine) -> bytes:
        return cluster().disk(engine.url.database or "")

    def settings(self, folder: Path, **more: Any) -> Settings:
        server = self._server()
        return Settings(data_dir=folder / "data", database_url=server.url(server.create()), **more)


def _tabled() -> str:
    """A database with empty tables, one that an earlier test had if there is one: making tables takes a second."""
    name = _free.pop() if _free else cluster().create()
    engine = postgres_engine(cluster().url(name))
    Base.metadata.create_all(engine)
    engine.dispose()
    tables = ", ".join(f'"{table}"' for table in Base.metadata.tables)
    cluster().run(f"TRUNCATE {tables}", database=name)
    cluster().run("INSERT INTO root_key (number) VALUES (1)", database=name)
    _taken.append(name)
    return name


SQLITE, POSTGRES = Sqlite(), Postgres()
_engines: weakref.WeakSet[Engine] = weakref.WeakSet()
_newest: list[Engine] = []
_taken: list[str] = []
_free: list[str] = []


def watched(address: str, password_file: Path | None = None) -> Engine:
    """`postgres_engine`, whose connections `close_idle` closes: tests leave gateways behind as crashes do."""
    engine = postgres_engine(address, password_file)
    _engines.add(engine)
    _newest.append(engine)
    return engine


def close_idle() -> None:
    """Close the connections that nobody uses now."""
    for engine in list(_engines):
        engine.dispose()
    _newest.clear()
    _free.extend(_taken)
    _taken.clear()


def copied(settings: Settings, folder: Path) -> Settings:
    """A founded deployment's data folder and database, copied as they lie; nobody may be at work in them."""
    made = replace(settings, data_dir=folder / "data")
    shutil.copytree(settings.data_dir, made.data_dir)
    return replace(made, database_url=copied_url(settings.database_url))


def copied_url(url: str | None) -> str | None:
    """Where a copy of this database lies, if it lies on a server; nobody may be at work in it."""
    if url is None:
        return None
    close_idle()
    return cluster().url(cluster().create(make_url(url).database or ""))


def engine_of(settings: Settings) -> Engine:
    """An engine on a deployment's database."""
    if settings.database_url is None:
        return sqlite_engine(settings.database)
    return watched(settings.database_url)


def rows_of(settings: Settings) -> bytes:
    """Every value of every row, as the database gives it back."""
    with hands(settings) as run:
        values = [value for table in run.tables() for row in run(f'SELECT * FROM "{table}"') for value in row]
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in values)


def served(settings: Settings) -> bytes:
    """What a server keeps of this deployment on its disk; nothing where there is none."""
    return b"" if settings.database_url is None else cluster().disk(_name(settings))


@contextmanager
def hands(settings: Settings) -> Iterator[Hands]:
    """The hands of somebody who can write the database and knows nothing else."""
    if settings.database_url is None:
        embedded = sqlite3.connect(settings.database, isolation_level=None, timeout=30)
        try:
            yield Hands(embedded, "?")
        finally:
            embedded.close()
    else:
        address = cluster().conninfo(_name(settings), OWNER)
        with psycopg.connect(address, autocommit=True, row_factory=tuple_row) as served:
            yield Hands(served, "%s")


class Hands:
    """Runs statements with `?` for values, each committed at once."""

    def __init__(self, connection: Any, mark: str) -> None:
        self._connection = connection
        self._mark = mark

    def __call__(self, statement: str, *values: object) -> list[Any]:
        """The rows of one statement."""
        cursor = self._connection.execute(statement.replace("?", self._mark), values)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def tables(self) -> list[str]:
        """The names of all tables."""
        if self._mark == "?":
            return [name for (name,) in self("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [name for (name,) in self("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]


def _name(settings: Settings) -> str:
    name = make_url(settings.database_url or "").database
    assert name is not None
    return name
