"""Who is at work in a folder: who comes first may tidy it, and nobody comes in before that is done."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Self

from gateway.base.problems import Conflict


class Occupied(Conflict):
    """Somebody else does what only one process at a time may do here."""

    slug = "occupied"
    title = "Another process does this already"


class Presence:
    """One opening of a folder, held as a shared lock on the file `lock` until `close` or the end of the process.

    `arrive` is called once, before this returns: with True where nobody else is in the folder, and then nobody else
    gets in until it has returned; with False where others are at work. Needs a POSIX file system with `flock`.
    """

    def __init__(self, lock: Path, arrive: Callable[[bool], object]) -> None:
        self._descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            alone = self._only_one()
            if not alone:
                fcntl.flock(self._descriptor, fcntl.LOCK_SH)
            arrive(alone)
            # Between the two locks somebody else may come in first and tidy too: nothing has been begun here yet.
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)
        except BaseException:  # not held back: the lock is given up whatever ends it
            self.close()
            raise

    def require_alone(self, refusal: str) -> None:
        """Keep everybody else out from here to the end, or `Occupied` where somebody is in the folder."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            # The attempt may have given the shared lock up.
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)
            raise Occupied(refusal) from error

    def close(self) -> None:
        """Leave the folder; does nothing the second time."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        if getattr(self, "_descriptor", -1) >= 0:
            self.close()

    def _only_one(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class Alone:
    """What one process at a time may do in a folder, for as long as the `with` block lasts, or `Occupied`.

    Held as a lock on a file, so that it ends with the process, however that ends.
    """

    def __init__(self, lock: Path, refusal: str) -> None:
        self._lock = lock
        self._refusal = refusal
        self._descriptor = -1

    def __enter__(self) -> Self:
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise Occupied(self._refusal) from error
        self._descriptor = descriptor
        return self

    def __exit__(self, *_exception: object) -> None:
        os.close(self._descriptor)
