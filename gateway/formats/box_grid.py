"""How large a drawn box becomes, so that its size says nothing of the words under it: pure geometry.

Whoever draws a box round a name draws it as wide as the name. In a typeface whose letters differ in width that alone
tells the name from most others. So a box has one of three widths, whatever it covers and however it was drawn: a
sixteenth of the rendition, a quarter of it, or the whole line. It begins on a grid of an eighth of its width, so that
where it begins says little about the width of words that end or are centred at a known place. A box that stands upright
like a column of writing has its height chosen in the same way. All edges lie on a grid of 16 pixels, that of a JPEG's
blocks, or at the rendition's border.
"""

from __future__ import annotations

from gateway.formats.model import Box

GRID_PX = 16
# How large a face is drawn follows no words.
WORDLESS = frozenset({"face"})

_SHARES = (16, 4)
_STARTS = 8
_UPRIGHT = 2


def grown(region: Box, class_name: str, width_px: int, height_px: int) -> Box | None:
    """The box that covers `region` in a rendition of this size, or None where it lies outside."""
    left, right = max(0, region.left_px), min(width_px, region.left_px + region.width_px)
    top, bottom = max(0, region.top_px), min(height_px, region.top_px + region.height_px)
    if left >= right or top >= bottom:
        return None
    words = class_name not in WORDLESS
    upright = bottom - top >= _UPRIGHT * (right - left)
    left, right = _step(left, right, width_px) if words else _to_grid(left, right, width_px)
    top, bottom = _step(top, bottom, height_px) if words and upright else _to_grid(top, bottom, height_px)
    return Box(left, top, right - left, bottom - top)


def widths(side_px: int) -> tuple[int, ...]:
    """Every extent that a box over words has along a side of this length, from the smallest."""
    return (*(_up(-(-side_px // share)) for share in _SHARES), side_px)


def _step(start: int, end: int, side_px: int) -> tuple[int, int]:
    for extent in widths(side_px)[:-1]:
        pace = max(GRID_PX, _down(extent // _STARTS))
        # The last place is as near to the border as the grid allows.
        begin = min(start // pace * pace, _down(side_px - extent))
        if begin >= 0 and end <= begin + extent:
            return begin, begin + extent
    return 0, side_px


def _to_grid(start: int, end: int, side_px: int) -> tuple[int, int]:
    return _down(start), min(_up(end), side_px)


def _down(place: int) -> int:
    return place // GRID_PX * GRID_PX


def _up(place: int) -> int:
    return -(-place // GRID_PX) * GRID_PX
