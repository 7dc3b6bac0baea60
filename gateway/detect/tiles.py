"""How a picture of any size is cut for a network: equal tiles that overlap, and the whole of it made small.

The networks lose small letters on large inputs, so a tile has at most 1,088 pixels a side. What is too large for the
overlap of two tiles is found where the whole picture is small enough to be one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

TILE_PX, OVERLAP_PX, STEP_PX = 1088, 160, 32

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Tile:
    """A piece of the picture, where it begins in it, and how many of the picture's pixels one of its pixels is."""

    left_px: int
    top_px: int
    scale: float
    pixels: Pixels


def tiles(picture: Pixels) -> Iterator[Tile]:
    """Every tile at full resolution; then the whole picture as one, where there were several."""
    height_px, width_px = picture.shape[:2]
    starts = [(top, left) for top in _starts(height_px) for left in _starts(width_px)]
    size = (_extent(height_px), _extent(width_px))
    for top, left in starts:
        yield Tile(left, top, 1.0, picture[top : top + size[0], left : left + size[1]])
    if len(starts) > 1:
        scale = max(height_px, width_px) / TILE_PX
        small = (max(1, round(width_px / scale)), max(1, round(height_px / scale)))
        yield Tile(0, 0, scale, np.asarray(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), np.uint8))


def padded(pixels: Pixels) -> Pixels:
    """The same with its last row and column repeated, until its sides are what the networks take."""
    below, beside = (-side % STEP_PX for side in pixels.shape[:2])
    return np.pad(pixels, ((0, below), (0, beside), (0, 0)), mode="edge")


def _count(side_px: int) -> int:
    return 1 if side_px <= TILE_PX else -(-(side_px - OVERLAP_PX) // (TILE_PX - OVERLAP_PX))


def _extent(side_px: int) -> int:
    count = _count(side_px)
    return -(-(side_px + (count - 1) * OVERLAP_PX) // count)


def _starts(side_px: int) -> list[int]:
    count, extent = _count(side_px), _extent(side_px)
    return [number * (side_px - extent) // max(1, count - 1) for number in range(count)]
