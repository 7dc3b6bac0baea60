"""The picture of the evidence: the leak as it lies over the rendition, and where its differences follow the code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gateway.formats import pixels
from gateway.marks.fingerprint import CELL_PX, Cells, Signs

_SPREAD_CELLS = 5


def heat_map(over: bytes, differences: Cells, signs: Signs) -> bytes:
    """A PNG: the leak in grey; red where it goes along with the signs, blue where it goes against them.

    Of a copy that did not make it red and blue are mixed evenly.
    """
    down, across = signs.shape
    grey = np.frombuffer(over, np.uint8).reshape(down * CELL_PX, across * CELL_PX)
    along = differences.astype(np.float64) * signs
    usual = np.sqrt(np.mean(along**2)) or 1.0
    heat = np.clip(_spread(np.clip(along / usual, -3, 3)) / 0.6, -1, 1)
    large = np.repeat(np.repeat(heat, CELL_PX, axis=0), CELL_PX, axis=1)[..., None]
    colour = np.where(large > 0, np.array([220.0, 30.0, 30.0]), np.array([30.0, 60.0, 220.0]))
    part = 0.55 * np.abs(large)
    return pixels.png(np.rint(grey[..., None] * (1 - part) + colour * part).astype(np.uint8))


def _spread(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of the cells around each."""
    reach = _SPREAD_CELLS
    padded = np.pad(cells, reach, mode="edge")
    sums = np.pad(padded, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    side = 2 * reach + 1
    sums_around: NDArray[np.float64] = (
        sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    )
    return sums_around / side**2
