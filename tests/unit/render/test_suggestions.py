"""A policy that requires detection: what is found is covered and confirmed by a person, or there is no rendition."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gateway.detect.model import Detector, Found
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
from gateway.sandbox.process import ProcessSandbox
from tests.support import detection
from tests.support.reading import Saying

LIBRARY = load_library()
WHOLE = Answers(regions=(Region("work_area", Box(0, 0, *detection.SIZE_PX)),), confirmed=True)
ALLOWING = """
  - id: lettering
    select: {regions: {class: [text], source: detector}}
    do: allow
    because: {code: REQ, basis: "State Council Order 792, art. 16", asked_for: item-6}
"""
NO_ADDRESS = """
  - id: no-address
    select: {classes: [EMAIL]}
    do: drop
    because:
      code: PD-MIN
      basis: GDPR, art. 5(1)(c)
      reason: {en: Nobody asked for it., zh: 未要求提供。}
      no_summary_reason: {en: It is an address., zh: 为联系地址。}
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox((PARSE_TASK, walled.TASK, reading.PIXELS_TASK, reading.COMPARE_TASK))
    yield walls
    walls.close()


def policy(folder: Path, more: str = "") -> Policy:
    """The pack's policy for photographs, with detection required, and with further rules."""
    text = (Path("policies") / "cn-mofcom-single" / "production-photo.yaml").read_text("utf-8")
    text = text.replace("id: cn-mofcom-single.production-photo", "id: test.looked-at")
    text = text.replace("  unknown_field: ask\n", "  unknown_field: ask\n  detection: required\n")
    text = text.replace("rules:\n", f"rules:{more}", 1) if more else text
    file = folder / "looked-at.yaml"
    file.write_text(text, "utf-8")
    return load_policy_file(file, LIBRARY)


def rendered(
    sandbox: ProcessSandbox, rules: Policy, answers: Answers = WHOLE, detector: Detector | None = None
) -> Outcome:
    original = io.BytesIO()
    detection.scene().save(original, "PNG")
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
        detector=detector,
        reader=Saying(),
    )
    return render(job, sandbox)


def confirmed(outcome: Outcome, answers: Answers = WHOLE) -> Answers:
    assert outcome.decisions is not None
    return replace(answers, suggested=outcome.decisions.asks[0].suggested)


def pixels(outcome: Outcome) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    assert outcome.rebuilt is not None, outcome.reason
    return np.asarray(Image.open(io.BytesIO(outcome.rebuilt.data)).convert("RGB"))


def black(shown: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], place: tuple[int, int, int, int]) -> bool:
    """Whether the middle of this place (left, top, right, bottom) is covered."""
    x, y = (place[0] + place[2]) // 2, (place[1] + place[3]) // 2
    return not shown[y - 4 : y + 4, x - 8 : x + 8].any()


def test_what_is_found_waits_for_a_person_and_is_then_covered(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    rules, networks = policy(tmp_path), detection.networks()
    waiting = rendered(sandbox, rules, detector=networks)
    assert waiting.state is State.WAITING
    assert waiting.decisions is not None
    assert waiting.rebuilt is None
    (ask,) = waiting.decisions.asks
    assert ask.field_id == "picture"
    assert "2 lines of text, 1 face, 1 printed code;" in ask.question
    assert [region.name for region in ask.regions] == ["text", "face", "code", "text"]
    assert ask.suggested in ask.question

    clean = rendered(sandbox, rules, confirmed(waiting), networks)
    assert clean.state is State.CLEAN, clean.reason
    assert clean.decisions is not None
    assert clean.decisions.detector == networks.version()
    assert clean.decisions.to_json()["detector"] == networks.version()
    shown = pixels(clean)
    assert all(black(shown, place) for place in (detection.EMAIL, detection.NAME, detection.FACE, detection.CODE))


def test_the_record_of_what_was_decided_holds_no_word_that_was_read(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    waiting = rendered(sandbox, policy(tmp_path), detector=detection.networks())
    assert waiting.decisions is not None
    told = str(waiting.decisions.to_json())
    assert "gruenwald" not in told
    assert "李敏" not in told
    assert "EMAIL" in told


@pytest.mark.parametrize("said", ["", "0" * 32])
def test_only_the_regions_that_were_seen_are_confirmed(sandbox: ProcessSandbox, tmp_path: Path, said: str) -> None:
    answers = replace(WHOLE, suggested=said)
    assert rendered(sandbox, policy(tmp_path), answers, detection.networks()).state is State.WAITING


class Blinder:
    """A detector of another version, which finds less."""

    def version(self) -> str:
        return "another"

    def find(self, width_px: int, height_px: int, untrusted_rgb: bytes) -> Sequence[Found]:
        return detection.networks().find(width_px, height_px, untrusted_rgb)[1:]


class Blind(Blinder):
    """A detector that finds nothing."""

    def find(self, width_px: int, height_px: int, untrusted_rgb: bytes) -> Sequence[Found]:
        return ()


def test_what_another_detector_finds_is_confirmed_anew(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    rules = policy(tmp_path)
    before = confirmed(rendered(sandbox, rules, detector=Blinder()))
    assert rendered(sandbox, rules, before, Blinder()).state is State.CLEAN
    assert rendered(sandbox, rules, before, detection.networks()).state is State.WAITING


def test_that_nothing_was_found_is_nobodys_consent(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    waiting = rendered(sandbox, policy(tmp_path), replace(WHOLE, confirmed=False), Blind())
    assert waiting.state is State.WAITING
    assert waiting.reason is not None
    assert "Was the whole picture looked at" in waiting.reason


def test_what_the_policy_allows_is_shown_and_nothing_else(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    rules, networks = policy(tmp_path, ALLOWING), detection.networks()
    clean = rendered(sandbox, rules, confirmed(rendered(sandbox, rules, detector=networks)), networks)
    assert clean.state is State.CLEAN, clean.reason
    shown = pixels(clean)
    assert not black(shown, detection.EMAIL)
    assert black(shown, detection.FACE)
    assert black(shown, detection.CODE)


def test_a_class_that_was_read_is_covered_where_writing_is_allowed(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    rules, networks = policy(tmp_path, ALLOWING + NO_ADDRESS), detection.networks()
    clean = rendered(sandbox, rules, confirmed(rendered(sandbox, rules, detector=networks)), networks)
    assert clean.state is State.CLEAN, clean.reason
    shown = pixels(clean)
    assert black(shown, detection.EMAIL)
    assert not black(shown, detection.NAME)


def test_without_a_detector_there_is_no_rendition(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    refused = rendered(sandbox, policy(tmp_path))
    assert refused.state is State.REFUSED
    assert refused.reason == "The policy requires detection, and this gateway was started without a detector."


def test_a_missing_model_refuses_in_one_sentence(
    sandbox: ProcessSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> str:
        raise DetectorMissing("The model is not installed; install it.")

    monkeypatch.setattr("gateway.detect.models.version", missing)
    refused = rendered(sandbox, policy(tmp_path), detector=detection.networks())
    assert refused.state is State.REFUSED
    assert refused.reason == "The model is not installed; install it."


def test_a_child_policy_cannot_do_without_what_its_parent_requires(tmp_path: Path) -> None:
    assert policy(tmp_path).defaults.detection == "required"
    parent = (tmp_path / "looked-at.yaml").read_text("utf-8")
    head, _, _ = parent.partition("rules:\n")
    child = head.replace("id: test.looked-at\n", "id: test.child\n").replace(
        "extends: [base.media@1]", "extends: [test.looked-at@1]"
    )
    child = child.replace("  detection: required\n", "")
    packs = tmp_path / "packs"
    shutil.copytree("policies", packs)
    (packs / "parent.yaml").write_text(parent, "utf-8")
    (packs / "child.yaml").write_text(f"{child}rules:{ALLOWING}", "utf-8")
    assert load_library(packs).policy("test.child").defaults.detection == "required"
