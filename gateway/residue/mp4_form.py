"""MP4 (ISO/IEC 14496-12) read as the gate trusts it: the boxes of one track, in order, and not a byte more.

All but the parameter sets and the sizes of frames is known beforehand. They are read from their places; then the file
is put together again from them and must be the same, byte for byte.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.residue.h264_form import SECONDS_PER_KEY
from gateway.residue.jpeg import Broken
from gateway.residue.model import Kind

_TYPE = b"\0\0\0\x18ftypisom\0\0\2\0isomavc1"
_PATH = (b"trak", b"mdia", b"minf", b"stbl")
_MATRIX = bytes.fromhex("00010000 00000000 00000000 00000000 00010000 00000000 00000000 00000000 40000000")
_CONFIGURATION_AT = 8 + 8 + 78 + 8
_MAX_SET_BYTES = 200


@dataclass(frozen=True, slots=True)
class Walked:
    """The parameter sets and the frames."""

    sps: bytes
    pps: bytes
    frames: tuple[bytes, ...]


def walk(data: bytes, size_px: tuple[int, int], fps: int, count: int, matrix: int) -> Walked:
    """The one track of a file that holds nothing else. Raises `Broken`."""
    if not data.startswith(_TYPE):
        raise Broken("byte 0: not the type that must stand there")
    boxes = dict(_boxes(data, len(_TYPE), len(data)))
    if list(boxes) != [b"moov", b"mdat"]:
        raise Broken(f"byte {len(_TYPE)}: other boxes than an index and its frames")
    start, end = boxes[b"moov"]
    for kind in _PATH:
        start, end = _child(data, start, end, kind)
    sps, pps = _sets(data, *_child(data, start, end, b"stsd"))
    sizes = _sizes(data, *_child(data, start, end, b"stsz"), count)
    frames = tuple(_frames(data, *boxes[b"mdat"], sizes))
    index = _Index(size_px, fps, matrix, (sps, pps), sizes)
    head = _TYPE + index(len(_TYPE) + len(index(0)) + 8)
    for place, (found, wanted) in enumerate(zip(data, head, strict=False)):
        if found != wanted:
            raise Broken(f"byte {place}: not what the index of these frames holds")
    if boxes[b"mdat"][0] != len(head) + 8:
        raise Broken(f"byte {len(head)}: bytes between the index and the frames")
    return Walked(sps, pps, frames)


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Kind and place of every box; the last one ends where all of them do."""
    seen = set()
    while start < end:
        length, kind = int.from_bytes(data[start : start + 4]), data[start + 4 : start + 8]
        if length < 8 or start + length > end:
            raise Broken(f"byte {start}: a box of another length than it says", Kind.TRAILING)
        if kind in seen:
            raise Broken(f"byte {start}: a box that stands twice")
        seen.add(kind)
        yield kind, (start + 8, start + length)
        start += length


def _child(data: bytes, start: int, end: int, kind: bytes) -> tuple[int, int]:
    found = dict(_boxes(data, start, end))
    if kind not in found:
        raise Broken(f"byte {start}: no {kind.decode()} where one must stand")
    return found[kind]


def _sets(data: bytes, start: int, end: int) -> tuple[bytes, bytes]:
    """The one parameter set of either sort, from their places in the sample description."""
    body = data[start + _CONFIGURATION_AT : end]
    sps = body[8 : 8 + int.from_bytes(body[6:8])]
    at = 8 + len(sps) + 1
    pps = body[at + 2 : at + 2 + int.from_bytes(body[at : at + 2])]
    if not 0 < len(sps) <= _MAX_SET_BYTES or not 0 < len(pps) <= _MAX_SET_BYTES:
        raise Broken("the sample description: no parameter sets")
    return sps, pps


def _sizes(data: bytes, start: int, end: int, count: int) -> tuple[int, ...]:
    if end - start != 12 + 4 * count:
        raise Broken("the sizes of frames: another number of them", Kind.SIZE)
    return struct.unpack_from(f">{count}I", data, start + 12)


def _frames(data: bytes, start: int, end: int, sizes: Sequence[int]) -> Iterator[bytes]:
    """Every frame is one unit of the length that it says and the index says; nothing lies between or behind."""
    for number, size in enumerate(sizes, start=1):
        unit = data[start + 4 : min(start + size, end)]
        if size < 6 or int.from_bytes(data[start : start + 4]) != size - 4 or len(unit) != size - 4:
            raise Broken(f"frame {number}: not one unit of this length")
        yield unit
        start += size
    if start != end:
        raise Broken(f"byte {start}: {end - start} bytes after the last frame", Kind.TRAILING)


class _Index:
    """Everything before the frames, given where they begin."""

    def __init__(
        self, size_px: tuple[int, int], fps: int, matrix: int, sets: tuple[bytes, bytes], sizes: Sequence[int]
    ) -> None:
        self._size_px, self._fps, self._matrix, self._sets, self._sizes = size_px, fps, matrix, sets, sizes

    def __call__(self, at: int) -> bytes:
        length = struct.pack(">II", self._fps, len(self._sizes))
        movie = bytes(12) + length + b"\0\1\0\0\1\0" + bytes(10) + _MATRIX + bytes(24) + b"\0\0\0\2"
        width, height = self._size_px
        track = b"\0\0\0\3" + bytes(8) + b"\0\0\0\1" + bytes(4) + length[4:] + bytes(16) + _MATRIX
        track += struct.pack(">HHHH", width, 0, height, 0)
        media = bytes(12) + length + b"\x55\xc4\0\0"
        handler = bytes(8) + b"vide" + bytes(13)
        places = _box(b"dinf", _box(b"dref", bytes(7) + b"\1" + _box(b"url ", b"\0\0\0\1")))
        information = _box(b"minf", _box(b"vmhd", b"\0\0\0\1" + bytes(8)) + places + _box(b"stbl", self._samples(at)))
        inner = _box(b"mdhd", media) + _box(b"hdlr", handler) + information
        return _box(b"moov", _box(b"mvhd", movie) + _box(b"trak", _box(b"tkhd", track) + _box(b"mdia", inner)))

    def _samples(self, at: int) -> bytes:
        count = len(self._sizes)
        keys = [number + 1 for number in range(count) if number % (SECONDS_PER_KEY * self._fps) == 0]
        tables = {
            b"stsd": [1],
            b"stts": [1, count, 1],
            b"stss": [len(keys), *keys],
            b"stsc": [1, 1, count, 1],
            b"stsz": [0, count, *self._sizes],
            b"stco": [1, at],
        }
        words = {kind: struct.pack(f">{1 + len(table)}I", 0, *table) for kind, table in tables.items()}
        words[b"stsd"] += self._description()
        return b"".join(_box(kind, body) for kind, body in words.items())

    def _description(self) -> bytes:
        sps, pps = self._sets
        size = struct.pack(">HH", *self._size_px)
        look = bytes(6) + b"\0\1" + bytes(16) + size + b"\0\x48\0\0\0\x48\0\0" + bytes(4) + b"\0\1" + bytes(32)
        configuration = b"\1" + sps[1:4] + b"\xff\xe1" + len(sps).to_bytes(2) + sps + b"\1" + len(pps).to_bytes(2) + pps
        colours = b"nclx" + self._matrix.to_bytes(2) * 3 + b"\0"
        parts = _box(b"avcC", configuration) + _box(b"colr", colours)
        return _box(b"avc1", look + b"\0\x18\xff\xff" + parts)


def _box(kind: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4) + kind + body
