"""A key ring on real SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gateway.base.clock import SystemClock
from gateway.db.metadata import Base
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.seal.envelope import unwrap, wrap
from tests.support.databases import Database


class RootKey:
    """A key provider whose root key is known to the test."""

    name = "test"

    def __init__(self, root: bytes = bytes(range(32))) -> None:
        self.root = root

    def wrap(self, key: bytes, aad: bytes, root: int) -> bytes:
        return wrap(self.root, key, aad)

    def unwrap(self, wrapped: bytes, aad: bytes, root: int) -> bytes:
        return unwrap(self.root, wrapped, aad)


class Change(Protocol):
    """Opens a unit of work that has its audit entry."""

    def __call__(self) -> AbstractContextManager[Session]: ...


@pytest.fixture
def engine(database: Database, tmp_path: Path) -> Iterator[Engine]:
    engine = database.engine(tmp_path)
    with engine.begin() as connection:
        Base.metadata.create_all(connection, tables=[Base.metadata.tables[name] for name in ("key", "root_key")])
        connection.execute(text("CREATE TABLE audit_entry (note TEXT)"))
    yield engine
    engine.dispose()


@pytest.fixture
def units(engine: Engine) -> Units:
    return Units(engine)


@pytest.fixture
def change(units: Units) -> Change:
    @contextmanager
    def opened() -> Iterator[Session]:
        with units.change() as session:
            session.execute(text("INSERT INTO audit_entry VALUES ('a test changed something')"))
            yield session

    return opened


@pytest.fixture
def provider() -> RootKey:
    return RootKey()


@pytest.fixture
def keyring(provider: RootKey) -> Keyring:
    return Keyring(provider, "tenant-1", SystemClock())
