"""What a detector suggests about an original, as fields that a policy decides: nothing of it is shown by default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from gateway.base.problems import TooLarge
from gateway.base.progress import Steps, unwatched
from gateway.detect.model import Detector, Found
from gateway.detect.problems import DetectorMissing, NotLookedAt
from gateway.formats.model import Box, Content, Cut, Drawing, Element, Field, Pages, Picture, Source, Video
from gateway.render.film_suggestions import film_regions

MAX_PIXELS = 120_000_000


class TooMuchToLookAt(TooLarge):
    """A document has more scanned pages than a detector looks at."""

    slug = "too-much-to-look-at"
    title = "There are too many scanned pages"


def suggestions(
    content: Content, detector: Detector | None, cut: Cut | None = None, steps: Steps = unwatched
) -> tuple[str | None, tuple[Field, ...]]:
    """The detector's version, and a region for everything it finds in a picture, on pages that rules cannot read, or in
    the frames of a video that would leave: `cut`. Where nobody knows yet which those are, nothing is found in it.

    No version and no regions where there is nothing to look at. Raises `DetectorMissing` where there is and there is
    no detector, `NotLookedAt` for drawings, `TooMuchToLookAt` and `TooLongToLookAt`.
    """
    surfaces = _surfaces(content)
    if not surfaces and not isinstance(content, Video):
        return None, ()
    if detector is None:
        raise DetectorMissing("The policy requires detection, and this gateway was started without a detector.")
    version = detector.version()
    if isinstance(content, Video):
        return version, tuple(film_regions(content, cut, detector, steps=steps)) if cut else ()
    found: list[tuple[int, Found]] = []
    for done, one in enumerate(surfaces):
        steps(done, len(surfaces))
        found += ((one.page, what) for what in detector.find(*one.size_px, one.rgb()))
    return version, tuple(
        Field(
            id=f"region/{number}",
            element=Element.REGION,
            label=what.sort,
            name=what.sort,
            classes=what.classes,
            source=Source.DETECTOR,
            box=Box(*what.place),
            count=1,
            page=page,
        )
        for number, (page, what) in enumerate(found, start=1)
    )


@dataclass(frozen=True, slots=True)
class _Surface:
    """Something to look at: its page (0: a picture has none), its size, and how to have its RGB rows."""

    page: int
    size_px: tuple[int, int]
    rgb: Callable[[], bytes]


def _surfaces(content: Content) -> list[_Surface]:
    if isinstance(content, Picture):
        return [_Surface(0, (content.width_px, content.height_px), lambda: content.rgb)]
    if isinstance(content, Drawing):
        raise NotLookedAt(
            "The detector looks at no drawings; use a policy that does not require detection, and have a person mark "
            "everything."
        )
    if not isinstance(content, Pages):
        return []
    blind = [(number, page) for number, page in enumerate(content.pages, start=1) if page.unreadable]
    if sum(page.width_px * page.height_px for _, page in blind) > MAX_PIXELS:
        raise TooMuchToLookAt(
            f"The scanned pages have more than {MAX_PIXELS // 1_000_000} million pixels; split the document."
        )
    return [
        _Surface(number, (page.width_px, page.height_px), partial(_page, content, number)) for number, page in blind
    ]


def _page(content: Pages, number: int) -> bytes:
    page = content.pages[number - 1]
    return _rgb(content.raster(number), page.width_px * page.height_px)


def _rgb(rows: bytes, pixels: int) -> bytes:
    return np.repeat(np.frombuffer(rows, np.uint8), 3).tobytes() if len(rows) == pixels else rows
