"""Engines with durable settings: what is committed survives a power cut."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event

from gateway.db.writers import Turnstile

BUSY_PATIENCE_MS: Final = 30_000

# secure_delete overwrites a shredded key's page; temp_store keeps SQLite's own scratch off the disk.
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    f"busy_timeout={BUSY_PATIENCE_MS}",
    "secure_delete=ON",
    "temp_store=MEMORY",
    "trusted_schema=OFF",
)


def sqlite_engine(path: Path) -> Engine:
    """An engine on the SQLite file at `path`: write-ahead log, full fsync, one writer at a time.

    Writing transactions begin IMMEDIATE, so that two writers queue instead of one failing at its first write. The file
    beside it that ends in `-turn` is empty; by its lock the processes take turns.
    """
    turnstile = Turnstile(path.with_name(f"{path.name}-turn"))
    engine = create_engine(f"sqlite:///{path}", hide_parameters=True, pool_size=8, max_overflow=32)

    @event.listens_for(engine, "connect")
    def _settle(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("gateway_reading", False)
        if reading:
            connection.exec_driver_sql("BEGIN")
        else:
            with turnstile.passing():
                connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
