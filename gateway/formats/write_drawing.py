"""Drawings as they leave: one framed sheet with what is allowed, as large as fits, and a table of what is withheld.

The drawing is drawn anew without everything that is withheld, so that neither its place nor its size can be told: what
is shown fills the sheet, which therefore says that it is not to scale. Regions that people drew on the canvas lie over
it as solid boxes. A PDF has the form of a rebuilt document, with the allowed texts that can be read from left to right
and the words of the sheet as its text; a PNG that of a picture.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from gateway.formats import box_grid, drawing_sheet, pixels, write_document
from gateway.formats.model import (
    Box,
    Case,
    Drawing,
    DrawingOutput,
    Element,
    Instruction,
    Mark,
    Op,
    Page,
    Pages,
    Plan,
    Rebuilt,
    Selection,
    Shown,
    Transform,
    Word,
    applied,
)
from gateway.formats.problems import NothingNamed, PlanUnfit
from gateway.marks import visible

PDF, PNG = write_document.MEDIA_TYPE, "image/png"

_ALLOW = (Case((), Transform(Op.ALLOW, {}), 0, "", "sheet"),)
_CARRYING = frozenset({Element.LAYER, Element.BLOCK})


def rebuild(drawing: Drawing, plan: Plan, mark: Mark, left_behind: Mapping[str, int]) -> Rebuilt:
    """The sheet of what `plan` allows. `redactions` counts layers, blocks, texts, regions and parts per rule.

    Raises `NothingNamed`, `PlanUnfit`, `PageTooLarge`, `MarkDoesNotFit`.
    """
    redactions = {**_redactions(drawing, plan), **left_behind}
    sheet = _sheet(drawing, plan)
    regions = [region for one in plan.instructions if (region := _region(one, sheet)) is not None]
    if plan.drawing is DrawingOutput.PNG:
        return replace(_picture(sheet, regions, mark), redactions=redactions, canvas=sheet.at)
    pages = Pages((sheet.page,), lambda _number: sheet.rgb, {}, PDF)
    whole = Instruction("page/1", "", Element.PAGE, "", "text", _ALLOW, page=1)
    rebuilt = write_document.rebuild(pages, Plan((whole, *regions)), mark)
    return replace(rebuilt, redactions=redactions, canvas=sheet.at)


def placed(box: Box, at: tuple[float, float, float]) -> Box:
    """Where a box of the canvas lies on the sheet: `at` is the canvas's corner there, and its scale."""
    left, top, scale = at
    edges = (
        math.floor(left + box.left_px * scale),
        math.floor(top + box.top_px * scale),
        math.ceil(left + (box.left_px + box.width_px) * scale),
        math.ceil(top + (box.top_px + box.height_px) * scale),
    )
    return Box(edges[0], edges[1], edges[2] - edges[0], edges[3] - edges[1])


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The finished sheet without mark and boxes, and where the canvas lies on it."""

    page: Page
    rgb: bytes
    at: tuple[float, float, float]


def _op(instruction: Instruction) -> Op:
    """What happens to a part of the drawing; nothing said means removed."""
    case = applied(instruction.cases, {})
    return case.transform.op if case is not None else Op.DROP


def _sheet(drawing: Drawing, plan: Plan) -> _Sheet:
    allowed = {one.field_id for one in plan.instructions if _op(one) is Op.ALLOW}
    on = frozenset(one.field_id for one in plan.instructions if one.element in _CARRYING and one.field_id in allowed)
    texts = frozenset(
        number
        for number, text in enumerate(drawing.texts)
        if f"text/{number + 1}" in allowed and on.issuperset(text.on)
    )
    form = drawing_sheet.Form.of(plan.notice, drawing_sheet.LANDSCAPE)
    shown = drawing.show(Selection(on, texts, form.area_px)) if on else None
    if shown is None:
        raise NothingNamed("No layer of this drawing is named by the policy, so nothing of it may leave.")
    upright = drawing_sheet.Form.of(plan.notice, drawing_sheet.PORTRAIT)
    if _grows(shown, upright):
        form, shown = upright, drawing.show(Selection(on, texts, upright.area_px)) or shown
    left, top = form.place(shown.size_px)
    said = [
        word
        for number, line, box in shown.words
        for word in _words(
            drawing.texts[number].text.split("\n")[line],
            replace(box, left_px=box.left_px + left, top_px=box.top_px + top),
        )
    ]
    canvas, words = form.filled(shown.rgb, shown.size_px)
    at = left - shown.left * shown.scale, top - shown.top * shown.scale, shown.scale
    return _Sheet(Page(*form.size_px, (*said, *words)), canvas, at)


def _grows(shown: Shown, other: drawing_sheet.Form) -> bool:
    """Whether the same would be larger on a sheet of the other form."""
    width, height = shown.size_px
    return min(other.area_px[0] / width, other.area_px[1] / height) > 1


def _words(text: str, box: Box) -> Iterator[Word]:
    """The words of a text share its box by their lengths."""
    letters, at = max(1, len(text)), 0
    for word in text.split():
        start = text.index(word, at)
        at = start + len(word)
        left = box.left_px + box.width_px * start // letters
        right = box.left_px + box.width_px * at // letters
        yield Word(word, Box(left, box.top_px, max(1, right - left), box.height_px))


def _region(one: Instruction, sheet: _Sheet) -> Instruction | None:
    """What is to be covered, where it lies on the sheet; None for everything else."""
    if one.element is not Element.REGION or _op(one) is Op.ALLOW:
        return None
    if one.box is None or _op(one) is Op.CROP:
        raise PlanUnfit("On a drawing a region can only be covered; draw it anew or change the policy.")
    return replace(one, box=placed(one.box, sheet.at), page=1)


def _picture(sheet: _Sheet, regions: list[Instruction], mark: Mark) -> Rebuilt:
    size_px = sheet.page.width_px, sheet.page.height_px
    grown = {box_grid.grown(one.box, one.name, *size_px) for one in regions if one.box is not None}
    boxes = sorted((box for box in grown if box is not None), key=lambda box: (box.top_px, box.left_px, box.width_px))
    corners = tuple((box.left_px, box.top_px, box.left_px + box.width_px, box.top_px + box.height_px) for box in boxes)
    visible.require_readable(size_px, mark.text, corners)
    shown = np.frombuffer(sheet.rgb, np.uint8).reshape(size_px[1], size_px[0], 3).copy()
    visible.burn_in(shown, mark.text)
    for left, top, right, bottom in corners:
        shown[top:bottom, left:right] = 0
    return Rebuilt(pixels.png(shown), PNG, {}, boxes=tuple(boxes), size_px=size_px)


def _redactions(drawing: Drawing, plan: Plan) -> dict[str, int]:
    """Removed things per rule; `default` counts layers, blocks and parts that no rule names."""
    counts: Counter[str] = Counter()
    for one in plan.instructions:
        op = _op(one)
        if one.element is Element.METADATA and op not in {Op.STRIP, Op.DROP}:
            raise PlanUnfit("A drawing's rendition carries no metadata; let the policy strip it.")
        if op is not Op.ALLOW:
            case = applied(one.cases, {})
            counts[case.rule if case else "default"] += 1
    named = {one.field_id for one in plan.instructions}
    every = [f"layer/{number}" for number in range(1, len(drawing.layers) + 1)]
    every += [f"block/{number}" for number in range(1, len(drawing.blocks) + 1)]
    every += [f"metadata/{sort}" for sort in drawing.parts]
    counts["default"] += len(set(every) - named)
    return {rule: count for rule, count in sorted(counts.items()) if count}
