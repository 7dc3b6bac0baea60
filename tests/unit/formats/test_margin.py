"""Documents whose mark may stand in the margin alone: nothing lies over what they show, and the gate sees to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from pydantic import ValidationError

from gateway.detect.text import classes_of
from gateway.formats import write_document, write_docx, write_margin
from gateway.formats.document import PARSE_TASK, DocumentFormat
from gateway.formats.model import Box, Element, Op, Pages, Plan, Rebuilt
from gateway.formats.problems import PageTooLarge, PlanUnfit
from gateway.marks import visible
from gateway.policy.answers import Answers
from gateway.policy.conditions import Context
from gateway.policy.kinds import Kind
from gateway.policy.load import load_library
from gateway.render.coverage import NotCovered, require_pages_covered
from gateway.render.margin import originals
from gateway.render.model import State
from gateway.render.pipeline import Job, render
from gateway.residue import walled
from gateway.residue.gate import check
from gateway.residue.model import Report, WithheldSet
from gateway.sandbox.process import ProcessSandbox
from tests.support import documents, pages
from tests.support.pages import Line

SIZE_PX = (960, 640)
STRIP_PX = visible.strip_px(SIZE_PX[0], pages.MARK.text)
SHOWN = pages.page([Line("End-use certificate", 60), Line("We certify civil end use", 90)], SIZE_PX)


def raster() -> np.ndarray:
    """The page in colour, with a stamp."""
    pixels = np.repeat(np.asarray(pages.grey(SHOWN))[:, :, None], 3, axis=2).copy()
    down, across = np.mgrid[: SIZE_PX[1], : SIZE_PX[0]]
    pixels[np.abs(np.hypot(across - 700, down - 400) - 90) < 8] = (200, 20, 40)
    return pixels


def noisy() -> np.ndarray:
    """The page as a scanner sees it."""
    noise = np.random.default_rng(7).normal(-9, 4, (SIZE_PX[1], SIZE_PX[0], 3))
    return (raster() + noise).clip(0, 255).astype(np.uint8)


def certificate(pixels: np.ndarray) -> Pages:
    return pages.document(SHOWN, pixels={1: pixels})


def margin(content: Pages, *regions: Box) -> Plan:
    orders = [pages.order(Element.REGION, 1, Op.BOX, box, place=at) for at, box in enumerate(regions)]
    return replace(pages.plan(content, *orders), margin=True)


def judged(content: Pages, made: Rebuilt) -> Report:
    sizes_px, reference = originals(content, made)
    expected = replace(pages.expectation(made), originals_px=sizes_px)
    return check(made.data, expected, WithheldSet(()), reference)


def rebuilt(content: Pages, *regions: Box) -> Rebuilt:
    return write_document.rebuild(content, margin(content, *regions), pages.MARK)


def test_the_mark_stands_in_a_free_margin() -> None:
    content = certificate(raster())
    made = rebuilt(content, Box(600, 300, 60, 40))
    assert made.pages[0].size_px == SIZE_PX
    assert judged(content, made).findings == ()
    assert made.data == rebuilt(content, Box(600, 300, 60, 40)).data


def lower_edge() -> np.ndarray:
    pixels = raster()
    pixels[-20:-10, 100:300] = (200, 20, 40)
    return pixels


@pytest.mark.parametrize(
    ("pixels", "regions"),
    [(lower_edge(), ()), (noisy(), ()), (raster(), (Box(100, SIZE_PX[1] - 30, 80, 20),))],
    ids=["something is shown there", "the paper is grey", "a box lies there"],
)
def test_without_a_free_margin_the_page_becomes_longer(pixels: np.ndarray, regions: tuple[Box, ...]) -> None:
    content = certificate(pixels)
    made = rebuilt(content, *regions)
    assert made.pages[0].size_px == (SIZE_PX[0], SIZE_PX[1] + STRIP_PX)
    assert judged(content, made).findings == ()
    require_pages_covered(margin(content, *regions), content, made)


def kinds(report: Report) -> set[str]:
    return {finding.kind.value for finding in report.findings}


@pytest.mark.parametrize("pixels", [raster(), noisy()], ids=["flat", "scanned"])
def test_the_gate_refuses_a_mark_over_what_is_shown(pixels: np.ndarray) -> None:
    content = certificate(pixels)
    plan = replace(margin(content), margin=False)
    made = write_document.rebuild(content, plan, pages.MARK)
    assert "not-the-original" in kinds(judged(content, made))


@pytest.mark.parametrize("shown", [raster(), noisy()], ids=["flat", "scanned"])
def test_the_gate_refuses_a_changed_page(shown: np.ndarray) -> None:
    content = certificate(shown)
    changed = {"a stroke": shown.copy(), "a stamp": shown.copy(), "a line moved": np.roll(shown, 2, axis=0)}
    changed["a stroke"][300:306, 100:140] = 0
    changed["a stamp"][shown[:, :, 1] < 60] = (20, 40, 200)
    for what, pixels in changed.items():
        assert "not-the-original" in kinds(judged(content, rebuilt(certificate(pixels)))), what


def test_the_gate_refuses_another_mark_and_a_missing_original() -> None:
    content = certificate(raster())
    made = rebuilt(content)
    other = replace(pages.MARK, release_id="rel_01k7m3v9q2x8d4n6b5t1c0zhaa")
    assert not judged(content, write_document.rebuild(content, margin(content), other)).clean
    expected = replace(pages.expectation(made), originals_px=(SIZE_PX,))
    assert "not-the-original" in kinds(check(made.data, expected, WithheldSet(())))
    assert not check(made.data, pages.expectation(made), WithheldSet(())).clean


def test_what_cannot_be_done_is_refused() -> None:
    content = certificate(raster())
    with pytest.raises(PlanUnfit, match="leaves as PDF"):
        write_docx.rebuild(content, margin(content), pages.MARK)
    many = pages.document(*[SHOWN] * (write_margin.MAX_PAGES + 1))
    with pytest.raises(PageTooLarge, match="at most 12 pages"):
        write_document.rebuild(many, margin(many), pages.MARK)
    longer = rebuilt(certificate(lower_edge()))
    with pytest.raises(NotCovered):
        require_pages_covered(replace(margin(content), margin=False), content, longer)
    with pytest.raises(ValidationError, match="no margin"):
        Kind.model_validate(
            {
                "kind": "photo",
                "title": {"en": "Photo", "zh": "照片"},
                "medium": "picture",
                "mark": "margin",
                "regions": [{"name": "face", "title": {"en": "Face", "zh": "人脸"}}],
            }
        )


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox((PARSE_TASK, walled.TASK))
    yield walls
    walls.close()


def test_a_certificate_leaves_with_its_mark_beside_it_and_the_index_says_so(sandbox: ProcessSandbox) -> None:
    library = load_library()
    job = Job(
        untrusted_original=documents.document(["End-use certificate", "We certify civil end use"]),
        media_type="application/pdf",
        file_name="certificate.pdf",
        form=DocumentFormat(classes_of),
        kind=library.kind("certificate"),
        policy=library.policy("cn-mofcom-single.certificate"),
        context=Context({"recipient.class": "authority", "recipient.hop": "2", "purpose": "export_licence"}),
        on=date(2026, 3, 2),
        answers=Answers(confirmed=True),
        mark=pages.MARK,
        secret=bytes(32),
        statements=library.statements,
    )
    outcome = render(job, sandbox)
    assert (outcome.state, outcome.reason) == (State.CLEAN, None)
    assert outcome.report is not None
    assert "likeness" in outcome.report.passed
    assert [line["summary_en"] for line in outcome.index if line["item"].startswith("Margin")] == [
        "Pages marked in their lower margin: 1; made longer for that: 0."
    ]
    assert outcome.decisions is not None
    assert outcome.decisions.to_json()["mark"] == "margin"
