"""A scanned page is looked at too; and who looked, with which version, stands in the log."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from gateway.detect.model import Found
from gateway.detect.problems import DetectorMissing, NotLookedAt
from gateway.detect.text import classes_of
from gateway.formats.document import PARSE_TASK, DocumentFormat
from gateway.formats.model import Box, Drawing, Mark, Page, Pages, Table
from gateway.policy.answers import Answers, Region
from gateway.policy.conditions import Context
from gateway.policy.load import load_library
from gateway.render.model import Outcome, State
from gateway.render.pipeline import Job, render
from gateway.render.suggestions import MAX_PIXELS, TooMuchToLookAt, suggestions
from gateway.residue import reading, walled
from gateway.sandbox.process import ProcessSandbox
from tests.support import detection
from tests.support.reading import Saying
from tests.support.world import World

ASKED = Answers(regions=(Region("work_area", Box(0, 0, *detection.SIZE_PX)),), confirmed=True)


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    """The shipped policies, with detection required of photographs and contracts."""
    folder = tmp_path / "packs"
    shutil.copytree("policies", folder)
    for name in ("production-photo", "contract"):
        file = folder / "cn-mofcom-single" / f"{name}.yaml"
        text = file.read_text("utf-8")
        file.write_text(
            text.replace("  unknown_field: ask\n", "  unknown_field: ask\n  detection: required\n"), "utf-8"
        )
    return folder


def test_the_log_names_the_detector(packs: Path, tmp_path: Path) -> None:
    world = World.create(tmp_path / "data", policies_dir=packs)
    original = io.BytesIO()
    detection.scene().save(original, "PNG")
    matter = world.matter()
    kept = world.upload(matter, "production_photo", original.getvalue()).original
    gateway = world.gateway
    waiting = world.render(world.draft(matter), kept, ASKED)
    assert waiting.state is State.WAITING
    with gateway.units.read() as session:
        decisions = json.loads(gateway.renders.part(session, waiting.decisions_object))["decisions"]
    (ask,) = decisions["asks"]
    assert [region["class"] for region in ask["regions"]] == ["text", "face", "code", "text"]

    answered = gateway.releases.answer(world.actors["builder"], waiting.id, replace(ASKED, suggested=ask["suggested"]))
    world.work()
    assert gateway.renders.get(answered.id).state is State.CLEAN
    with gateway.units.read() as session:
        entry = gateway.log.newest(session, type="rendition.clean", subject=answered.id)
    assert entry is not None
    assert entry["facts"]["detector"] == detection.networks().version()
    assert entry["facts"]["read_by"] == detection.networks().version()
    gateway.close()


def scanned() -> bytes:
    """A page that is a picture, at the resolution at which pages are made."""
    width_px, height_px = detection.SIZE_PX
    out = io.BytesIO()
    size = (width_px * 72 / 200, height_px * 72 / 200)
    canvas = Canvas(out, pagesize=size, invariant=True)
    canvas.drawImage(ImageReader(detection.scene()), 0, 0, *size)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def rendered(packs: Path, sandbox: ProcessSandbox, answers: Answers) -> Outcome:
    library = load_library(packs)
    job = Job(
        untrusted_original=scanned(),
        media_type="application/pdf",
        file_name=None,
        form=DocumentFormat(classes_of),
        kind=library.kind("contract"),
        policy=library.policy("cn-mofcom-single.contract"),
        context=Context({"recipient.class": "authority", "recipient.hop": "2", "purpose": "export_licence"}),
        on=date(2026, 3, 2),
        answers=answers,
        mark=Mark("MOFCOM Bureau", "rel_1", "2026-03-02"),
        secret=bytes(32),
        statements=library.statements,
        detector=detection.networks(),
        reader=Saying(),
    )
    return render(job, sandbox)


def test_what_is_found_on_a_scanned_page_is_covered(packs: Path) -> None:
    sandbox = ProcessSandbox((PARSE_TASK, walled.TASK, reading.PIXELS_TASK, reading.COMPARE_TASK))
    waiting = rendered(packs, sandbox, Answers(confirmed=True))
    assert waiting.state is State.WAITING, waiting.reason
    assert waiting.decisions is not None
    (ask,) = waiting.decisions.asks
    assert ask.field_id == "document"
    assert {(region.name, region.page) for region in ask.regions} == {("text", 1), ("face", 1), ("code", 1)}
    clean = rendered(packs, sandbox, Answers(confirmed=True, suggested=ask.suggested))
    sandbox.close()
    assert clean.state is State.CLEAN, clean.reason
    assert clean.rebuilt is not None
    (page,) = clean.rebuilt.pages
    for region in ask.regions:
        assert any(_within(region.box, box) for box in page.boxes)


def _within(inner: Box, outer: Box) -> bool:
    return (
        outer.left_px <= inner.left_px
        and outer.top_px <= inner.top_px
        and inner.left_px + inner.width_px <= outer.left_px + outer.width_px
        and inner.top_px + inner.height_px <= outer.top_px + outer.height_px
    )


class Counting:
    """A detector that notes what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, int, int]] = []

    def version(self) -> str:
        return "counting"

    def find(self, width_px: int, height_px: int, untrusted_rgb: bytes) -> Sequence[Found]:
        self.shown.append((width_px, height_px, len(untrusted_rgb)))
        return (Found("text", (0, 0, 4, 4)),)


def document(*pages: Page) -> Pages:
    return Pages(pages, lambda number: bytes(pages[number - 1].width_px * pages[number - 1].height_px), {}, "x/y")


def test_only_pages_that_rules_cannot_read_are_looked_at() -> None:
    detector = Counting()
    _, found = suggestions(document(Page(30, 20, ()), Page(10, 20, (), unreadable=True)), detector)
    assert [(field.id, field.page) for field in found] == [("region/1", 2)]
    assert detector.shown == [(10, 20, 600)]


def test_what_no_detector_looks_at_does_not_pass_unseen() -> None:
    detector = Counting()
    with pytest.raises(NotLookedAt):
        suggestions(Drawing((8, 8), (), (), (), {}, {}, lambda _selection: None), detector)
    assert detector.shown == []


def test_too_many_scanned_pages_are_refused_before_any_is_looked_at() -> None:
    page = Page(10_000, MAX_PIXELS // 20_000 + 1, (), unreadable=True)
    detector = Counting()
    with pytest.raises(TooMuchToLookAt):
        suggestions(document(page, page), detector)
    assert detector.shown == []


def test_where_there_is_nothing_to_look_at_no_detector_is_needed() -> None:
    table = Table.of(("a",), [["1"]])
    assert suggestions(table, None) == (None, ())
    assert suggestions(document(Page(30, 20, ())), None) == (None, ())
    with pytest.raises(DetectorMissing):
        suggestions(document(Page(30, 20, (), unreadable=True)), None)
