"""The sheet that a drawing leaves on: read again by the gate, covered where a person drew, and fitted to its form."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.formats.drawing_sheet import LANDSCAPE, PORTRAIT, Form
from gateway.formats.model import (
    Box,
    Case,
    DrawingOutput,
    Element,
    Instruction,
    Mark,
    Notice,
    Op,
    Plan,
    Rebuilt,
    Transform,
)
from gateway.formats.problems import NothingNamed, PlanUnfit
from gateway.formats.write_drawing import rebuild
from gateway.policy.drawn import Drawn, DrawnText
from gateway.render.coverage import NotCovered, require_sheet_covered
from gateway.residue.gate import check
from gateway.residue.model import (
    DocumentExpectation,
    Expectation,
    PictureExpectation,
    Rectangle,
    WithheldSet,
    WithheldValue,
)

MARK = Mark("Baotou Rare Earth Supply Co.", "rel_01k7m3v9q2x8d4n6b5t1c0zhep", "2026-01-31")
SECRET = "Kowalski-48211"
DRAWING = Drawn(
    layers=("OUTLINE",),
    texts=(DrawnText(text="Magnet N52", layer="OUTLINE"), DrawnText(text=SECRET, layer="OUTLINE")),
).drawing()
COLUMNS = ("Item", "What was done", "Code", "Legal basis", "Reason", "Summary")
NOTICE = Notice(heading="Operational schematic", facts=(("Scale", "not to scale"),), columns=COLUMNS)


def order(field_id: str, element: Element, op: Op, box: Box | None = None) -> Instruction:
    cases = (Case((), Transform(op, {}), 1, "TS", "rule"),)
    return Instruction(field_id, "person", element, "title", "text", cases, box)


def plan(form: DrawingOutput, op: Op = Op.BOX) -> Plan:
    return Plan(
        (
            order("layer/1", Element.LAYER, Op.ALLOW),
            order("text/1", Element.TEXT, Op.ALLOW),
            order("text/2", Element.TEXT, Op.DROP),
            order("region/1", Element.REGION, op, Box(300, 400, 200, 90)),
        ),
        notice=NOTICE,
        drawing=form,
    )


def quads(boxes: tuple[Box, ...]) -> tuple[Rectangle, ...]:
    return tuple((box.left_px, box.top_px, box.width_px, box.height_px) for box in boxes)


def expectation(rebuilt: Rebuilt) -> Expectation:
    if rebuilt.size_px is not None:
        return PictureExpectation(rebuilt.media_type, rebuilt.size_px, quads(rebuilt.boxes), MARK.text)
    (page,) = rebuilt.pages
    return DocumentExpectation((page.size_px,), (quads(page.boxes),), MARK.text)


@pytest.mark.parametrize(("form", "begins"), [(DrawingOutput.PDF, b"%PDF-1.7"), (DrawingOutput.PNG, b"\x89PNG")])
def test_the_gate_passes_the_sheet_in_either_form(form: DrawingOutput, begins: bytes) -> None:
    rebuilt = rebuild(DRAWING, plan(form), MARK, {"format:hidden-text": 2})
    assert rebuilt.data.startswith(begins)
    assert rebuilt.redactions == {"rule": 2, "format:hidden-text": 2}
    withheld = WithheldSet((WithheldValue(SECRET, "text/2"),), shown=frozenset({"Magnet N52"}))
    report = check(rebuilt.data, expectation(rebuilt), withheld)
    assert report.clean, report.findings
    require_sheet_covered(plan(form), rebuilt)
    with pytest.raises(NotCovered):
        require_sheet_covered(
            plan(form), replace(rebuilt, boxes=(), pages=tuple(replace(p, boxes=()) for p in rebuilt.pages))
        )


def test_what_no_rule_names_is_not_drawn() -> None:
    only_text = Plan((order("text/1", Element.TEXT, Op.ALLOW),), notice=NOTICE)
    with pytest.raises(NothingNamed, match="No layer"):
        rebuild(DRAWING, only_text, MARK, {})


def test_of_a_drawing_no_region_is_all_that_leaves() -> None:
    with pytest.raises(PlanUnfit, match="only be covered"):
        rebuild(DRAWING, plan(DrawingOutput.PDF, Op.CROP), MARK, {})


@pytest.mark.parametrize("size_px", [LANDSCAPE, PORTRAIT])
def test_however_much_is_withheld_the_drawing_keeps_most_of_the_sheet(size_px: tuple[int, int]) -> None:
    long = tuple(
        ("Layer of the drawing", "removed", "CN-ALL-31", "law", "because " * 60, "summary " * 60) for _ in range(80)
    )
    form = Form.of(replace(NOTICE, lines=long), size_px)
    assert form.block_top_px >= size_px[1] // 2
    assert any(line.text.startswith("… + ") for line in form.lines)
    assert all(line.top_px < size_px[1] - 80 for line in form.lines)
