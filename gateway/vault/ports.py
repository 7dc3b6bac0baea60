"""The BlobStore port: a place for ciphertext under random names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Protocol

from gateway.base.problems import CheckFailed, Conflict, Unavailable


class BlobMissing(CheckFailed):
    """A blob that a row speaks of is not in the store."""

    slug = "blob-missing"
    title = "Stored bytes are missing"


class BlobExists(Conflict):
    """A blob of this name exists or is being written; blobs are never overwritten."""

    slug = "blob-exists"
    title = "Stored bytes of this name exist already"


class BlobStoreUnavailable(Unavailable):
    """The store cannot be read or written now."""

    slug = "blob-store-unavailable"
    title = "The store of encrypted bytes does not work"


class BlobSink(Protocol):
    """One blob in the making, invisible until `commit`."""

    def write(self, data: memoryview) -> None:
        """Take all of `data`; keep no reference to it. Raises `StorageFull` or `BlobStoreUnavailable`."""
        ...

    def commit(self) -> None:
        """Make the blob visible, whole and durable; on any error nothing is left of it."""
        ...

    def abort(self) -> None:
        """Leave nothing of an uncommitted blob; does nothing after `commit` or `abort`."""
        ...


class BlobStore(Protocol):
    """Keeps blobs: written once, whole, durable, never overwritten.

    Names are random lower-case hexadecimal, 32 to 64 digits. The row in the database decides which blob counts.
    """

    def create(self, name: str) -> BlobSink:
        """Begin the blob `name`. Raises `BlobExists`, `StorageFull` or `BlobStoreUnavailable`."""
        ...

    def open(self, name: str) -> BinaryIO:
        """The blob's bytes, seekable, for the caller to close. Raises `BlobMissing` or `BlobStoreUnavailable`."""
        ...

    def delete(self, name: str) -> None:
        """Remove the blob durably; does nothing where there is none."""
        ...

    def names(self, older_than_s: float = 0) -> Iterator[str]:
        """The names of all committed blobs that were written at least so long ago."""
        ...

    def sweep_unfinished(self, older_than_s: float = 0) -> int:
        """Remove what writers that died at least so long ago left, never the work of one alive; how many it was."""
        ...
