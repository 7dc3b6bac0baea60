"""Blobs as files in one folder: write, fsync, rename, fsync the folder."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import math
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from gateway.base.files import fsync_folder, write_all
from gateway.base.problems import Problem
from gateway.db.failures import StorageFull
from gateway.vault.ports import BlobExists, BlobMissing, BlobStoreUnavailable

_NAME = re.compile(r"[0-9a-f]{32,64}")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FolderBlobStore:
    """Keeps each blob as a file of mode 0600 under `folder`; unfinished ones in its subfolder `tmp`.

    A writer holds a lock on its temporary file for as long as it lives, which tells work in progress from the
    leftovers of a crash. No blob is begun while less than `floor_bytes` are free. Needs a POSIX file system with
    atomic rename and `flock`.
    """

    def __init__(self, folder: Path, floor_bytes: int = 0) -> None:
        self._folder = folder
        self._floor_bytes = floor_bytes
        self._unfinished = folder / "tmp"
        with _narrowed():
            self._unfinished.mkdir(mode=0o700, parents=True, exist_ok=True)
            fsync_folder(folder)
            fsync_folder(folder.parent)

    def create(self, name: str) -> FolderBlobSink:
        """Begin the blob `name`; one writer at a time can, and none where it exists."""
        target = self._path(name)
        # What is left below the floor belongs to the log and the database, which have to be able to say no.
        with _narrowed():
            if shutil.disk_usage(self._folder).free < self._floor_bytes:
                raise OSError(errno.ENOSPC, "below the floor")
        return FolderBlobSink(self._unfinished / name, target)

    def open(self, name: str) -> BinaryIO:
        """The blob's bytes, seekable and unbuffered, for the caller to close."""
        path = self._path(name)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            # A disk that is not mounted must not look like lost bytes.
            if isinstance(error, FileNotFoundError) and self._unfinished.is_dir():
                raise BlobMissing("The stored bytes are missing.") from error
            raise _translated(error) from error
        return os.fdopen(descriptor, "rb", buffering=0)

    def delete(self, name: str) -> None:
        """Remove the blob durably; does nothing where there is none."""
        path = self._path(name)
        with _narrowed():
            path.unlink(missing_ok=True)
            fsync_folder(self._folder)

    def names(self, older_than_s: float = 0) -> Iterator[str]:
        """The names of all committed blobs that were written at least so long ago."""
        newest = time.time() - older_than_s
        with _narrowed(), os.scandir(self._folder) as entries:
            blobs = [entry for entry in entries if _NAME.fullmatch(entry.name)]
        for blob in blobs:
            with contextlib.suppress(FileNotFoundError):
                if older_than_s <= 0 or blob.stat(follow_symlinks=False).st_mtime <= newest:
                    yield blob.name

    def sweep_unfinished(self, older_than_s: float = 0) -> int:
        """Remove the temporary files whose writers have died, if nothing was written to them for so long.

        0 is for where nobody else is at work: a writer may be between making its file and locking it.
        """
        newest = time.time() - older_than_s if older_than_s > 0 else math.inf
        with _narrowed():
            return sum(_remove_if_abandoned(path, newest) for path in list(self._unfinished.iterdir()))

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError("a blob's name is 32 to 64 lower-case hexadecimal digits")
        return self._folder / name


class FolderBlobSink:
    """One blob in the making. Its temporary name follows from its own, so that two writers cannot both make it."""

    def __init__(self, temporary: Path, target: Path) -> None:
        self._temporary = temporary
        self._target = target
        self._descriptor = -1
        with self._all_or_nothing():
            self._descriptor = os.open(
                temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.lexists(target):
                raise FileExistsError(errno.EEXIST, "the blob exists")

    def write(self, data: memoryview) -> None:
        """Take all of `data`; on an error nothing is left of the blob."""
        self._check_open()
        with self._all_or_nothing():
            write_all(self._descriptor, data)

    def commit(self) -> None:
        """fsync, rename, fsync the folder: on return the blob is whole, visible and durable."""
        self._check_open()
        with self._all_or_nothing():
            os.fsync(self._descriptor)
            # Nobody else can be renaming to this name: that needs the temporary file which this writer holds.
            os.rename(self._temporary, self._target)  # noqa: PTH104 the trace of these calls is the promise
            try:
                fsync_folder(self._target.parent)
            except OSError:
                self._target.unlink()
                raise
        self._close()

    def abort(self) -> None:
        """Leave nothing of an uncommitted blob."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                self._temporary.unlink()
            self._close()

    def _check_open(self) -> None:
        if self._descriptor < 0:
            raise ValueError("this blob is finished")

    @contextlib.contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        try:
            with _narrowed():
                yield
        except Problem:
            self.abort()
            raise

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _remove_if_abandoned(path: Path, newest: float) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        if os.fstat(descriptor).st_mtime > newest:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _narrowed() -> Iterator[None]:
    """Turn the system's errors into the few that the port names."""
    try:
        yield
    except OSError as error:
        raise _translated(error) from error


def _translated(error: OSError) -> Problem:
    if isinstance(error, FileExistsError):
        return BlobExists("Stored bytes of this name exist or are being written; take a fresh name.")
    if error.errno in _FULL:
        return StorageFull("There is no room for these bytes; free disk space and send them again.")
    return BlobStoreUnavailable("The folder of encrypted bytes cannot be used; check the disk and the folder's rights.")
