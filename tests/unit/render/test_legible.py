"""What is legible in a finished rendition is searched like its text: an exact find blocks, a near one asks a person."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from PIL.PngImagePlugin import PngInfo

from gateway.detect.problems import DetectorMissing
from gateway.formats.model import Box, Mark
from gateway.formats.picture import PARSE_TASK, PictureFormat
from gateway.policy.answers import Answers, Region
from gateway.policy.conditions import Context
from gateway.policy.load import load_library, load_policy_file
from gateway.policy.policy import Policy
from gateway.render.model import Outcome, State
from gateway.render.pipeline import Job, render
from gateway.residue import reading, walled
from gateway.residue.ports import Reader
from gateway.sandbox.process import ProcessSandbox
from tests.support import detection
from tests.support.reading import Saying

LIBRARY = load_library()
LEFT, TOP = 10, 20
AREA = Region("work_area", Box(LEFT, TOP, 620, 380))
ANSWERS = Answers(regions=(AREA,), confirmed=True)
EMAIL = "j.gruenwald@firma.example"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox((PARSE_TASK, walled.TASK, reading.PIXELS_TASK, reading.COMPARE_TASK))
    yield walls
    walls.close()


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """The pack's policy for photographs, with reading required."""
    text = (Path("policies") / "cn-mofcom-single" / "production-photo.yaml").read_text("utf-8")
    text = text.replace("id: cn-mofcom-single.production-photo", "id: test.read")
    file = tmp_path_factory.mktemp("policy") / "read.yaml"
    file.write_text(text.replace("  unknown_field: ask\n", "  unknown_field: ask\n  reading: required\n"), "utf-8")
    return load_policy_file(file, LIBRARY)


def rendered(
    sandbox: ProcessSandbox, rules: Policy, author: str, reader: Reader | None, answers: Answers = ANSWERS
) -> Outcome:
    """A photograph whose metadata, which are withheld, hold a value."""
    original, about = io.BytesIO(), PngInfo()
    about.add_text("Author", author)
    detection.scene().save(original, "PNG", pnginfo=about)
    job = Job(
        untrusted_original=original.getvalue(),
        media_type="image/png",
        file_name=None,
        form=PictureFormat(),
        kind=LIBRARY.kind("production_photo"),
        policy=rules,
        context=Context({"recipient.class": "authority", "recipient.hop": "2", "purpose": "export_licence"}),
        on=date(2026, 3, 2),
        answers=answers,
        mark=Mark("MOFCOM Bureau", "rel_1", "2026-03-02"),
        secret=bytes(32),
        statements=LIBRARY.statements,
        reader=reader,
    )
    return render(job, sandbox)


@pytest.mark.parametrize("author", [EMAIL, "检验员李敏"])
def test_a_withheld_value_that_is_legible_blocks(sandbox: ProcessSandbox, rules: Policy, author: str) -> None:
    outcome = rendered(sandbox, rules, author, detection.networks())
    assert outcome.state is State.BLOCKED, outcome.reason
    assert outcome.report is not None
    assert outcome.rebuilt is None
    assert {one.kind.value for one in outcome.report.findings} == {"withheld-value-read"}
    assert outcome.report.findings[0].place.startswith("the picture at ")
    assert author not in str(outcome.report.to_json())


def test_what_is_covered_is_not_read(sandbox: ProcessSandbox, rules: Policy) -> None:
    left, top, right, bottom = detection.EMAIL
    covered = replace(ANSWERS, regions=(AREA, Region("badge", Box(left, top, right - left, bottom - top))))
    outcome = rendered(sandbox, rules, EMAIL, detection.networks(), covered)
    assert outcome.state is State.CLEAN, outcome.reason
    assert outcome.report is not None
    told = outcome.report.to_json()
    assert told["read_by"] == detection.networks().version()
    assert outcome.report.counts["surfaces_read"] == 1
    assert outcome.report.counts["passages_read"] > 0
    assert "read" in outcome.report.passed


def test_what_nearly_says_it_waits_for_a_person(sandbox: ProcessSandbox, rules: Policy) -> None:
    reader = Saying("j.gruenwa1d@f1rma.example")
    waiting = rendered(sandbox, rules, EMAIL, reader)
    assert waiting.state is State.WAITING
    assert waiting.rebuilt is None
    assert waiting.decisions is not None
    (ask,) = waiting.decisions.asks
    assert ask.field_id == "picture"
    assert "Metadata" in ask.question
    assert EMAIL not in ask.question
    assert ask.read in str(ask.to_json())
    (region,) = ask.regions
    assert region.box == Box(30 + LEFT, 40 + TOP, 200, 20)

    clean = rendered(sandbox, rules, EMAIL, reader, replace(ANSWERS, read=ask.read))
    assert clean.state is State.CLEAN, clean.reason
    assert clean.report is not None
    assert clean.report.counts["near_confirmed"] == 1
    again = rendered(sandbox, rules, EMAIL, reader, replace(ANSWERS, read=ask.read))
    assert again.report is not None
    assert again.report.to_json() == clean.report.to_json()


def test_a_confirmation_holds_for_what_was_seen_and_nothing_else(sandbox: ProcessSandbox, rules: Policy) -> None:
    nearly = "j.gruenwa1d@f1rma.example"
    waiting = rendered(sandbox, rules, EMAIL, Saying(nearly))
    assert waiting.decisions is not None
    said = waiting.decisions.asks[0].read
    for reader, answers in (
        (Saying(nearly, nearly), ANSWERS),
        (Saying(nearly, version="saying/2"), ANSWERS),
        (Saying(nearly), replace(ANSWERS, regions=(Region("work_area", Box(LEFT, TOP, 600, 380)),))),
    ):
        assert rendered(sandbox, rules, EMAIL, reader, replace(answers, read=said)).state is State.WAITING


def test_nobody_can_confirm_an_exact_find_away(sandbox: ProcessSandbox, rules: Policy) -> None:
    outcome = rendered(sandbox, rules, EMAIL, Saying(EMAIL), replace(ANSWERS, read="0" * 32))
    assert outcome.state is State.BLOCKED


def test_without_a_reader_there_is_no_rendition(sandbox: ProcessSandbox, rules: Policy) -> None:
    refused = rendered(sandbox, rules, EMAIL, None)
    assert refused.state is State.REFUSED
    assert refused.reason == "The policy requires renditions to be read, and this gateway was started without a reader."


def test_a_missing_model_refuses_in_one_sentence(
    sandbox: ProcessSandbox, rules: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> str:
        raise DetectorMissing("The model is not installed; install it.")

    monkeypatch.setattr("gateway.detect.models.version", missing)
    refused = rendered(sandbox, rules, EMAIL, detection.networks())
    assert (refused.state, refused.reason) == (State.REFUSED, "The model is not installed; install it.")


def test_what_nobody_required_to_be_read_says_so(sandbox: ProcessSandbox) -> None:
    reader = Saying(EMAIL)
    clean = rendered(sandbox, LIBRARY.policy("cn-mofcom-single.production-photo"), EMAIL, reader)
    assert clean.state is State.CLEAN, clean.reason
    assert clean.report is not None
    assert clean.report.to_json()["read_by"] == "not-read"
    assert reader.asked == []
