"""The packager: takes a cleared release and nothing else, and reads no bytes but those its approvals name."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from gateway.base.problems import CheckFailed
from gateway.review.model import Cleared, FileFact

_EPOCH = (1980, 1, 1, 0, 0, 0)


class BytesChanged(CheckFailed):
    """Stored bytes are not the bytes that were approved."""

    slug = "bytes-changed"
    title = "Stored bytes are not the approved bytes"


class Opened(Protocol):
    """Stored bytes as chunks."""

    def chunks(self) -> Iterator[bytes]:
        """The plaintext, in order."""
        ...


Opener = Callable[[str], Opened]


def members(
    cleared: Cleared, opener: Opener, beside: Iterable[tuple[str, bytes]]
) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Every file of the package: the approved ones, digest-checked while they stream, and the proofs beside them."""
    for fact in cleared.case.files:
        yield fact.path, _checked(fact, opener(fact.object_id))
    for path, data in beside:
        yield path, iter((data,))


def zip_chunks(entries: Iterable[tuple[str, Iterator[bytes]]]) -> Iterator[bytes]:
    """A stored zip as a stream of chunks, with fixed times and order, so that nothing but content is in it."""
    drain = _Drain()
    with zipfile.ZipFile(drain, "w", zipfile.ZIP_STORED) as archive:
        for path, chunks in entries:
            info = zipfile.ZipInfo(path, date_time=_EPOCH)
            info.external_attr = 0o644 << 16
            info.create_system = 3
            with archive.open(info, "w") as member:
                for chunk in chunks:
                    member.write(chunk)
                    yield from drain.taken()
    yield from drain.taken()


class ChunkReader(io.RawIOBase):
    """A readable stream over chunks, for a consumer that pulls."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` with the next bytes; 0 at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


class _Drain(io.RawIOBase):
    """An unseekable sink whose content is taken away as it grows."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._offset = 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        return self._offset

    def write(self, data) -> int:  # type: ignore[no-untyped-def, override]
        part = bytes(data)
        self._parts.append(part)
        self._offset += len(part)
        return len(part)

    def taken(self) -> list[bytes]:
        parts, self._parts = self._parts, []
        return parts


def _checked(fact: FileFact, opened: Opened) -> Iterator[bytes]:
    digest, size = hashlib.sha256(), 0
    for chunk in opened.chunks():
        digest.update(chunk)
        size += len(chunk)
        yield chunk
    if digest.hexdigest() != fact.sha256 or size != fact.size_bytes:
        raise BytesChanged(
            f"The stored bytes of {fact.path} are not the bytes that were approved; nothing was packaged."
        )
