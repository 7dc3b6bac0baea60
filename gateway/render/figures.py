"""Which pictures of a document a Word rendition must show, and their pixels: from plan and original, not from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gateway.formats.model import Box, Element, Op, Pages, Plan, Rebuilt, RebuiltPage, applied
from gateway.residue.model import Rectangle

Expected = tuple[tuple[int, int], tuple[Rectangle, ...]]


def figures(content: Pages, plan: Plan, rebuilt: Rebuilt) -> tuple[tuple[Expected, ...], bytes]:
    """Of every picture that leaves its size and the boxes on it; and the pixels of all of them, as rows of RGB.

    The boxes are those of its page, which are held against the plan elsewhere. One that is wholly covered is left out.
    """
    leaving = [(page, place, boxes) for page in rebuilt.pages for place, boxes in _leaving(plan, page)]
    expected = tuple(((place.width_px, place.height_px), boxes) for _, place, boxes in leaving)
    return expected, b"".join(_cut_out(content.raster(page.number), page.size_px, place) for page, place, _ in leaving)


def figure_places(plan: Plan, rebuilt: Rebuilt) -> list[tuple[int, Box]]:
    """The page and the place on it of each of these pictures."""
    return [(page.number, place) for page in rebuilt.pages for place, _ in _leaving(plan, page)]


def _leaving(plan: Plan, page: RebuiltPage) -> Iterator[tuple[Box, tuple[Rectangle, ...]]]:
    for place in _allowed(plan, page.number):
        boxes = tuple(box for one in page.boxes if (box := _within(one, place)))
        if (0, 0, place.width_px, place.height_px) not in boxes:
            yield place, boxes


def _allowed(plan: Plan, number: int) -> Sequence[Box]:
    """Where the pictures stand on a page that a rule lets leave, from the top."""
    orders = (one for one in plan.instructions if one.element is Element.PICTURE and one.page == number)
    found = [
        one.box
        for one in orders
        if one.box is not None and (case := applied(one.cases, {})) and case.transform.op is Op.ALLOW
    ]
    return sorted(found, key=lambda box: box.top_px)


def _within(box: Box, place: Box) -> Rectangle | None:
    left, top = max(box.left_px - place.left_px, 0), max(box.top_px - place.top_px, 0)
    right = min(box.left_px + box.width_px - place.left_px, place.width_px)
    bottom = min(box.top_px + box.height_px - place.top_px, place.height_px)
    return (left, top, right - left, bottom - top) if left < right and top < bottom else None


def _cut_out(raster: bytes, size_px: tuple[int, int], place: Box) -> bytes:
    rows = np.frombuffer(raster, np.uint8).reshape(size_px[1], size_px[0], -1)
    part = rows[place.top_px : place.top_px + place.height_px, place.left_px : place.left_px + place.width_px]
    return np.repeat(part, 3 // part.shape[2], axis=2).tobytes()
