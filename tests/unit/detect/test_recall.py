"""A piece of the set on which detection is measured: what was found when it was measured is found still."""

from __future__ import annotations

import pytest

from bench.detection_set import Item, text_pages
from gateway.detect.model import Found
from tests.support import detection


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_nearly_every_line_of_the_measured_set_is_found() -> None:
    missed: list[str] = []
    for page in text_pages(small=2, large=0):
        found = detection.networks().find(*page.picture.size, page.picture.tobytes())
        missed += [f"{one.what}, {one.treatment}, {one.height_px} px" for one in page.items if not covers(found, one)]
    assert missed == []


def covers(found: tuple[Found, ...], item: Item) -> bool:
    """Whether the middle of a string, and both its ends, lie in some region of writing."""
    left, top, right, bottom = item.place
    middle = ((left + right) // 2, (top + bottom) // 2)
    regions = [one.place for one in found if one.sort == "text"]
    return any(
        x <= middle[0] < x + width and y <= middle[1] < y + height and x <= left + 3 and right - 3 <= x + width
        for x, y, width, height in regions
    )
