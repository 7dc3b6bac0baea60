"""Pages whose mark may stand in the margin alone: what a page shows is not touched, and no mark lies over it.

The mark is a line along the lower edge. Where the page is blank there, over its whole width, it stands on the page;
where anything is shown, or a box lies there, the page becomes longer by a blank strip.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gateway.formats.pixels import Pixels
from gateway.marks import visible

MAX_PAGES = 12
QUALITIES = (92, 89)
_PAPER = 250

Corners = tuple[int, int, int, int]


def with_margin(shown: Pixels, mark_text: str, corners: Sequence[Corners]) -> Pixels:
    """The page, longer where it has no free margin, marked there. Raises `MarkDoesNotFit`."""
    height_px, width_px = shown.shape[:2]
    strip_px = visible.strip_px(width_px, mark_text)
    above = height_px - strip_px
    if above < 0 or int(shown[above:].min(initial=255)) < _PAPER or any(bottom > above for *_, bottom in corners):
        shown = np.concatenate((shown, np.full((strip_px, *shown.shape[1:]), 255, np.uint8)))
    visible.burn_in(shown, mark_text, visible.STRIP)
    return shown
