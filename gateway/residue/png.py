"""PNG (ISO/IEC 15948) read as the gate trusts it: header, pixels, end, and not a byte more.

Rules, each a finding when broken: 1. Signature, then chunks of exact length with a right CRC. 2. IHDR first: 8-bit RGB,
deflate, adaptive filters, not interlaced. 3. Then only IDAT chunks, none empty, then an empty IEND. 4. Nothing after
IEND. 5. The zlib stream ends exactly at the end of the last IDAT, has no dictionary, and inflates to exactly the
bytes that IHDR implies. 6. Every row's filter is 0 to 4.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.residue import deflate
from gateway.residue.jpeg import Broken, Pixels
from gateway.residue.model import Kind

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB_8_BIT = b"\x08\x02\x00\x00\x00"
_CHANNELS = 3
_MAX_PIXELS = 1 << 28
_SUB, _UP, _AVERAGE, _PAETH = 1, 2, 3, 4

Signed = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Walked:
    """Size and the bytes of the zlib stream."""

    size_px: tuple[int, int]
    stream: bytes


def walk(data: bytes) -> Walked:
    """Check rules 1 to 4. Raises `Broken` at the first one that does not hold."""
    if data[:8] != _SIGNATURE:
        raise Broken("byte 0: no PNG signature")
    chunks: list[bytes] = []
    size_px = (0, 0)
    position = 8
    while True:
        kind, body, end = _chunk(data, position)
        place = f"chunk at byte {position}"
        if position == 8:
            size_px = _header(kind, body, place)
        elif kind == b"IDAT" and body:
            chunks.append(body)
        elif kind == b"IEND" and not body and chunks:
            break
        else:
            raise Broken(f"{place}: not among the allowed chunks")
        position = end
    if end != len(data):
        raise Broken(f"byte {end}: {len(data) - end} bytes after IEND", Kind.TRAILING)
    return Walked(size_px, b"".join(chunks))


def _chunk(data: bytes, position: int) -> tuple[bytes, bytes, int]:
    length = int.from_bytes(data[position : position + 4], "big")
    end = position + 12 + length
    if len(data) < position + 12 or end > len(data):
        raise Broken(f"byte {position}: a chunk runs past the end")
    kind, body = data[position + 4 : position + 8], data[position + 8 : end - 4]
    if zlib.crc32(body, zlib.crc32(kind)) != int.from_bytes(data[end - 4 : end], "big"):
        raise Broken(f"byte {position}: a chunk's CRC is wrong")
    return kind, body, end


def _header(kind: bytes, body: bytes, place: str) -> tuple[int, int]:
    if kind != b"IHDR" or len(body) != 13 or body[8:] != _RGB_8_BIT:
        raise Broken(f"{place}: not an IHDR for plain 8-bit RGB")
    width_px, height_px = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big")
    if not 0 < width_px * height_px <= _MAX_PIXELS:
        raise Broken(f"{place}: no pixels, or too many")
    return width_px, height_px


def inflate(walked: Walked) -> bytes:
    """The filtered rows, rule 5. Raises `Broken`."""
    width_px, height_px = walked.size_px
    expected = height_px * (1 + width_px * _CHANNELS)
    rows = deflate.inflate(walked.stream, expected, "the IDAT stream")
    if len(rows) != expected:
        raise Broken("the IDAT stream: not the length that the header implies")
    return rows


def unfilter(rows: bytes, size_px: tuple[int, int]) -> Pixels:
    """Pixels from filtered rows, rule 6. Raises `Broken`.

    Left, upper and upper left neighbours lie on the two anti-diagonals before, so a whole anti-diagonal is computed at
    once, whatever the filters of its rows.
    """
    width_px, height_px = size_px
    table = np.frombuffer(rows, np.uint8).reshape(height_px, 1 + width_px * _CHANNELS)
    filters = table[:, 0]
    if filters.max() > _PAETH:
        raise Broken("the IDAT stream: an unknown row filter")
    raw = table[:, 1:].reshape(height_px, width_px, _CHANNELS)
    if filters.max() <= _UP:
        return _unfilter_rows(raw, filters)
    pitch = width_px + 1
    canvas = np.zeros(((height_px + 1) * pitch, _CHANNELS), np.uint8)
    canvas.reshape(height_px + 1, pitch, _CHANNELS)[1:, 1:] = raw
    for step in range(width_px + height_px - 1):
        first = max(0, step - width_px + 1)
        last = min(step, height_px - 1)
        start = (first + 1) * pitch + (step - first + 1)
        stop = (last + 1) * pitch + (step - last + 1) + 1
        here = slice(start, stop, width_px)
        left = canvas[start - 1 : stop - 1 : width_px]
        above = canvas[start - pitch : stop - pitch : width_px]
        corner = canvas[start - pitch - 1 : stop - pitch - 1 : width_px]
        canvas[here] += _predicted(filters[first : last + 1], left, above, corner)
    return np.ascontiguousarray(canvas.reshape(height_px + 1, pitch, _CHANNELS)[1:, 1:])


def _unfilter_rows(raw: Pixels, filters: NDArray[np.uint8]) -> Pixels:
    pixels = raw.copy()
    for row, kind in enumerate(filters.tolist()):
        if kind == _SUB:
            np.cumsum(raw[row], axis=0, dtype=np.uint8, out=pixels[row])
        elif kind == _UP and row:
            pixels[row] += pixels[row - 1]
    return pixels


def _predicted(filters: NDArray[np.uint8], left: Pixels, above: Pixels, corner: Pixels) -> Pixels:
    a, b, c = left.astype(np.int16), above.astype(np.int16), corner.astype(np.int16)
    kind = filters[:, None]
    by_a, by_b, by_c = np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)
    paeth = np.where((by_a <= by_b) & (by_a <= by_c), a, np.where(by_b <= by_c, b, c))
    chosen: Signed = np.select(
        [kind == _SUB, kind == _UP, kind == _AVERAGE, kind == _PAETH], [a, b, (a + b) // 2, paeth]
    )
    return chosen.astype(np.uint8)
