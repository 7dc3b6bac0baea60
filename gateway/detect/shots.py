"""Which frames of a video a detector looks at: pure arithmetic over its frames made small.

A shot ends where a frame differs from the one before it by much, and by much more than the frames just before did from
theirs; so a camera that pans or a lamp that flickers makes no shots. The first and the last frame of each shot are
looked at, and as many between them as it takes for no two to be more than a second apart. A change of shot that is
missed costs nothing but exactness: the first frame that is looked at behind it stands for all since the last before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from statistics import median

import numpy as np

# Mean difference in levels of 255, and how many times what is usual among the frames just before.
_MUCH, _MUCH_MORE, _BEFORE = 10.0, 3.0, 8


def looked_at(small: Iterable[bytes], fps: int) -> list[tuple[int, ...]]:
    """The numbers of the frames to look at, shot by shot, from those of all frames in luma (8 bits, all of one size).

    The first and last of a shot are where it begins and ends.
    """
    begins = list(_begins(small))
    ends = [one - 1 for one in begins[1:]]
    return [_spread(first, last, fps) for first, last in zip(begins, ends, strict=False)]


def _begins(small: Iterable[bytes]) -> Iterator[int]:
    """Where each shot begins, and at last how many frames there are."""
    before: deque[float] = deque(maxlen=_BEFORE)
    held, number = None, 0
    for number, frame in enumerate(small, start=1):
        levels = np.frombuffer(frame, np.uint8).astype(np.int16)
        change = float(np.abs(levels - held).mean()) if held is not None else 0.0
        if held is None or change > max(_MUCH, _MUCH_MORE * (median(before) if before else 0)):
            yield number - 1
        if held is not None:
            before.append(change)
        held = levels
    if number:
        yield number


def _spread(first: int, last: int, fps: int) -> tuple[int, ...]:
    parts = max(1, -(-(last - first) // fps))
    return tuple(dict.fromkeys(first + (last - first) * part // parts for part in range(parts + 1)))
