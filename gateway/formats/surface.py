"""What a person points at when they draw a region: a picture, a page, a drawing's canvas, a moment of a video.

Its pixels are those that regions are counted in, one for one, and it shows everything that the original shows there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gateway.formats import pixels
from gateway.formats.colours import rgb
from gateway.formats.model import Box, Content, Cut, Drawing, Pages, Picture, Selection, Video
from gateway.formats.problems import NoSuchPage

NO_PAGES = "A table or text has no pages to look at; its fields are listed instead."


@dataclass(frozen=True, slots=True)
class Spot:
    """Where to look: a page, counted from 1, and in a video a time from its beginning."""

    page: int = 1
    at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Surface:
    """8-bit RGB, or grey, as the number of bytes tells; row-major."""

    width_px: int
    height_px: int
    rows: bytes

    def png(self) -> bytes:
        """The same as a PNG without metadata."""
        size = self.height_px, self.width_px
        shown = np.frombuffer(self.rows, np.uint8)
        return pixels.png(shown.reshape(size if shown.size == math.prod(size) else (*size, 3)))


def surface_of(content: Content, spot: Spot) -> Surface:
    """What is seen there. Raises `NoSuchPage`."""
    if not isinstance(content, Video):
        require_no_time(spot)
    match content:
        case Picture():
            require_page(spot, 1)
            return Surface(content.width_px, content.height_px, content.rgb)
        case Pages():
            require_page(spot, len(content.pages))
            page = content.pages[spot.page - 1]
            return Surface(page.width_px, page.height_px, content.raster(spot.page))
        case Drawing():
            require_page(spot, 1)
            return _canvas(content)
        case Video():
            require_page(spot, 1)
            return _frame(content, spot.at_ms)
    raise NoSuchPage(NO_PAGES)


def require_page(spot: Spot, count: int) -> None:
    """Raise `NoSuchPage` unless there is such a page among `count`."""
    if not 1 <= spot.page <= count:
        there = "one page" if count == 1 else f"{count} pages"
        raise NoSuchPage(f"The original has {there}; ask for a page that there is.")


def require_no_time(spot: Spot) -> None:
    """Raise `NoSuchPage` where a time is meant of what does not move."""
    if spot.at_ms:
        raise NoSuchPage("Only a video can be looked at for a moment; leave the time out.")


def _canvas(drawing: Drawing) -> Surface:
    """All layers and texts: drawn into an area of the canvas's size, they fill it as they fill the canvas."""
    counts = {"layer": len(drawing.layers), "block": len(drawing.blocks)}
    on = frozenset(f"{name}/{number}" for name, count in counts.items() for number in range(1, count + 1))
    shown = drawing.show(Selection(on, frozenset(range(len(drawing.texts))), drawing.size_px))
    if shown is None or shown.size_px != drawing.size_px or (round(shown.left), round(shown.top)) != (0, 0):
        raise NoSuchPage("The drawing cannot be shown as a whole; export it anew.")
    return Surface(*shown.size_px, shown.rgb)


def _frame(video: Video, at_ms: int) -> Surface:
    if at_ms >= video.duration_ms:
        raise NoSuchPage(f"The video ends at {video.duration_ms} ms; ask for an earlier moment.")
    # A frame has half as many colours as pixels each way: of an odd side the last pixel is not shown.
    size_px = video.width_px & ~1, video.height_px & ~1
    cut = Cut(Box(0, 0, *size_px), size_px, video.fps, at_ms, 1)
    ((_, frame),) = video.frames(cut)
    return Surface(*size_px, rgb(frame, size_px, video.matrix).tobytes())
