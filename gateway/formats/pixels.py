"""Pixels, compressed: as JPEG, or as rows of few levels."""

from __future__ import annotations

import io
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PNG_UP = 2
_PIECE_ROWS = 32

Pixels = NDArray[np.uint8]


def jpeg(pixels: Pixels, quality: int) -> bytes:
    """A baseline JPEG, every channel in full resolution, without metadata."""
    out = io.BytesIO()
    picture = Image.fromarray(pixels)
    picture.save(out, "JPEG", quality=quality, subsampling=0, optimize=False, progressive=False)
    return out.getvalue()


def deflated_rows(levels: Pixels) -> bytes:
    """Rows of bytes, each filtered by the one above, run lengths and Huffman: ten times faster than to try filters."""
    height_px = levels.shape[0]
    rows = np.full((height_px, 1 + levels.shape[1]), PNG_UP, np.uint8)
    rows[0, 1:] = levels[0]
    np.subtract(levels[1:], levels[:-1], out=rows[1:, 1:])
    deflate = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    return deflate.compress(rows.data) + deflate.flush()


def packed(rows: Pixels, bits: int) -> Pixels:
    """Rows of 8-bit samples with `bits` (2 or 4) bits a sample, rounded to the nearest level, padded with zeros."""
    # Piece by piece, so that what is worked out stays in the processor's cache.
    return np.concatenate(
        [_packed(rows[start : start + _PIECE_ROWS], bits) for start in range(0, len(rows), _PIECE_ROWS)]
    )


def _packed(rows: Pixels, bits: int) -> Pixels:
    # A level is 85 or 17 apart from the next; dividing by that is a product and a shift, several times faster.
    half, factor, shift = (42, 193, 14) if bits == 2 else (8, 241, 12)
    levels = (((rows.astype(np.uint16) + half) * factor) >> shift).astype(np.uint8)
    missing = -levels.shape[1] % (8 // bits)
    if missing:
        levels = np.pad(levels, ((0, 0), (0, missing)))
    # The neighbours that share a byte stand in one little-endian word; a product lines them up in its highest byte.
    if bits == 2:
        return ((levels.view("<u4") * np.uint32(0x40100401)) >> np.uint32(24)).astype(np.uint8)
    return ((levels.view("<u2") * np.uint16(0x1001)) >> np.uint16(8)).astype(np.uint8)
