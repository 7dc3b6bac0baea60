"""Who writes next: first come, first served within a process, and fairly between the processes of one data folder.

SQLite lets waiting writers poll for its lock. Whoever commits and writes again at once then finds it free while the
others sleep, so that one busy process starves the rest. The lock itself stays SQLite's: what is here only says whose
turn it is to ask for it, and nothing that was written depends on it.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gateway.db.failures import BUSY, FULL, Busy, StorageFull

PATIENCE_S: Final = 30.0
_LOOK_S: Final = 0.002


class Line:
    """The writers of one process, in the order in which they came. Not to be entered again by who is at its head."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._mutex = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Be the one at the head of the line; `Busy` where that takes too long."""
        self._come()
        try:
            yield
        finally:
            self._go()

    def _come(self) -> None:
        mine = threading.Lock()
        with self._mutex:
            if not self._taken:
                self._taken = True
                return
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=self._patience_s):
            return
        with self._mutex:
            if mine in self._waiting:
                self._waiting.remove(mine)
                raise Busy(BUSY)
        # The turn came between giving up and saying so.

    def _go(self) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


class Turnstile:
    """Lets one process at a time ask for the database's lock, by a lock on the file `path`.

    Whoever has passed and holds the database has to queue here again before it can hold it once more, and by then
    somebody else stands inside. A process that dies leaves it open; one that hangs makes the others `Busy`.
    """

    def __init__(self, path: Path, patience_s: float = PATIENCE_S) -> None:
        self._path = path
        self._patience_s = patience_s

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Stand inside while the database's lock is asked for."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StorageFull(FULL) from error
        try:
            deadline = time.monotonic() + self._patience_s
            while not _locked(descriptor):
                if time.monotonic() > deadline:
                    raise Busy(BUSY)
                time.sleep(_LOOK_S)
            yield
        finally:
            os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
