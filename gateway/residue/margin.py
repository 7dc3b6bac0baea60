"""Pages whose mark may stand in the margin alone: whether everything else on them is as it was.

1. A page has the size of its original, or is longer by the strip that its mark takes up. 2. Where it is not longer, the
original is blank in that strip. 3. The page shows the original, with nothing but this mark in the strip, and boxes only
where they are expected: to half a level of sixteen, or as near as JPEG comes (`alike`).
"""

from __future__ import annotations

import numpy as np

from gateway.marks import visible
from gateway.residue.alike import is_alike
from gateway.residue.jpeg import Pixels
from gateway.residue.model import DocumentExpectation

_PAPER = 250
_HALF_A_LEVEL = 9
_CHANNELS = 3


class Originals:
    """The pages as they were. `reference` are their pixels, one after the other."""

    def __init__(self, expected: DocumentExpectation, reference: bytes) -> None:
        self._expected = expected
        self._reference = np.frombuffer(reference, np.uint8)
        self._starts = [0]
        for width_px, height_px in expected.originals_px:
            self._starts.append(self._starts[-1] + _CHANNELS * width_px * height_px)

    def is_seen(self, number: int, pixels: Pixels, *, is_jpeg: bool) -> bool:
        """Whether all of the above holds for the page with this number, counted from 1."""
        expected = self._expected
        if len(expected.originals_px) != len(expected.sizes_px) or self._starts[-1] != self._reference.size:
            return False
        wanted = self._wanted(number, pixels.shape[1], pixels.shape[0])
        if wanted is None:
            return False
        seen = np.repeat(pixels[:, :, None], _CHANNELS, axis=2) if pixels.ndim == 2 else pixels
        return is_alike(seen, wanted, expected.boxes[number - 1], is_jpeg=is_jpeg, levels=_HALF_A_LEVEL)

    def _wanted(self, number: int, width_px: int, height_px: int) -> Pixels | None:
        """What the page must show but for its boxes, or None where its size or its margin does not allow that."""
        was_width, was_height = self._expected.originals_px[number - 1]
        strip_px = visible.strip_px(was_width, self._expected.mark_text)
        if width_px != was_width or height_px not in (was_height, was_height + strip_px) or height_px < strip_px:
            return None
        page = np.full((height_px, width_px, _CHANNELS), 255, np.uint8)
        original = self._reference[self._starts[number - 1] : self._starts[number]]
        page[:was_height] = original.reshape(was_height, was_width, _CHANNELS)
        if int(page[height_px - strip_px :].min()) < _PAPER:
            return None
        visible.burn_in(page, self._expected.mark_text, visible.STRIP)
        return page
