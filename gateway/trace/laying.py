"""Has a child lay a leaked picture over grounds, and believes nothing of what it says before it is checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from gateway.base.canon import Json
from gateway.formats.model import Picture
from gateway.marks.fingerprint import CELL_PX
from gateway.sandbox.ports import Limits, Sandbox
from gateway.trace.model import Laid, TraceUnclear

TASK = "gateway.trace.align:align"
# Without flow and with.
WAYS = 2
# So many grounds go into one child.
AT_ONCE = 8
_LIMITS = Limits(memory_bytes=3 << 30, cpu_s=240, wall_s=480, output_bytes=256 << 20)
_UNCLEAR = TraceUnclear("The file could not be held against the renditions; have security look at it.")

Ground = tuple[tuple[int, int], bytes]


def laid_over(sandbox: Sandbox, leak: Picture, grounds: Sequence[Ground]) -> Iterator[Laid]:
    """For each ground in which the leak was found, how it lies there. Raises `TraceUnclear`, or as the sandbox does."""
    for start in range(0, len(grounds), AT_ONCE):
        some = grounds[start : start + AT_ONCE]
        request: dict[str, Json] = {
            "leak_px": [leak.width_px, leak.height_px],
            "grounds_px": [list(size_px) for size_px, _ in some],
        }
        reply = sandbox.run(TASK, request, b"".join((leak.rgb, *(grey for _, grey in some))), _LIMITS)
        found: Any = reply.header.get("found")
        if not isinstance(found, list) or len(reply.blobs) != (1 + WAYS) * len(found):
            raise _UNCLEAR
        if not all(earlier[:1] < later[:1] for earlier, later in pairwise(_numbered(found, len(some)))):
            raise _UNCLEAR
        for place, (number, matches, mirrored) in enumerate(found):
            over, *differences = reply.blobs[(1 + WAYS) * place : (1 + WAYS) * (place + 1)]
            yield _checked(Laid(start + number, matches, mirrored, over, tuple(differences)), some[number])


def _numbered(found: list[Any], count: int) -> list[list[Any]]:
    for one in found:
        fits = isinstance(one, list) and [type(part) for part in one] == [int, int, bool]
        if not fits or not 0 <= one[0] < count or one[1] < 0:
            raise _UNCLEAR
    return found


def _checked(laid: Laid, ground: Ground) -> Laid:
    (width_px, height_px), _ = ground
    cells = (width_px // CELL_PX) * (height_px // CELL_PX)
    if len(laid.over) != width_px * height_px or any(len(one) != 4 * cells for one in laid.differences):
        raise _UNCLEAR
    if not all(np.isfinite(np.frombuffer(one, "<f4")).all() for one in laid.differences):
        raise _UNCLEAR
    return laid
