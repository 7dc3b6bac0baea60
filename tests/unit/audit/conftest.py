"""A log on a real database with a real keyring, under a root key in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.seal import envelope
from tests.support.databases import Database

ORIGIN = "example.com/gateway"
MATTER = "mat_01j00000000000000000000000"


class MemoryRoot:
    """A root key that lives in memory: stands in for the key file."""

    name = "memory"

    def wrap(self, key: bytes, aad: bytes, root: int) -> bytes:
        return envelope.wrap(b"\x07" * 32, key, aad)

    def unwrap(self, wrapped: bytes, aad: bytes, root: int) -> bytes:
        return envelope.unwrap(b"\x07" * 32, wrapped, aad)


class TickingClock:
    """One second later at each look; can be set."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 31, 8, tzinfo=UTC)

    def now(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time


@pytest.fixture
def engine(database: Database, tmp_path: Path) -> Iterator[Engine]:
    engine = database.engine_with_tables(tmp_path)
    yield engine
    engine.dispose()


@pytest.fixture
def units(engine: Engine) -> Units:
    return Units(engine)


@pytest.fixture
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture
def keyring(clock: TickingClock) -> Keyring:
    return Keyring(MemoryRoot(), "tenant", clock)


@pytest.fixture
def high_water(tmp_path: Path) -> Path:
    return tmp_path / "outside" / "log.checkpoint"


@pytest.fixture
def log(units: Units, keyring: Keyring, clock: TickingClock, high_water: Path) -> Log:
    high_water.parent.mkdir()
    return Log(units, keyring, clock, ORIGIN, high_water)


@pytest.fixture
def fill(log: Log, units: Units) -> Callable[[int], None]:
    """Append this many acts, every third of them in a matter and with a body."""

    def append(count: int) -> None:
        with units.change() as session:
            for number in range(count):
                matter, body = (MATTER, {"note": f"密 {number}"}) if number % 3 == 0 else (None, None)
                log.append(session, Act("test.done", "per_1", matter=matter, facts={"number": number}, body=body))

    return append
