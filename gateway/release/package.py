"""The packager: takes a cleared release and nothing else, and reads no bytes but those its approvals name.

The zip is written in one exact form, so that nothing can hide in it: entries in name order, stored, no extra fields,
no comments, all times 1980-01-01. Every file is read twice: once to compare it with its approved digest before the
first byte of the package is written, once to copy it.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from gateway.base.problems import CheckFailed, TooLarge
from gateway.review.model import Cleared, FileFact

_DATE_1980 = 0x0021
_MODE = 0o100644 << 16
_LIMIT_BYTES = 0xFFFFFFFE


class BytesChanged(CheckFailed):
    """Stored bytes are not the bytes that were approved."""

    slug = "bytes-changed"
    title = "Stored bytes are not the approved bytes"


class PackageTooLarge(TooLarge):
    """A package beyond what a plain zip holds."""

    slug = "package-too-large"
    title = "The package is too large"


class Opened(Protocol):
    """Stored bytes as chunks."""

    def chunks(self) -> Iterator[bytes]:
        """The plaintext, in order."""
        ...


Opener = Callable[[str], AbstractContextManager[Opened]]


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the package: its name, what its bytes are, and how to read them again."""

    path: str
    size_bytes: int
    crc32: int
    read: Callable[[], Iterator[bytes]]


def members(cleared: Cleared, opener: Opener, beside: Iterable[tuple[str, bytes]]) -> list[Member]:
    """Every file of the package in name order; raises `BytesChanged` naming the file that is not as approved."""
    found = [_approved(fact, opener) for fact in cleared.case.files]
    found += [Member(path, len(data), zlib.crc32(data), _once(data)) for path, data in beside]
    return sorted(found, key=lambda member: member.path)


def zip_chunks(entries: Iterable[Member]) -> Iterator[bytes]:
    """The package as a stream of chunks."""
    directory, offset, count = bytearray(), 0, 0
    for entry in entries:
        name = entry.path.encode("ascii")
        sizes = (entry.crc32, entry.size_bytes, entry.size_bytes)
        if offset + entry.size_bytes + len(directory) > _LIMIT_BYTES:
            raise PackageTooLarge("The package would pass 4 GiB; split the release.")
        yield struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, _DATE_1980, *sizes, len(name), 0) + name
        directory += struct.pack("<4s4B4H", b"PK\x01\x02", 20, 3, 20, 0, 0, 0, 0, _DATE_1980)
        directory += struct.pack("<3L5H2L", *sizes, len(name), 0, 0, 0, 0, _MODE, offset) + name
        crc = 0
        for chunk in entry.read():
            crc = zlib.crc32(chunk, crc)
            yield chunk
        if crc != entry.crc32:
            raise _changed(entry.path)
        offset += 30 + len(name) + entry.size_bytes
        count += 1
    yield bytes(directory)
    yield struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), offset, 0)


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


def _approved(fact: FileFact, opener: Opener) -> Member:
    digest, size, crc = hashlib.sha256(), 0, 0
    with opener(fact.object_id) as opened:
        for chunk in opened.chunks():
            digest.update(chunk)
            crc = zlib.crc32(chunk, crc)
            size += len(chunk)
    if digest.hexdigest() != fact.sha256 or size != fact.size_bytes:
        raise _changed(fact.path)

    def again() -> Iterator[bytes]:
        with opener(fact.object_id) as opened:
            yield from opened.chunks()

    return Member(fact.path, size, crc, again)


def _once(data: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: iter((data,))


def _changed(path: str) -> BytesChanged:
    return BytesChanged(f"The stored bytes of {path} are not the bytes that were approved; nothing was packaged.")
