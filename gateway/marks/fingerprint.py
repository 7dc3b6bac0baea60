"""The hidden mark of a picture: one sign for each cell of a grid, laid into its brightness, different for every copy.

A *seed* (32 bytes, `gateway.seal.tracing`) gives the signs: a keyed pseudo-random code that nobody without the key can
tell from coin throws. Each cell becomes a little lighter or darker, most where the picture has texture. To find the
code again one needs the *ground*, the picture without fingerprint and mark in small: what differs from it is correlated
with the signs of every copy.

For a copy that did not make a picture the signs are independent of whatever is seen there, so its score is at least `t`
with a probability of at most exp(-t²/2), whatever was done to the picture (Hoeffding's inequality for signs). This
holds only as long as the whole code is independent: no part of it may repeat, nor be a code that corrects errors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gateway.base.problems import Refused

CELLS_ALONG = 320
CELL_PX = 4
LEAST_CELLS = 6000
# 42 dB and more against the picture without it; a level is a 255th.
_LEVELS_RMS = 1.75
_FLAT, _TEXTURE_LEVELS, _MOST = 0.45, 14.0, 2.6
# What is left of the mean square of independent signs between whose cells it is drawn evenly, in both directions.
_EVENLY = 4 / 9
_FLAT_MOST_LEVELS = 1.1
# More would be seen beside an edge in a picture that is flat elsewhere.
MOST_LEVELS = 5.0
_ONE = 1 << 5
_BITS = 5

Pixels = NDArray[np.uint8]
Signs = NDArray[np.int8]
Cells = NDArray[np.float32]
Rectangle = tuple[int, int, int, int]


class FingerprintDoesNotFit(Refused):
    """The picture has too few cells that could tell this copy from another."""

    slug = "fingerprint-does-not-fit"
    title = "The picture has no room for its fingerprint"


def grid_of(size_px: tuple[int, int]) -> tuple[int, int]:
    """How many cells a picture of this size (width, height) has across and down."""
    longest = max(size_px)
    along = min(CELLS_ALONG, longest // 2)
    width, height = (max(1, round(along * side / longest)) for side in size_px)
    return width, height


def ground_size_of(size_px: tuple[int, int]) -> tuple[int, int]:
    """The size of the ground of a picture of this size."""
    across, down = grid_of(size_px)
    return across * CELL_PX, down * CELL_PX


def ground_of(pixels: Pixels) -> Pixels:
    """The picture, 8-bit RGB, in grey and with `CELL_PX` pixels for each cell. Covered by boxes if they are laid."""
    height_px, width_px = pixels.shape[:2]
    size_px = ground_size_of((width_px, height_px))
    resample = Image.Resampling.BOX if width_px >= size_px[0] else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(pixels).resize(size_px, resample, reducing_gap=1.0).convert("L"))


def signs_of(seed: bytes, grid: tuple[int, int]) -> Signs:
    """+1 or -1 for each cell, as rows: SHAKE-256 over the seed and the grid's size."""
    across, down = grid
    said = b"gateway fingerprint v1\0" + across.to_bytes(2, "big") + down.to_bytes(2, "big") + seed
    bits = np.unpackbits(np.frombuffer(hashlib.shake_256(said).digest(-(-across * down // 8)), np.uint8))
    return (1 - 2 * bits[: across * down].astype(np.int8)).reshape(down, across)


def strengths_of(ground: Pixels) -> Cells:
    """By how many levels each cell may change: more where its surroundings have texture, the same in all copies."""
    texture = textures(ground)
    shares = np.clip(_FLAT + texture / _TEXTURE_LEVELS, _FLAT, _MOST)
    unit = _LEVELS_RMS / np.sqrt(np.mean(shares**2) * _EVENLY)
    levels = np.minimum(shares * min(unit, _FLAT_MOST_LEVELS / _FLAT), MOST_LEVELS)
    strengths: Cells = levels.astype(np.float32)
    return strengths


def textures(ground: Pixels) -> NDArray[np.float64]:
    """The standard deviation of the ground's levels around each cell."""
    cells = ground.reshape(ground.shape[0] // CELL_PX, CELL_PX, ground.shape[1] // CELL_PX, CELL_PX).astype(np.int64)
    sums, squares = cells.sum(axis=(1, 3)), (cells * cells).sum(axis=(1, 3))
    number = 9 * CELL_PX**2
    means, means_of_squares = _around(sums) / number, _around(squares) / number
    deviations: NDArray[np.float64] = np.sqrt(np.maximum(means_of_squares - means**2, 0))
    return deviations


def per_cell(ground: Pixels) -> Cells:
    """The mean of the ground's levels in each cell."""
    cells = ground.reshape(ground.shape[0] // CELL_PX, CELL_PX, ground.shape[1] // CELL_PX, CELL_PX)
    means: Cells = cells.mean(axis=(1, 3), dtype=np.float32)
    return means


def _around(cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sum of each cell and the eight around it; at the edge the cells there count again."""
    wide = np.pad(cells, 1, mode="edge")
    rows = wide[:-2] + wide[1:-1] + wide[2:]
    around: NDArray[np.int64] = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return around


def lay(pixels: Pixels, seed: bytes, ground: Pixels) -> None:
    """Lay the fingerprint into `pixels`, 8-bit RGB, in place. `ground` is theirs, before anything was laid."""
    height_px, width_px = pixels.shape[:2]
    grid = grid_of((width_px, height_px))
    levels = signs_of(seed, grid) * strengths_of(ground)
    across = _drawn_out(np.rint(levels * _ONE).astype(np.int32), width_px)
    rows = pixels.reshape(height_px, -1)
    upper, lower, part = _between(grid[1], height_px)
    shape, bits = rows.shape[1], np.int16(2 * _BITS)
    changed, lowest, highest = np.empty(shape, np.int16), np.zeros(shape, np.int16), np.full(shape, 255, np.int16)
    between = (-1, -1)
    base = slope = changed
    # Row by row, so that what is worked out stays in the processor's cache.
    for number in range(height_px):
        if between != (upper[number], lower[number]):
            between = upper[number], lower[number]
            base = across[upper[number]] * np.int16(_ONE) + np.int16(_ONE * _ONE // 2)
            slope = across[lower[number]] - across[upper[number]]
        np.multiply(slope, part[number], out=changed)
        np.add(changed, base, out=changed)
        np.right_shift(changed, bits, out=changed)
        np.add(changed, rows[number].astype(np.int16), out=changed)
        np.maximum(changed, lowest, out=changed)
        np.minimum(changed, highest, out=changed)
        rows[number] = changed


def _drawn_out(levels: NDArray[np.int32], width_px: int) -> NDArray[np.int16]:
    """Rows of cells drawn out to the picture's width, evenly from one cell's middle to the next, for each channel."""
    left, right, part = _between(levels.shape[1], width_px)
    drawn = levels[:, left] + ((levels[:, right] - levels[:, left]) * part >> _BITS)
    return np.repeat(drawn.astype(np.int16), 3, axis=1)


def _between(cells: int, side_px: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int16]]:
    """For each pixel along a side the cell before it, the one after, and its way between their middles."""
    # In whole numbers, so that every machine lays the same.
    at = ((2 * np.arange(side_px, dtype=np.int64) + 1) * cells * _ONE) // (2 * side_px) - _ONE // 2
    before, part = at >> _BITS, at & (_ONE - 1)
    first, second = np.clip(before, 0, cells - 1), np.clip(before + 1, 0, cells - 1)
    return first.astype(np.int32), second.astype(np.int32), part.astype(np.int16)


def score(differences: Cells, signs: Signs) -> float:
    """How far `differences`, one for each cell, go along with the signs: about normal with deviation 1 if they do not.

    Of what is all zero the score is zero.
    """
    size = float(np.sqrt(np.sum(np.square(differences, dtype=np.float64))))
    return float(np.sum(differences * signs, dtype=np.float64)) / size if size else 0.0


def hidden_cells(size_px: tuple[int, int], boxes: Sequence[Rectangle]) -> NDArray[np.bool_]:
    """Which cells of a picture of this size any of the boxes (left, top, right, bottom) touches."""
    across, down = grid_of(size_px)
    hidden = np.zeros((down, across), np.bool_)
    for left, top, right, bottom in boxes:
        rows = slice(top * down // size_px[1], -(-bottom * down // size_px[1]))
        hidden[rows, left * across // size_px[0] : -(-right * across // size_px[0])] = True
    return hidden


def require_room(ground: Pixels, covered: NDArray[np.bool_]) -> int:
    """How many cells carry the fingerprint; `covered` says of each whether boxes hide it.

    Raises `FingerprintDoesNotFit` where they are too few.
    """
    cells = per_cell(ground)
    room = int(np.count_nonzero(~covered & (cells > 2) & (cells < 253)))
    if room < LEAST_CELLS:
        raise FingerprintDoesNotFit(
            f"Only {room} cells of the picture can carry its fingerprint and {LEAST_CELLS} are needed; draw a larger "
            "work area, use a picture with more pixels, or leave this picture out."
        )
    return room
