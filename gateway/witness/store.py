"""What a witness remembers of each log: its keys, and the newest checkpoint that it cosigned.

Comparing and replacing is one transaction of SQLite, durable when it returns, so that of two requests that race the
second sees what the first left, in whatever process it runs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.base.problems import Unavailable

_SCHEMA = """
CREATE TABLE IF NOT EXISTS log (
    origin TEXT PRIMARY KEY, vkeys TEXT NOT NULL, size INTEGER NOT NULL, root BLOB, note TEXT
) STRICT, WITHOUT ROWID
"""
_PATIENCE_S = 10.0


class WitnessUnusable(Unavailable):
    """The witness's own database cannot be read or written: it cosigns nothing."""

    slug = "witness-unusable"
    title = "The witness cannot remember what it cosigned"


@dataclass(frozen=True, slots=True)
class Seen:
    """A log as the witness knows it; `root` and `note` are None before its first checkpoint."""

    origin: str
    vkeys: str
    size: int = 0
    root: bytes | None = None
    note: str | None = None


class Store:
    """The witness's database, opened anew for each use."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self) -> None:
        """Make the table where there is none."""
        with self._connected(must_exist=False) as connection:
            connection.execute(_SCHEMA)

    def trust(self, origin: str, vkeys: str) -> bool:
        """Know this log by these keys from now on; False where it is known by others, which stay."""
        with self._connected() as connection:
            connection.execute("INSERT OR IGNORE INTO log VALUES (?, ?, 0, NULL, NULL)", (origin, vkeys))
            return _seen(connection.execute("SELECT * FROM log WHERE origin = ?", (origin,)).fetchone()).vkeys == vkeys

    def follow(self, origin: str, decide: Callable[[Seen], str]) -> None:
        """Know a log by the keys that `decide` gives from now on; what was cosigned stays."""
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            row = connection.execute("SELECT * FROM log WHERE origin = ?", (origin,)).fetchone()
            connection.execute("UPDATE log SET vkeys = ? WHERE origin = ?", (decide(_seen(row)), origin))
            connection.execute("COMMIT")

    def logs(self) -> list[Seen]:
        """Every log that is known."""
        with self._connected() as connection:
            return [Seen(*row) for row in connection.execute("SELECT * FROM log ORDER BY origin")]

    def find(self, origin: str) -> Seen | None:
        """The log of this origin, if it is known."""
        with self._connected() as connection:
            row = connection.execute("SELECT * FROM log WHERE origin = ?", (origin,)).fetchone()
        return None if row is None else Seen(*row)

    def replace(self, origin: str, decide: Callable[[Seen], Seen]) -> Seen:
        """Put what `decide` makes of the log in its place, nobody else coming between.

        What it raises leaves everything as it was: a connection that is closed before its commit takes all back.
        """
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            row = connection.execute("SELECT * FROM log WHERE origin = ?", (origin,)).fetchone()
            new = decide(_seen(row))
            connection.execute(
                "UPDATE log SET size = ?, root = ?, note = ? WHERE origin = ?",
                (new.size, new.root, new.note, origin),
            )
            connection.execute("COMMIT")
        return new

    @contextmanager
    def _connected(self, *, must_exist: bool = True) -> Iterator[sqlite3.Connection]:
        mode = "rw" if must_exist else "rwc"
        try:
            uri = f"{self._path.absolute().as_uri()}?mode={mode}"
            with closing(sqlite3.connect(uri, uri=True, timeout=_PATIENCE_S, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous=EXTRA")
                yield connection
        except sqlite3.Error as error:
            raise WitnessUnusable(
                "The witness's database cannot be used now; check its folder and its disk."
            ) from error


def _seen(row: tuple[Any, ...] | None) -> Seen:
    if row is None:
        raise WitnessUnusable("The witness's database lost a log; do not put back a copy, make a new witness.")
    return Seen(*row)
