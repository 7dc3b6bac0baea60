"""A video from its bytes to a rendition that the gate lets pass; and what becomes of a format that cheats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date

import pytest

from gateway.app import COLD_TASKS
from gateway.formats.film import Shots
from gateway.formats.model import Box, Content, Element, Mark, Op, Plan, Rebuilt
from gateway.formats.video import PARSE_TASKS, VideoFormat
from gateway.policy.answers import Answers
from gateway.policy.conditions import Context
from gateway.policy.load import load_library
from gateway.render.model import Outcome, State
from gateway.render.pipeline import Job, render
from gateway.residue import walled
from gateway.sandbox.process import ProcessSandbox
from tests.support import videos

LIBRARY = load_library()
SECRET = "Kowalski-48211"
AREA, BADGE = [0, 40, 640, 400], [40, 240, 40, 40]
ANSWERS = {
    "regions": [
        {"class": "work_area", "path": [[200, *AREA], [1000, *AREA]]},
        {"class": "badge", "path": [[0, *BADGE], [1200, 160, *BADGE[1:]]]},
    ],
    "confirmed": True,
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox((*PARSE_TASKS, walled.VIDEO_TASK), cold=COLD_TASKS)
    yield walls
    walls.close()


@pytest.fixture(scope="module")
def original() -> bytes:
    return videos.video(tags={"title": SECRET}, sound=True)


class Cheating(VideoFormat):
    """The format, but for what it makes of its plan or of what it made."""

    def __init__(self, cheat: Callable[[Plan], Plan], after: Callable[[Rebuilt], Rebuilt] = lambda one: one) -> None:
        self._cheat, self._after = cheat, after

    def rebuild(self, content: Content, plan: Plan, mark: Mark, secret: bytes) -> Rebuilt:
        return self._after(super().rebuild(content, self._cheat(plan), mark, secret))


def rendered(
    sandbox: ProcessSandbox, original: bytes, form: VideoFormat | None = None, answers: object = ANSWERS
) -> Outcome:
    job = Job(
        untrusted_original=original,
        media_type="video/mp4",
        file_name="line 4 Kowalski.mp4",
        form=form or VideoFormat(),
        kind=LIBRARY.kind("line_video"),
        policy=LIBRARY.policy("cn-mofcom-single.line-video"),
        context=Context({"recipient.class": "authority", "recipient.hop": "2", "purpose": "export_licence"}),
        on=date(2026, 3, 2),
        answers=Answers.from_json(answers),
        mark=Mark("赣州千里磁材有限公司", "rel_01jabcdefghjkmnpqrstvwxyz0", "2026-03-02"),
        secret=bytes(32),
        statements=LIBRARY.statements,
    )
    return render(job, sandbox)


def test_a_line_video_leaves_as_its_policy_says_and_says_how_it_was_timed(
    sandbox: ProcessSandbox, original: bytes
) -> None:
    outcome = rendered(sandbox, original)
    assert (outcome.state, outcome.reason) == (State.CLEAN, None)
    assert outcome.rebuilt is not None
    assert outcome.report is not None
    assert {"structure", "frames", "boxes", "mark", "values", "bounds"} <= set(outcome.report.passed)
    frames = videos.decoded(outcome.rebuilt.data)
    assert (len(frames), frames[0].width, frames[0].height) == (9, 640, 400)
    (timed,) = [line for line in outcome.index if line["item"].startswith("Time and sound")]
    assert timed["summary_en"].startswith(
        "0.8 s are shown at 12 frames a second, fewer than the original has, 640 × 400"
    )


def test_a_video_waits_for_its_work_area_and_for_a_person(sandbox: ProcessSandbox, original: bytes) -> None:
    outcome = rendered(sandbox, original, answers={})
    assert outcome.state is State.WAITING
    assert outcome.decisions is not None
    assert [ask.field_id for ask in outcome.decisions.asks] == ["video", "video"]


def without(op: Op) -> Callable[[Plan], Plan]:
    def cheat(plan: Plan) -> Plan:
        kept = (
            one for one in plan.instructions if one.element is Element.METADATA or one.cases[0].transform.op is not op
        )
        return replace(plan, instructions=tuple(kept))

    return cheat


def later(plan: Plan) -> Plan:
    """The badge's box one second late."""
    moved = (
        replace(one, path=tuple(replace(moment, at_ms=moment.at_ms + 1000) for moment in one.path))
        if one.name == "badge"
        else one
        for one in plan.instructions
    )
    return replace(plan, instructions=tuple(moved))


def longer(plan: Plan) -> Plan:
    """All seconds of the work area."""
    instructions = (replace(one, path=()) if one.name == "work_area" else one for one in plan.instructions)
    return replace(plan, instructions=tuple(instructions))


def larger(plan: Plan) -> Plan:
    return replace(plan, film=replace(plan.film, fps=25))


@pytest.mark.parametrize("cheat", [without(Op.BOX), later, longer, larger], ids=["no-box", "late", "long", "fast"])
def test_what_does_not_follow_its_plan_is_not_kept(
    sandbox: ProcessSandbox, original: bytes, cheat: Callable[[Plan], Plan]
) -> None:
    outcome = rendered(sandbox, original, Cheating(cheat))
    assert outcome.state is State.REFUSED
    assert outcome.reason is not None
    assert "nothing is kept of it" in outcome.reason


def claims_boxes(rebuilt: Rebuilt) -> Rebuilt:
    """Boxes that are not in the pixels."""
    assert rebuilt.film is not None
    shots = Shots()
    for _ in range(rebuilt.film.cut.count):
        shots.add([Box(0, 160, 640, 96)])
    return replace(rebuilt, film=replace(rebuilt.film, shots=shots.finish()))


def test_the_gate_blocks_boxes_that_are_only_claimed_and_an_original_that_is_passed_through(
    sandbox: ProcessSandbox, original: bytes
) -> None:
    claimed = rendered(sandbox, original, Cheating(without(Op.BOX), claims_boxes))
    assert claimed.state is State.BLOCKED
    assert claimed.report is not None
    assert {one.kind.value for one in claimed.report.findings} == {"box-not-solid"}
    passed = rendered(sandbox, original, Cheating(lambda plan: plan, lambda one: replace(one, data=original)))
    assert passed.state is State.BLOCKED
