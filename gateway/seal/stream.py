"""Tink's streaming AEAD `AES256_GCM_HKDF_1MB`: any size in bounded memory, readable at any offset.

File = header ‖ segments. Header (40 bytes) = length byte 40 ‖ salt (32) ‖ nonce prefix (7). A segment is 1 MiB of
ciphertext with its 16-byte tag, the first one shorter by the header, the last one as long as what is left.
Segment key = HKDF-SHA256(key, salt, info = AAD); nonce = prefix ‖ index (4, big-endian) ‖ 1 in the last segment.

A reader that jumps to an offset never sees the end of the file, so the plaintext length is an argument: it must
come from authenticated metadata, or a truncation at a segment border would go unseen.
Standard: https://developers.google.com/tink/streaming-aead/aes_gcm_hkdf_streaming
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from secrets import token_bytes
from typing import BinaryIO, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.base.problems import CheckFailed

SEGMENT_BYTES = 1 << 20
HEADER_BYTES = 40
TAG_BYTES = 16
KEY_BYTES = 32

_SALT_BYTES = 32
_PREFIX_BYTES = 7
_ROOM = SEGMENT_BYTES - TAG_BYTES
_FIRST_ROOM = _ROOM - HEADER_BYTES
_MAX_SEGMENTS = 1 << 32


class StreamTampered(CheckFailed):
    """The stored bytes differ from those that were sealed.

    The member `failure` says where: `length`, `header` or `segment` (then `segment` is its index). A wrong key or
    a wrong AAD shows as segment 0 or as whichever segment was asked for.
    """

    slug = "stream-tampered"
    title = "Sealed bytes differ from what was sealed"


class StreamWriter:
    """Seals a stream into `sink` with two reused buffers, each at most 1 MiB and no larger than a short stream.

    `sink` takes all bytes of the view it is given and keeps none: the view is overwritten by the next segment.
    Once a write or the sink has failed the writer stays closed, because going on would use a nonce twice.
    """

    def __init__(self, key: bytes, aad: bytes, sink: Callable[[memoryview], object]) -> None:
        salt = token_bytes(_SALT_BYTES)
        self._prefix = token_bytes(_PREFIX_BYTES)
        self._cipher = AESGCM(_segment_key(key, salt, aad))
        self._sink = sink
        self._pending = memoryview(b"")
        self._out = memoryview(b"")
        self._filled = 0
        self._room = _FIRST_ROOM
        self._index = 0
        self._open = True
        self.plaintext_bytes = 0
        self.ciphertext_bytes = 0
        self._send(memoryview(bytes([HEADER_BYTES]) + salt + self._prefix))

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Seal `data` after what came before. A full segment waits until it is known not to be the last."""
        if not self._open:
            raise ValueError("the stream is closed")
        rest = memoryview(data).cast("B")
        self.plaintext_bytes += len(rest)
        while rest:
            if self._filled == self._room:
                self._seal(self._pending[: self._filled], last=False)
                self._filled = 0
            elif self._filled == 0 and len(rest) > self._room:
                whole, rest = rest[: self._room], rest[self._room :]
                self._seal(whole, last=False)
            else:
                taken = min(len(rest), self._room - self._filled)
                self._make_room(self._filled + taken)
                self._pending[self._filled : self._filled + taken] = rest[:taken]
                self._filled += taken
                rest = rest[taken:]

    def close(self) -> None:
        """Seal the last segment, which may be empty only if the whole stream is."""
        if not self._open:
            raise ValueError("the stream is closed")
        self._seal(self._pending[: self._filled], last=True)
        self._open = False

    def _make_room(self, needed_bytes: int) -> None:
        held_bytes = len(self._pending)
        if held_bytes < needed_bytes:
            larger = memoryview(bytearray(min(_ROOM, max(needed_bytes, 2 * held_bytes))))
            larger[: self._filled] = self._pending[: self._filled]
            self._pending = larger

    def _seal(self, plaintext: memoryview, *, last: bool) -> None:
        self._open = False
        if self._index >= _MAX_SEGMENTS:
            raise ValueError("the stream has more segments than the format can count")
        if len(self._out) < len(plaintext) + TAG_BYTES:
            self._out = memoryview(bytearray(len(plaintext) + TAG_BYTES if last else SEGMENT_BYTES))
        sealed = self._out[: len(plaintext) + TAG_BYTES]
        self._cipher.encrypt_into(_nonce(self._prefix, self._index, last=last), plaintext, None, sealed)
        self._index += 1
        self._room = _ROOM
        self._send(sealed)
        self._open = True

    def _send(self, sealed: memoryview) -> None:
        self._sink(sealed)
        self.ciphertext_bytes += len(sealed)


class RangeReader:
    """Reads any range of a sealed stream; no byte is returned before its segment has been authenticated.

    `plaintext_bytes` comes from authenticated metadata. The source is seekable and stays the caller's to close.
    """

    def __init__(self, key: bytes, aad: bytes, source: BinaryIO, plaintext_bytes: int) -> None:
        self.plaintext_bytes = plaintext_bytes
        self._source = source
        self._segments = _segment_count(plaintext_bytes)
        self._sealed_bytes = ciphertext_size(plaintext_bytes)
        found_bytes = source.seek(0, os.SEEK_END)
        if found_bytes != self._sealed_bytes:
            raise StreamTampered(
                f"The sealed bytes number {found_bytes} where {self._sealed_bytes} were written.", failure="length"
            )
        header = self._read(0, HEADER_BYTES)
        if header[0] != HEADER_BYTES:
            raise StreamTampered("The header of the sealed bytes differs from its format.", failure="header")
        self._cipher = AESGCM(_segment_key(key, header[1 : 1 + _SALT_BYTES], aad))
        self._prefix = header[1 + _SALT_BYTES :]

    def read_range(self, offset: int, length: int) -> bytes:
        """The bytes from `offset`, at most `length` of them, fewer at the end of the stream."""
        return b"".join(self.chunks(offset, length))

    def chunks(self, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The same range piece by piece, each at most 1 MiB. Reading to the end authenticates the end."""
        if offset < 0 or (length is not None and length < 0):
            raise ValueError("a range starts and extends at zero or more")
        end = self.plaintext_bytes if length is None else min(offset + length, self.plaintext_bytes)
        return self._chunks(offset, end)

    def _chunks(self, offset: int, end: int) -> Iterator[bytes]:
        if offset == end == 0:
            self._segment(0)
        while offset < end:
            span = _span_at(offset)
            piece = self._segment(span.number)[offset - span.start : end - span.start]
            offset += len(piece)
            yield piece

    def _segment(self, index: int) -> bytes:
        start = HEADER_BYTES if index == 0 else index * SEGMENT_BYTES
        stop = min((index + 1) * SEGMENT_BYTES, self._sealed_bytes)
        nonce = _nonce(self._prefix, index, last=index == self._segments - 1)
        try:
            return self._cipher.decrypt(nonce, self._read(start, stop - start), None)
        except InvalidTag as error:
            raise StreamTampered(
                f"Segment {index} of the sealed bytes does not open: it, its key or its context differs.",
                failure="segment",
                segment=index,
            ) from error

    def _read(self, start: int, length: int) -> bytes:
        self._source.seek(start)
        data = self._source.read(length)
        while len(data) < length:
            more = self._source.read(length - len(data))
            if not more:
                raise StreamTampered("The sealed bytes end early.", failure="length")
            data += more
        return data


def ciphertext_size(plaintext_bytes: int) -> int:
    """The exact size of the sealed stream over `plaintext_bytes`."""
    return HEADER_BYTES + plaintext_bytes + TAG_BYTES * _segment_count(plaintext_bytes)


class _Span(NamedTuple):
    number: int
    start: int


def _span_at(offset: int) -> _Span:
    """The segment that holds plaintext `offset`, and where its plaintext starts."""
    if offset < _FIRST_ROOM:
        return _Span(0, 0)
    later = (offset - _FIRST_ROOM) // _ROOM
    return _Span(1 + later, _FIRST_ROOM + later * _ROOM)


def _segment_count(plaintext_bytes: int) -> int:
    if plaintext_bytes < 0:
        raise ValueError("a stream has no negative length")
    return 1 + max(0, -(-(plaintext_bytes - _FIRST_ROOM) // _ROOM))


def _segment_key(key: bytes, salt: bytes, aad: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a stream key has {KEY_BYTES} bytes")
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=aad).derive(key)


def _nonce(prefix: bytes, index: int, *, last: bool) -> bytes:
    return prefix + index.to_bytes(4, "big") + bytes([last])
