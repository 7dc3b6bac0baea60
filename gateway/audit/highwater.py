"""The newest signed checkpoint, kept in a file outside the database.

A database put back to an earlier state looks whole from inside. With this file the log notices, and signs nothing
that contradicts what it signed before.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from gateway.base.files import fsync_folder
from gateway.base.problems import CheckFailed, Unavailable


class HighWaterMissing(CheckFailed):
    """The log has signed checkpoints, but the file that keeps the newest is gone."""

    slug = "high-water-missing"
    title = "The log's high-water mark is missing"


class HighWaterUnwritable(Unavailable):
    """The newest checkpoint cannot be put into its file, so it is not signed either."""

    slug = "high-water-unwritable"
    title = "The log's high-water mark cannot be written"


class HighWaterMark:
    """A checkpoint text in one file; what `write` returned from survives a power cut."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, *, signed_before: bool) -> str | None:
        """The newest checkpoint, None before the first; `HighWaterMissing` if one was signed and the file is gone."""
        try:
            return self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            if signed_before:
                raise HighWaterMissing(
                    "The file of the log's newest checkpoint is gone; put the newest one you hold in its place."
                ) from None
            return None

    def write(self, text: str) -> None:
        """Replace the file: temporary file beside it, fsync, rename, fsync the folder; or `HighWaterUnwritable`.

        One process after the other, by a lock on the folder.
        """
        partial = self._path.with_name(self._path.name + ".partial")
        try:
            with _one_after_the_other(self._path.parent):
                with partial.open("w", encoding="utf-8", newline="\n") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                partial.replace(self._path)
                fsync_folder(self._path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise HighWaterUnwritable(
                "The file of the log's newest checkpoint cannot be written; free disk space or check the disk."
            ) from error


@contextlib.contextmanager
def _one_after_the_other(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
