"""Whether pixels that left are those of the original wherever nothing was to be changed.

What is kept without loss is within the rounding of its levels. What went through JPEG is compared in blocks: coding
moves single pixels beside edges far, but not the mean of what a block differs by. Measured at quality 89 on natural,
noisy and striped pictures, print and stamps: pixels by at most 59 levels, blocks of 16 by at most 12.8; with a mark
that does not belong there, on white, pixels by 82 and blocks by up to 45.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gateway.residue.jpeg import Pixels
from gateway.residue.model import Rectangle

_BLOCK_PX = 16
_RING_PX = 8
_MOST_OF_A_BLOCK = 16.0
_MOST_OF_A_PIXEL = 72


def is_alike(pixels: Pixels, wanted: Pixels, boxes: Sequence[Rectangle], *, is_jpeg: bool, levels: int = 0) -> bool:
    """Whether `pixels` show what `wanted` does outside of `boxes`; rounding without loss may move them by `levels`."""
    if pixels.shape != wanted.shape:
        return False
    seen = np.ones(pixels.shape[:2], np.bool_)
    ring = _RING_PX if is_jpeg else 0
    for left, top, width, height in boxes:
        seen[max(top - ring, 0) : top + height + ring, max(left - ring, 0) : left + width + ring] = False
    differs = np.maximum(pixels, wanted) - np.minimum(pixels, wanted)
    most = differs if differs.ndim == 2 else differs.max(axis=2)
    most = np.where(seen, most, 0)
    if not is_jpeg:
        return bool(most.max(initial=0) <= levels)
    return bool(most.max(initial=0) <= _MOST_OF_A_PIXEL and _means(most).max(initial=0) <= _MOST_OF_A_BLOCK)


def _means(differs: Pixels) -> NDArray[np.float64]:
    """The mean of every block; what is missing of the last ones differs by nothing."""
    height, width = (-(-side // _BLOCK_PX) * _BLOCK_PX for side in differs.shape)
    whole = np.zeros((height, width), np.uint8)
    whole[: differs.shape[0], : differs.shape[1]] = differs
    blocks = whole.reshape(height // _BLOCK_PX, _BLOCK_PX, width // _BLOCK_PX, _BLOCK_PX)
    means: NDArray[np.float64] = blocks.mean(axis=(1, 3))
    return means
