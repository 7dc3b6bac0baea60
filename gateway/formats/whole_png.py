"""Whether a PNG is all there (ISO/IEC 15948): what a forgiving decoder would fill up with black is no picture.

1. Every chunk ends before the file does and has the CRC it says. 2. The first is a header of the one known
compression and filtering, the last `IEND`. 3. The compressed rows are as many bytes as the header calls for, at least.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PIECE_BYTES = 1 << 20
# First column and row of each of Adam7's passes, and the steps between its columns and rows.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def is_whole(untrusted: bytes) -> bool:
    """Whether all of the above holds; memory: one piece of 1 MiB, whatever the rows inflate to."""
    view = memoryview(untrusted)
    try:
        return _inflates_to(view, _row_bytes(view))
    except (struct.error, zlib.error, KeyError, ValueError):
        return False


def _row_bytes(view: memoryview) -> int:
    kind, header = next(_chunks(view))
    width_px, height_px, bits, colour, compression, filtering, interlaced = struct.unpack(">IIBBBBB", header)
    if kind != b"IHDR" or compression or filtering:
        raise ValueError("header")
    total = 0
    for left, top, across, down in _PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width_px - left) // across), -(-(height_px - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits * _CHANNELS[colour] // 8))
    return total


def _inflates_to(view: memoryview, wanted: int) -> bool:
    inflating, found, ended = zlib.decompressobj(), 0, False
    for kind, body in _chunks(view):
        ended = kind == b"IEND"
        if kind == b"IDAT" and found < wanted:
            piece = inflating.decompress(body, _PIECE_BYTES)
            while piece and found < wanted:
                found += len(piece)
                piece = inflating.decompress(inflating.unconsumed_tail, _PIECE_BYTES)
    return ended and found >= wanted


def _chunks(view: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Kind and body of each chunk up to `IEND`."""
    at, kind = 8, b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", view, at)
        body = view[at + 8 : at + 8 + length]
        if struct.unpack_from(">I", view, at + 8 + length) != (zlib.crc32(view[at + 4 : at + 8 + length]),):
            raise ValueError("check")
        yield kind, body
        at += 12 + length
