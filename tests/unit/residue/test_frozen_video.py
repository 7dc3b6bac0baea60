"""A frozen rendition that every later gate must accept and every later writer put together alike, and broken ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.formats import write_mp4
from gateway.residue import gate, mp4_form
from gateway.residue.model import VideoExpectation, WithheldSet
from gateway.residue.walled import expected

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "video"
FROZEN = (VECTORS / "rebuilt.mp4").read_bytes()
BROKEN: list[dict[str, Any]] = json.loads((VECTORS / "broken.json").read_text("utf-8"))


def told() -> VideoExpectation:
    expectation = expected("VideoExpectation", json.loads((VECTORS / "rebuilt.json").read_text("utf-8")))
    assert isinstance(expectation, VideoExpectation)
    return expectation


def test_the_frozen_video_passes() -> None:
    assert gate.check(FROZEN, told(), WithheldSet(())).findings == ()


def test_its_frames_are_put_together_as_ever() -> None:
    one = told()
    walked = mp4_form.walk(FROZEN, one.size_px, one.fps, one.frames, one.matrix)
    film = write_mp4.Film(one.size_px, one.fps, one.matrix, walked.sps, walked.pps, walked.frames)
    assert write_mp4.written(film) == FROZEN


@pytest.mark.parametrize("broken", BROKEN, ids=lambda one: one["name"])
def test_a_broken_one_names_its_failure(broken: dict[str, Any]) -> None:
    at, new = broken["at"], bytes.fromhex(broken["bytes"])
    report = gate.check(FROZEN[:at] + new + FROZEN[at + len(new) :], told(), WithheldSet(()))
    assert broken["name"].partition(":")[0] in {one.kind.value for one in report.findings}
