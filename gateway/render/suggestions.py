"""What a detector suggests about an original, as fields that a policy decides: nothing of it is shown by default."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gateway.base.problems import TooLarge
from gateway.detect.model import Detector
from gateway.detect.problems import DetectorMissing
from gateway.formats.model import Box, Content, Element, Field, Pages, Picture, Source, Video

MAX_PIXELS = 120_000_000


class TooMuchToLookAt(TooLarge):
    """A document has more scanned pages than a detector looks at."""

    slug = "too-much-to-look-at"
    title = "There are too many scanned pages"


def suggestions(content: Content, detector: Detector | None) -> tuple[str, tuple[Field, ...]]:
    """The detector's version, and a region for everything it finds in a picture or on pages that rules cannot read.

    Raises `DetectorMissing` where there is no detector and something to look at, and `TooMuchToLookAt`.
    """
    if detector is None:
        raise DetectorMissing("The policy requires detection, and this gateway was started without a detector.")
    version = detector.version()
    found = [
        (page, one)
        for page, width_px, height_px, rgb in _seen(content)
        for one in detector.find(width_px, height_px, rgb)
    ]
    return version, tuple(
        Field(
            id=f"region/{number}",
            element=Element.REGION,
            label=one.sort,
            name=one.sort,
            classes=one.classes,
            source=Source.DETECTOR,
            box=Box(*one.place),
            count=1,
            page=page,
        )
        for number, (page, one) in enumerate(found, start=1)
    )


def _seen(content: Content) -> Iterator[tuple[int, int, int, bytes]]:
    """Page (0: a picture has none), width, height and RGB rows of everything to be looked at."""
    if isinstance(content, Picture):
        yield 0, content.width_px, content.height_px, content.rgb
    elif isinstance(content, Video):
        raise TooMuchToLookAt(
            "The detector looks at no video in this version; let the policy not require detection, and have a person "
            "mark everything."
        )
    elif isinstance(content, Pages):
        blind = [(number, page) for number, page in enumerate(content.pages, start=1) if page.unreadable]
        if sum(page.width_px * page.height_px for _, page in blind) > MAX_PIXELS:
            raise TooMuchToLookAt(
                f"The scanned pages have more than {MAX_PIXELS // 1_000_000} million pixels; split the document."
            )
        for number, page in blind:
            yield number, page.width_px, page.height_px, _rgb(content.raster(number), page.width_px * page.height_px)


def _rgb(rows: bytes, pixels: int) -> bytes:
    return np.repeat(np.frombuffer(rows, np.uint8), 3).tobytes() if len(rows) == pixels else rows
