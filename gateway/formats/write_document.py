"""Documents as they leave: page by page pixels, mark, boxes, and a text layer of what is still shown.

A page leaves when an instruction allows it. Whatever on it is withheld (runs of text, regions, form fields, and words
that their boxes take along, `page_boxes`) is painted over last, in solid black, and is not in the text layer. Nothing
else of the original travels: what comes out is one picture for each page and our own text over it.

A page of grey in which nearly every pixel is close to one of four levels, such as printed text, is written in these
four; other grey and flat colours in 16 levels for each channel; what that does not bring under an eighth of a byte for
each pixel goes as JPEG. One page takes at most half a byte for each pixel: quality is lowered to 45 for that, and a
page that is then still larger is refused. Where the plan wants the mark in the margin alone, pages are as
`write_margin` says, and keep more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Sequence

import numpy as np

from gateway.formats import pixels, write_margin
from gateway.formats.model import (
    Box,
    Element,
    Instruction,
    Mark,
    Op,
    Page,
    Pages,
    Plan,
    Rebuilt,
    RebuiltPage,
    applied,
)
from gateway.formats.page_boxes import Cover, Layout, lay_out
from gateway.formats.pixels import Pixels
from gateway.formats.problems import NothingNamed, PageTooLarge, PlanUnfit
from gateway.formats.write_pdf import PageImage, PdfWriter
from gateway.marks import visible

MEDIA_TYPE = "application/pdf"

_QUALITIES = (80, 65, 45)
_PIXELS_PER_FLAT_BYTE = 8
_PIXELS_PER_BYTE = 2
_GREY_LEVELS = 4
_CLOSE = 24
_FAR_SHARE = 0.12
_EVERY_ROW = 48
_LEVELS, _STEP = np.arange(256), 255 // (_GREY_LEVELS - 1)
_FAR = (np.abs((_LEVELS + _STEP // 2) // _STEP * _STEP - _LEVELS) > _CLOSE).tobytes()
_MAYBE_NOT_DRAWN = frozenset({Element.ANNOTATION, Element.FORM_FIELD})
_COVERED = frozenset({Element.TEXT, Element.REGION, Element.PICTURE}) | _MAYBE_NOT_DRAWN


def rebuild(content: Pages, plan: Plan, mark: Mark) -> Rebuilt:
    """The rendition of the pages that `plan` allows. `redactions` counts pages, texts, regions and parts per rule.

    Raises `NothingNamed`, `PlanUnfit`, `PageTooLarge`, `MarkDoesNotFit`.
    """
    layouts = laid_out(content, plan)
    if plan.margin and len(layouts) > write_margin.MAX_PAGES:
        raise PageTooLarge(
            f"Of such a document at most {write_margin.MAX_PAGES} pages leave; leave some out or split it."
        )
    drawn = _in_margin if plan.margin else _all_over
    writer = PdfWriter((text for layout in layouts.values() for text in layout.texts), len(layouts))
    done = []
    for number, layout in layouts.items():
        boxes = tuple(cover.box for cover in layout.covers)
        size_px, image = drawn(content.raster(number), content.pages[number - 1], number, boxes, mark.text)
        writer.add_page(size_px, image, layout.texts)
        done.append(RebuiltPage(number, size_px, boxes))
    return Rebuilt(writer.finish(), MEDIA_TYPE, redactions(content, plan), pages=tuple(done))


def laid_out(content: Pages, plan: Plan) -> dict[int, Layout]:
    """The pages that `plan` allows by their numbers, in order, with what of each is withheld.

    Raises `NothingNamed`, `PlanUnfit`.
    """
    orders: dict[int, list[Instruction]] = defaultdict(list)
    shown: dict[int, set[Box | None]] = defaultdict(set)
    for one in plan.instructions:
        if one.element in _COVERED and _op(one) is not Op.ALLOW:
            orders[one.page].append(one)
        elif one.element is Element.PICTURE:
            shown[one.page].add(one.box)
    allowed = _allowed_pages(content, plan)
    return {number: _layout(content.pages[number - 1], orders[number], shown[number]) for number in allowed}


def _op(instruction: Instruction) -> Op:
    """What happens to a page or to something on it; nothing said means removed."""
    case = applied(instruction.cases, {})
    return case.transform.op if case is not None else Op.DROP


def _allowed_pages(content: Pages, plan: Plan) -> list[int]:
    allowed = {one.page for one in plan.instructions if one.element is Element.PAGE and _op(one) is Op.ALLOW}
    if not allowed:
        raise NothingNamed("No page of this document is named by the policy, so nothing of it may leave.")
    if not allowed <= set(range(1, len(content.pages) + 1)):
        raise PlanUnfit("The policy or an answer names a page that the document does not have; correct it.")
    return sorted(allowed)


def _layout(page: Page, orders: Sequence[Instruction], shown: Container[Box | None]) -> Layout:
    """What is covered on a page: all pictures but those `shown`; words whose middle lies in a withheld text's place."""
    words: dict[int, str] = {}
    regions = []
    unnamed = {note.box for note in page.notes if note.element is Element.PICTURE and note.box not in shown}
    unnamed -= {one.box for one in orders if one.element is Element.PICTURE}
    regions += [Cover(box, "") for box in unnamed if box is not None]
    # Twice the middle, in whole numbers.
    middles = [(2 * box.left_px + box.width_px, 2 * box.top_px + box.height_px) for box in (w.box for w in page.words)]
    for one in orders:
        if one.box is None and one.element in _MAYBE_NOT_DRAWN:
            continue
        if one.box is None:
            raise PlanUnfit("Something to be covered has no place on its page; draw it anew.")
        case = applied(one.cases, {})
        code = case.code if case is not None else ""
        inside = _inside(one.box, middles) if one.element is Element.TEXT else []
        if not inside:
            regions.append(Cover(one.box, code))
            continue
        for place in inside:
            words.setdefault(place, code)
    return lay_out(page, words, regions)


def _inside(place: Box, middles: Sequence[tuple[int, int]]) -> list[int]:
    """The words whose middle lies in this place."""
    left, top = 2 * place.left_px, 2 * place.top_px
    right, bottom = left + 2 * place.width_px, top + 2 * place.height_px
    return [number for number, (x, y) in enumerate(middles) if top <= y <= bottom and left <= x <= right]


def _in_margin(
    raster: bytes, page: Page, number: int, boxes: tuple[Box, ...], mark_text: str
) -> tuple[tuple[int, int], PageImage]:
    """The page as it is but for boxes, its mark beside it: its size, which may have grown, and its pixels."""
    shown = write_margin.with_margin(_plane(raster, page), mark_text, _corners(boxes))
    for left, top, right, bottom in _corners(boxes):
        shown[top:bottom, left:right] = 0
    size_px = (shown.shape[1], shown.shape[0])
    return size_px, _compressed(shown, 4, number, write_margin.QUALITIES, pixels_per_byte=1)


def _corners(boxes: Sequence[Box]) -> tuple[tuple[int, int, int, int], ...]:
    return tuple((box.left_px, box.top_px, box.left_px + box.width_px, box.top_px + box.height_px) for box in boxes)


def _all_over(
    raster: bytes, page: Page, number: int, boxes: tuple[Box, ...], mark_text: str
) -> tuple[tuple[int, int], PageImage]:
    """The page's size, and its pixels with mark and boxes, compressed."""
    size_px = (page.width_px, page.height_px)
    corners = _corners(boxes)
    try:
        visible.require_readable(size_px, mark_text, corners, visible.PAGE)
    except visible.MarkDoesNotFit as tight:
        raise visible.MarkDoesNotFit(
            f"So little of page {number} is shown that its mark cannot be read; leave the whole page out."
        ) from tight
    shown = _plane(raster, page)
    bits = 2 if shown.ndim == 2 and _is_print(shown) else 4
    visible.burn_in(shown, mark_text, visible.PAGE)
    for left, top, right, bottom in corners:
        shown[top:bottom, left:right] = 0
    return size_px, _compressed(shown, bits, number)


def _plane(raster: bytes, page: Page) -> Pixels:
    """The pixels, writable: rows of grey where the page has no colour, rows of RGB otherwise."""
    samples = np.frombuffer(raster, np.uint8)
    if samples.size == page.width_px * page.height_px:
        return samples.reshape(page.height_px, page.width_px).copy()
    whole = samples.reshape(page.height_px, page.width_px, 3)
    return whole.copy() if pixels.has_colour(samples) else np.ascontiguousarray(whole[:, :, 1])


def _is_print(grey: Pixels) -> bool:
    """Whether nearly every pixel of some rows is close to one of the four levels."""
    some = grey[::_EVERY_ROW].tobytes()
    return some.translate(_FAR).count(1) <= _FAR_SHARE * len(some)


def _compressed(
    shown: Pixels,
    bits: int,
    number: int,
    qualities: Sequence[int] = _QUALITIES,
    pixels_per_byte: int = _PIXELS_PER_BYTE,
) -> PageImage:
    height_px, width_px = shown.shape[:2]
    channels = 1 if shown.ndim == 2 else 3
    flat = pixels.deflated_rows(pixels.packed(shown.reshape(height_px, -1), bits))
    if len(flat) * _PIXELS_PER_FLAT_BYTE <= height_px * width_px:
        return PageImage(flat, None, channels, bits)
    rgb = shown if channels == 3 else np.repeat(shown[:, :, None], 3, axis=2)
    for quality in qualities:
        data = pixels.jpeg(rgb, quality)
        if len(data) * pixels_per_byte <= height_px * width_px:
            return PageImage(data, "image/jpeg")
    raise PageTooLarge(f"Page {number} holds more than fits into one page of a rendition; leave it out or split it.")


def redactions(content: Pages, plan: Plan) -> dict[str, int]:
    """Removed things per rule; `default` counts pages and parts that no rule names."""
    counts: Counter[str] = Counter()
    named = {one.field_id for one in plan.instructions}
    for one in plan.instructions:
        op = _op(one)
        if one.element is Element.METADATA and op not in {Op.STRIP, Op.DROP}:
            raise PlanUnfit("A document's rendition carries no metadata; let the policy strip it.")
        if op is not Op.ALLOW:
            case = applied(one.cases, {})
            counts[case.rule if case else "default"] += 1
    unnamed = sum(1 for number in range(1, len(content.pages) + 1) if f"page/{number}" not in named)
    if unnamed:
        counts["default"] += unnamed
    return dict(sorted(counts.items()))
