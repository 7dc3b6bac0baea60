"""Every step after which something is durable, counted, and the end of the process before or after one of them.

The steps are those the product takes through the operating system and the database driver. They are wrapped in the
dying process alone; the product knows nothing of it.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.default import DefaultDialect

KILLED = 137
_T = TypeVar("_T")


class Boundaries:
    """Counts the boundaries that the current thread crosses; others (the lease's renewal) come and go by the clock."""

    def __init__(self, stop_at: int | None = None, when: str = "before") -> None:
        self._stop_at = stop_at
        self._when = when
        self._thread = threading.get_ident()
        self._changes: dict[int, int] = {}
        self.crossed: list[str] = []

    def cross(self, name: str, step: Callable[[], _T]) -> _T:
        """Take the step, or end before or after it."""
        if threading.get_ident() != self._thread:
            return step()
        chosen = len(self.crossed) == self._stop_at
        self.crossed.append(name)
        if chosen and self._when == "before":
            os._exit(KILLED)
        result = step()
        if chosen:
            os._exit(KILLED)
        return result

    def install(self) -> None:
        """Wrap what makes things durable, for the rest of this process."""
        for name in ("rename", "replace", "link", "unlink", "truncate", "ftruncate"):
            setattr(os, name, self._wrapped(name, getattr(os, name)))
        os.fsync = self._wrapped("fsync", os.fsync)
        os.fdatasync = self._wrapped("fsync", os.fdatasync)
        write: Callable[[int, Any], int] = os.write

        def write_to_file(descriptor: int, data: Any) -> int:
            # What has no name, such as memory handed to the sandbox, is gone with the process whatever happens.
            file = os.fstat(descriptor)
            if not stat.S_ISREG(file.st_mode) or file.st_nlink == 0:
                return write(descriptor, data)
            return self.cross("write", lambda: write(descriptor, data))

        os.write = write_to_file
        for driver in (SQLiteDialect_pysqlite, PGDialect_psycopg):
            self._wrap_commit(driver)

    def _wrap_commit(self, driver: type[DefaultDialect]) -> None:
        commit: Callable[[DefaultDialect, Any], None] = driver.do_commit

        def do_commit(dialect: DefaultDialect, connection: Any) -> None:
            if self._has_written(connection.driver_connection):
                self.cross("commit", lambda: commit(dialect, connection))
            else:
                commit(dialect, connection)

        driver.do_commit = do_commit  # type: ignore[method-assign]

    def _wrapped(self, name: str, step: Callable[..., Any]) -> Any:
        return lambda *args, **named: self.cross(name, lambda: step(*args, **named))

    def _has_written(self, connection: sqlite3.Connection | psycopg.Connection[Any]) -> bool:
        if isinstance(connection, psycopg.Connection):
            return not connection.read_only
        before = self._changes.get(id(connection), 0)
        self._changes[id(connection)] = connection.total_changes
        return connection.total_changes != before
