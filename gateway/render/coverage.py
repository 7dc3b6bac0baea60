"""What the rendition of a picture, document or drawing must show and cover, worked out from the plan, not from what
the format says it did.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from gateway.base.problems import CheckFailed
from gateway.formats.model import Box, Element, Instruction, Op, Page, Pages, Picture, Plan, Rebuilt, applied


class NotCovered(CheckFailed):
    """The rebuilt picture or document does not follow its plan."""

    slug = "not-covered"
    title = "A withheld region is not covered"


_ON_PAGES = frozenset({Element.TEXT, Element.REGION, Element.ANNOTATION, Element.FORM_FIELD, Element.PICTURE})


def require_covered(plan: Plan, picture: Picture, rebuilt: Rebuilt) -> None:
    """Raise `NotCovered` unless the rendition is the one work area, with a box over every withheld region in it.

    That each box is one solid colour in the pixels is the gate's to check; this checks that there is one.
    """
    regions = [one for one in plan.instructions if one.element is Element.REGION and one.box is not None]
    areas = [one.box for one in regions if one.box is not None and _op(one) is Op.CROP]
    whole = Box(0, 0, picture.width_px, picture.height_px)
    area = _common(areas[0], whole) if len(areas) == 1 else None
    if area is None or rebuilt.size_px != (area.width_px, area.height_px):
        raise NotCovered("The rendition is not the work area that was drawn; nothing is kept of it.")
    for one in regions:
        seen = _common(one.box, area) if one.box is not None and _op(one) not in (Op.CROP, Op.ALLOW) else None
        if seen is None:
            continue
        inside = Box(seen.left_px - area.left_px, seen.top_px - area.top_px, seen.width_px, seen.height_px)
        if not any(_common(inside, box) == inside for box in rebuilt.boxes):
            raise NotCovered("A withheld region of the picture has no box over it; nothing is kept of it.")


def require_pages_covered(plan: Plan, document: Pages, rebuilt: Rebuilt) -> None:
    """Raise `NotCovered` unless the rendition has just the pages that the plan allows, whole, with boxes over each
    word and each region that it withholds there.
    """
    allowed = {one.page for one in plan.instructions if one.element is Element.PAGE and _op(one) is Op.ALLOW}
    if [page.number for page in rebuilt.pages] != sorted(allowed):
        raise NotCovered("The rendition does not have the pages that the policy allows; nothing is kept of it.")
    for made in rebuilt.pages:
        page = document.pages[made.number - 1]
        longer = plan.margin and made.size_px[0] == page.width_px and made.size_px[1] > page.height_px
        if made.size_px != (page.width_px, page.height_px) and not longer:
            raise NotCovered("A page of the rendition has another size than its original; nothing is kept of it.")
        for place in _withheld_places(plan, page, made.number):
            if not any(_common(place, box) == place for box in made.boxes):
                raise NotCovered("Something withheld on a page has no box over it; nothing is kept of it.")


def require_sheet_covered(plan: Plan, rebuilt: Rebuilt) -> None:
    """Raise `NotCovered` unless the rendition is one sheet with a box over every withheld region of the canvas."""
    size_px = rebuilt.pages[0].size_px if len(rebuilt.pages) == 1 else rebuilt.size_px
    if size_px is None or rebuilt.canvas is None or (rebuilt.pages and rebuilt.size_px):
        raise NotCovered("The rendition of a drawing is not one sheet; nothing is kept of it.")
    boxes = rebuilt.pages[0].boxes if rebuilt.pages else rebuilt.boxes
    for one in plan.instructions:
        if one.element is not Element.REGION or one.box is None or _op(one) is Op.ALLOW:
            continue
        seen = _common(_on_sheet(one.box, rebuilt.canvas), Box(0, 0, *size_px))
        if seen is not None and not any(_common(seen, box) == seen for box in boxes):
            raise NotCovered("A withheld region of the drawing has no box over it; nothing is kept of it.")


def _on_sheet(box: Box, canvas: tuple[float, float, float]) -> Box:
    """Every pixel of the sheet that a box of the canvas touches."""
    left, top, scale = canvas
    right, bottom = left + (box.left_px + box.width_px) * scale, top + (box.top_px + box.height_px) * scale
    first = math.floor(left + box.left_px * scale), math.floor(top + box.top_px * scale)
    return Box(*first, math.ceil(right) - first[0], math.ceil(bottom) - first[1])


def _withheld_places(plan: Plan, page: Page, number: int) -> Iterator[Box]:
    """What must lie under boxes: regions as far as they are on the page, and word by word the lines of text."""
    whole = Box(0, 0, page.width_px, page.height_px)
    for one in plan.instructions:
        if one.page != number or one.element not in _ON_PAGES or one.box is None or _op(one) is Op.ALLOW:
            continue
        if one.element is Element.TEXT:
            yield from (word.box for word in page.words if _common(word.box, one.box) == word.box)
        elif (seen := _common(one.box, whole)) is not None:
            yield seen
    pictures = (one for one in plan.instructions if one.element is Element.PICTURE and one.page == number)
    allowed = {one.box for one in pictures if _op(one) is Op.ALLOW}
    for note in page.notes:
        if note.element is Element.PICTURE and note.box is not None and note.box not in allowed:
            yield note.box


def _op(region: Instruction) -> Op:
    case = applied(region.cases, {})
    return Op.BOX if case is None else case.transform.op


def _common(one: Box, other: Box) -> Box | None:
    """What two boxes share."""
    left, top = max(one.left_px, other.left_px), max(one.top_px, other.top_px)
    right = min(one.left_px + one.width_px, other.left_px + other.width_px)
    bottom = min(one.top_px + one.height_px, other.top_px + other.height_px)
    return Box(left, top, right - left, bottom - top) if left < right and top < bottom else None
