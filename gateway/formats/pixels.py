"""Pixels, compressed: as JPEG, as PNG, or as rows of few levels."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import simplejpeg
from numpy.typing import NDArray

PNG_UP = 2
_PIECE_ROWS = 128
_PIECE_OCTETS = 3 << 14

Pixels = NDArray[np.uint8]


def has_colour(rgb: Pixels) -> bool:
    """Whether a pixel's channels differ. Neighbouring octets are compared in pieces that stay in the cache."""
    within = np.tile(np.array([255, 255, 0], np.uint8), _PIECE_OCTETS // 3)
    for start in range(0, rgb.size, _PIECE_OCTETS):
        piece = rgb[start : start + _PIECE_OCTETS]
        differs = piece[1:] ^ piece[:-1]
        differs &= within[: differs.size]
        if differs.any():
            return True
    return False


def jpeg(pixels: Pixels, quality: int) -> bytes:
    """A baseline JPEG, every channel in full resolution, without metadata.

    Straight from the rows; Pillow would copy them first. At 89 the difference to them is smaller than that of Pillow's
    encoder one step below.
    """
    data: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality, "RGB", "444", fastdct=False)
    return data


def deflated_rows(levels: Pixels) -> bytes:
    """Rows of bytes, each filtered by the one above, run lengths and Huffman: ten times faster than to try filters."""
    height_px = levels.shape[0]
    rows = np.full((height_px, 1 + levels.shape[1]), PNG_UP, np.uint8)
    rows[0, 1:] = levels[0]
    np.subtract(levels[1:], levels[:-1], out=rows[1:, 1:])
    deflate = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    return deflate.compress(rows.data) + deflate.flush()


def png(pixels: Pixels) -> bytes:
    """A PNG of 8-bit RGB or grey, every row filtered by the one above, without metadata."""
    height_px, width_px = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", deflated_rows(pixels.reshape(height_px, -1))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def packed(rows: Pixels, bits: int) -> Pixels:
    """Rows of 8-bit samples with `bits` (2 or 4) bits a sample, rounded to the nearest level, padded with zeros."""
    height_px, width = rows.shape
    each = 8 // bits
    out = np.empty((height_px, -(-width // each)), np.uint8)
    levels = np.zeros((_PIECE_ROWS, each * out.shape[1]), np.uint8)
    # Piece by piece, so that what is worked out stays in the processor's cache.
    for start in range(0, height_px, _PIECE_ROWS):
        piece = slice(start, start + _PIECE_ROWS)
        some = levels[: len(rows[piece])]
        _level(rows[piece], bits, some[:, :width])
        # The neighbours that share a byte stand in one little-endian word; a product lines them up in its highest byte.
        if bits == 2:
            out[piece] = (some.view("<u4") * np.uint32(0x40100401)) >> np.uint32(24)
        else:
            out[piece] = (some.view("<u2") * np.uint16(0x1001)) >> np.uint16(8)
    return out


def _level(rows: Pixels, bits: int, out: Pixels) -> None:
    """The nearest of four or sixteen levels, in ways that are several times faster than a division."""
    if bits == 2:
        np.greater(rows, 42, out=out.view(np.bool_))
        out += (rows > 127).view(np.uint8)
        out += (rows > 212).view(np.uint8)
    else:
        out[...] = ((rows.astype(np.uint16) + 8) * 241) >> 12
