"""JPEG (ITU-T T.81) read as the gate trusts it: one baseline picture, its tables, its scan, and not a byte more.

Rules, each a finding when broken: 1. SOI, then marker segments of exact length. 2. Exactly one APP0, first, the minimal
JFIF 1.01 header without density or thumbnail; no other APPn, no COM. 3. Baseline SOF0, 8 bits, three components at full
resolution. 4. Every quantisation and Huffman table is defined once, well formed and used. 5. One SOS over all
components, full spectrum. 6. The scan holds stuffed bytes only: no marker, no restart, no fill bytes. 7. EOI is the
last two bytes. 8. The decoder needs the scan's last byte: nothing is appended behind the last block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from gateway.residue.model import Finding, Kind

Pixels = NDArray[np.uint8]

_JFIF = b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
_APP0, _DQT, _SOF0, _DHT, _SOS = 0xE0, 0xDB, 0xC0, 0xC4, 0xDA
_MARKER = re.compile(rb"\xff[^\x00]")
_COMPONENTS = 3


class Broken(Exception):
    """The file breaks a rule at this place."""

    def __init__(self, place: str, kind: Kind = Kind.STRUCTURE) -> None:
        super().__init__(place)
        self.finding = Finding(kind, place)


@dataclass(slots=True)
class Walked:
    """What the walk found: size, where the scan lies, and the bytes that are not scan."""

    size_px: tuple[int, int] = (0, 0)
    scan: tuple[int, int] = (0, 0)
    segments: list[bytes] = field(default_factory=list)


def walk(data: bytes) -> Walked:
    """Check rules 1 to 7. Raises `Broken` at the first one that does not hold."""
    if data[:2] != b"\xff\xd8":
        raise Broken("byte 0: no SOI")
    walked = Walked()
    state = _Tables()
    position = 2
    while True:
        marker, body, position = _segment(data, position)
        walked.segments.append(body)
        state.take(marker, body, position)
        if marker == _SOF0:
            walked.size_px = state.size_px
        if marker == _SOS:
            break
    match = _MARKER.search(data, position)
    if match is None:
        raise Broken("the scan: no end")
    if match[0] != b"\xff\xd9":
        raise Broken(f"byte {match.start()}: marker {match[0][1]:02X} in the scan")
    walked.scan = (position, match.start())
    if match.end() != len(data):
        walked.segments.append(data[match.end() :])
        raise Broken(f"byte {match.end()}: {len(data) - match.end()} bytes after EOI", Kind.TRAILING)
    return walked


def _segment(data: bytes, position: int) -> tuple[int, bytes, int]:
    if len(data) < position + 4 or data[position] != 0xFF:
        raise Broken(f"byte {position}: no marker where one must stand")
    length = int.from_bytes(data[position + 2 : position + 4], "big")
    end = position + 2 + length
    if length < 2 or end > len(data):
        raise Broken(f"byte {position}: a segment runs past the end")
    return data[position + 1], data[position + 4 : end], end


@dataclass(slots=True)
class _Tables:
    size_px: tuple[int, int] = (0, 0)
    seen: list[int] = field(default_factory=list)
    quantisers: set[int] = field(default_factory=set)
    huffman: set[int] = field(default_factory=set)
    components: dict[int, int] = field(default_factory=dict)

    def take(self, marker: int, body: bytes, end: int) -> None:
        place = f"segment {marker:02X} ending at byte {end}"
        if (marker == _APP0) != (not self.seen):
            raise Broken(f"{place}: APP0 stands first and only once")
        self.seen.append(marker)
        if marker == _APP0:
            if body != _JFIF:
                raise Broken(f"{place}: not the minimal JFIF header")
        elif marker == _DQT:
            self._quantisers(body, place)
        elif marker == _DHT:
            self._huffman(body, place)
        elif marker == _SOF0:
            self._frame(body, place)
        elif marker == _SOS:
            self._scan(body, place)
        else:
            raise Broken(f"{place}: not among the allowed segments")

    def _quantisers(self, body: bytes, place: str) -> None:
        for name, _ in _cut(body, lambda _: 64, place):
            if name > 3 or name in self.quantisers:
                raise Broken(f"{place}: a quantisation table is not 8-bit, or stands twice")
            self.quantisers.add(name)

    def _huffman(self, body: bytes, place: str) -> None:
        for name, table in _cut(body, lambda rest: 16 + sum(rest[:16]), place):
            if name & 0xEE or name in self.huffman or not _is_code(table):
                raise Broken(f"{place}: a Huffman table is malformed, or stands twice")
            self.huffman.add(name)

    def _frame(self, body: bytes, place: str) -> None:
        if self.components or len(body) != 6 + 3 * _COMPONENTS or body[0] != 8 or body[5] != _COMPONENTS:
            raise Broken(f"{place}: not one frame of three 8-bit components")
        self.size_px = int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big")
        self.components = {body[i]: body[i + 2] for i in range(6, len(body), 3)}
        if len(self.components) != _COMPONENTS or set(body[7::3]) != {0x11}:
            raise Broken(f"{place}: a component stands twice, or is not of full resolution")

    def _scan(self, body: bytes, place: str) -> None:
        pairs = dict(zip(body[1:-3:2], body[2:-3:2], strict=False))
        whole = len(body) == 4 + 2 * _COMPONENTS and body[0] == _COMPONENTS and body[-3:] == b"\x00\x3f\x00"
        if not whole or set(pairs) != set(self.components):
            raise Broken(f"{place}: not one scan over all components")
        used = {pair >> 4 for pair in pairs.values()} | {0x10 | (pair & 15) for pair in pairs.values()}
        if used != self.huffman or set(self.components.values()) != self.quantisers:
            raise Broken(f"{place}: a table is missing, or one is there that nothing uses")


def _cut(body: bytes, length: _Length, place: str) -> Iterator[tuple[int, bytes]]:
    if not body:
        raise Broken(f"{place}: empty")
    while body:
        end = 1 + length(body[1:])
        if end > len(body):
            raise Broken(f"{place}: a table is cut off")
        yield body[0], body[1:end]
        body = body[end:]


class _Length(Protocol):
    def __call__(self, rest: bytes, /) -> int: ...


def _is_code(table: bytes) -> bool:
    counts, symbols = table[:16], table[16:]
    room = 1
    for count in counts:
        room = room * 2 - count
        if room < 0:
            return False
    return room > 0 and len(set(symbols)) == len(symbols)


def decode(data: bytes, walked: Walked) -> Pixels:
    """The pixels, by libjpeg-turbo, and rule 8. Raises `Broken`; a warning of the decoder counts as broken."""
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(data, "RGB", strict=True)
    except ValueError as error:
        raise Broken("the scan: a second decoder refuses it", Kind.UNREADABLE) from error
    start, end = walked.scan
    cut = end - 2 if data[end - 2 : end] == b"\xff\x00" else end - 1
    try:
        simplejpeg.decode_jpeg(data[: max(cut, start)] + data[end:], "GRAY", strict=True)
    except ValueError:
        return pixels
    raise Broken(f"byte {cut}: bytes behind the last block", Kind.TRAILING)
