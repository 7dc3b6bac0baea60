"""Where a piece of a picture goes from frame to frame, by normalised correlation: arithmetic on small frames.

It is looked for near where it would be if it went on as it went, always as it looked in the first frame, and lost where
nothing there is like it. All sums are of whole numbers, so that they come out the same on every processor.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from gateway.detect.model import Sides

Luma = NDArray[np.uint8]

_REACH_PX = 8
_LIKE = 0.6
_LEAST_PX = 8
# A piece that differs by less than this from the same place in the next frame rests.
_STILL_LEVELS = 3.0


def ways(frames: Sequence[Luma], place: Sides) -> list[Sides]:
    """Where it is in each frame, beginning with the first, where it is at `place`, until it is lost."""
    height_px, width_px = frames[0].shape
    left, top, right, bottom = _grown(place, width_px, height_px)
    piece = frames[0][top:bottom, left:right].astype(np.float64)
    found, at, step = [place], (left, top), (0, 0)
    for frame in frames[1:]:
        here = frame[at[1] : at[1] + piece.shape[0], at[0] : at[0] + piece.shape[1]]
        if step == (0, 0) and np.abs(here - piece).mean() < _STILL_LEVELS:
            found.append(found[-1])
            continue
        there = _nearest(frame, piece, (at[0] + step[0], at[1] + step[1]))
        if there is None:
            break
        step, at = (there[0] - at[0], there[1] - at[1]), there
        across, down = at[0] - left, at[1] - top
        found.append((place[0] + across, place[1] + down, place[2] + across, place[3] + down))
    return found


def _grown(place: Sides, width_px: int, height_px: int) -> Sides:
    """At least so large that it can be told from others, inside of the picture."""
    left, top, right, bottom = place
    wide, tall = min(max(right - left, _LEAST_PX), width_px), min(max(bottom - top, _LEAST_PX), height_px)
    left = min(max(0, (left + right - wide) // 2), width_px - wide)
    top = min(max(0, (top + bottom - tall) // 2), height_px - tall)
    return left, top, left + wide, top + tall


def _nearest(frame: Luma, piece: NDArray[np.float64], near: tuple[int, int]) -> tuple[int, int] | None:
    """The upper left corner of what is most like the piece, not far from there."""
    tall, wide = piece.shape
    left, top = (max(0, side - _REACH_PX) for side in near)
    around = frame[top : near[1] + _REACH_PX + tall, left : near[0] + _REACH_PX + wide].astype(np.float64)
    if around.shape[0] < tall or around.shape[1] < wide:
        return None
    windows = sliding_window_view(around, piece.shape)
    both = np.einsum("ijkl,kl->ij", windows, piece)
    sums, squares = np.einsum("ijkl->ij", windows), np.einsum("ijkl,ijkl->ij", windows, windows)
    count, own = piece.size, piece.sum()
    spread = (count * squares - sums**2) * (count * (piece**2).sum() - own**2)
    likeness = np.divide(count * both - own * sums, np.sqrt(spread), out=np.zeros_like(spread), where=spread > 0)
    down, across = divmod(int(likeness.argmax()), likeness.shape[1])
    return (left + across, top + down) if likeness[down, across] >= _LIKE else None
