"""A video under a policy that requires detection: what would leave is looked at, followed, confirmed and covered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gateway.app import COLD_TASKS
from gateway.detect.model import Detector, Found
from gateway.detect.problems import DetectorMissing
from gateway.formats.film import whole_of
from gateway.formats.model import Box, Mark, Moment, Video
from gateway.formats.video import PARSE_TASKS, VideoFormat
from gateway.policy.answers import Answers, Region
from gateway.policy.conditions import Context
from gateway.policy.load import load_library, load_policy_file
from gateway.policy.policy import Policy
from gateway.render import film_suggestions
from gateway.render.film_suggestions import TooLongToLookAt, film_regions
from gateway.render.model import Outcome, State
from gateway.render.pipeline import Job, render
from gateway.render.suggestions import suggestions
from gateway.residue import walled
from gateway.residue.reading import COMPARE_TASK, VIDEO_PIXELS_TASK
from gateway.sandbox.process import ProcessSandbox
from tests.support import detection, videos
from tests.support.reading import Saying
from tests.support.videos import Pixels

LIBRARY = load_library()
MARK = Mark("MOFCOM Bureau", "rel_01k7m3v9q2x8d4n6b5t1c0zhep", "2026-03-02")
ALLOWING = """
  - id: lettering
    select: {regions: {class: [text], source: detector}}
    do: allow
    because: {code: REQ, basis: "State Council Order 792, art. 16", asked_for: item-6}
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    reading = (VIDEO_PIXELS_TASK, COMPARE_TASK)
    walls = ProcessSandbox((*PARSE_TASKS, walled.VIDEO_TASK, *reading), cold=COLD_TASKS)
    yield walls
    walls.close()


class Red:
    """A detector that finds what is red, and notes what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, int]] = []

    def version(self) -> str:
        return "red"

    def find(self, width_px: int, height_px: int, untrusted_rgb: bytes) -> Sequence[Found]:
        self.shown.append((width_px, height_px))
        rows, columns = np.nonzero(red(np.frombuffer(untrusted_rgb, np.uint8).reshape(height_px, width_px, 3)))
        if not len(rows):
            return ()
        left, top = int(columns.min()), int(rows.min())
        return (Found("face", (left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top)),)


def red(frame: Pixels) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    shown: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = (frame[:, :, 0] > 170) & (frame[:, :, 1] < 90)
    return shown


def policy(folder: Path, more: str = "") -> Policy:
    """The pack's policy for line videos, with detection required, and with further rules."""
    text = (Path("policies") / "cn-mofcom-single" / "line-video.yaml").read_text("utf-8")
    text = text.replace("id: cn-mofcom-single.line-video", "id: test.looked-at")
    text = text.replace("  unknown_field: ask\n", "  unknown_field: ask\n  detection: required\n")
    text = text.replace("rules:\n", f"rules:{more}", 1) if more else text
    file = folder / "looked-at.yaml"
    file.write_text(text, "utf-8")
    return load_policy_file(file, LIBRARY)


def rendered(
    sandbox: ProcessSandbox, rules: Policy, original: bytes, answers: Answers, detector: Detector | None
) -> Outcome:
    job = Job(
        untrusted_original=original,
        media_type="video/mp4",
        file_name=None,
        form=VideoFormat(),
        kind=LIBRARY.kind("line_video"),
        policy=rules,
        context=Context({"recipient.class": "authority", "recipient.hop": "2", "purpose": "export_licence"}),
        on=date(2026, 3, 2),
        answers=answers,
        mark=MARK,
        secret=bytes(32),
        statements=LIBRARY.statements,
        detector=detector,
        reader=Saying(),
    )
    return render(job, sandbox)


def drawn(*area: int) -> Answers:
    return Answers(regions=(Region("work_area", Box(*(area or (0, 0, *videos.SIZE_PX)))),), confirmed=True)


def confirmed(outcome: Outcome, answers: Answers) -> Answers:
    assert outcome.decisions is not None, outcome.reason
    return replace(answers, suggested=outcome.decisions.asks[-1].suggested)


def read(data: bytes, sandbox: ProcessSandbox) -> Video:
    return VideoFormat().read(data, "video/mp4", sandbox)


def pictures(outcome: Outcome) -> list[Pixels]:
    assert outcome.rebuilt is not None, outcome.reason
    return [frame.to_ndarray(format="rgb24") for frame in videos.decoded(outcome.rebuilt.data)]


def test_what_moves_is_covered_in_every_frame_once_a_person_confirmed_it(
    sandbox: ProcessSandbox, tmp_path: Path
) -> None:
    rules, original, answers = policy(tmp_path), videos.video(frames=56), drawn()
    waiting = rendered(sandbox, rules, original, answers, Red())
    assert waiting.state is State.WAITING
    assert waiting.decisions is not None
    assert waiting.rebuilt is None
    (ask,) = waiting.decisions.asks
    assert (ask.field_id, [region.name for region in ask.regions]) == ("video", ["face"])
    assert "1 face;" in ask.question
    assert ask.to_json()["regions"][0]["path"][0][0] == 0  # type: ignore[index,call-overload]

    clean = rendered(sandbox, rules, original, confirmed(waiting, answers), Red())
    assert clean.state is State.CLEAN, clean.reason
    frames = pictures(clean)
    assert [number for number, frame in enumerate(frames) if red(frame).any()] == []
    # It moves on, and what is nowhere near it is shown.
    assert frames[0][250, 400].mean() > 60
    assert frames[-1][250, 60].mean() > 60
    again = rendered(sandbox, rules, original, confirmed(waiting, answers), Red())
    assert again.rebuilt is not None
    assert clean.rebuilt is not None
    assert again.rebuilt.data == clean.rebuilt.data


def test_the_detector_itself_looks_at_a_video(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    scene = detection.scene()

    def painted(number: int) -> Pixels:
        frame = Image.new("RGB", scene.size, (150, 160, 168))
        frame.paste(scene.crop((8, 16, 344, 72)), (8 + 6 * number, 16))
        frame.paste(scene.crop((410, 60, 530, 200)), (410 - 6 * number, 160))
        return np.asarray(frame)

    original = videos.video(frames=12, size_px=scene.size, painted=painted)
    answers, networks = drawn(0, 0, *scene.size), detection.networks()
    waiting = rendered(sandbox, policy(tmp_path, ALLOWING), original, answers, networks)
    assert waiting.decisions is not None
    found = {region.name: region for region in waiting.decisions.asks[0].regions}
    assert set(found) == {"text", "face"}
    assert "gruenwald" not in str(waiting.decisions.to_json())
    clean = rendered(sandbox, policy(tmp_path, ALLOWING), original, confirmed(waiting, answers), networks)
    assert clean.state is State.CLEAN, clean.reason
    assert clean.decisions is not None
    assert clean.decisions.detector == networks.version()
    frames = pictures(clean)
    for number, frame in enumerate(frames):
        left = 410 - 12 * number
        assert frame[190:262, left + 40 : left + 80].max() < 30
        # The policy allows what is written.
        assert frame[26:56, 30 + 12 * number : 300 + 12 * number].std() > 25


def test_no_more_is_looked_at_than_would_leave(sandbox: ProcessSandbox) -> None:
    content = read(videos.video(frames=60), sandbox)
    cut, detector = whole_of(content), Red()
    left = replace(cut, area=Box(100, 200, 96, 96), size_px=(96, 96), start_ms=400, count=30)
    (found,) = film_regions(content, left, detector)
    # 160 pixels on each side, as far as the picture goes; the first and the last frame and one between.
    assert detector.shown == [(356, 416)] * 3
    assert (found.path[0].at_ms, found.path[-1].at_ms) == (400, 1600)
    assert found.box is not None
    # Frame 10 of the original begins the cut, frame 39 ends it.
    assert found.box.left_px <= 80
    assert found.box.left_px + found.box.width_px >= 40 + 4 * 39


def test_what_leaves_smaller_is_looked_at_twice_as_fine(sandbox: ProcessSandbox) -> None:
    content, detector = read(videos.video(frames=4, size_px=(1280, 960)), sandbox), Red()
    suggestions(content, detector, replace(whole_of(content), size_px=(320, 240)))
    assert set(detector.shown) == {(640, 480)}
    # The red part is at (40, 480) of the original, whatever it was looked at in.
    (found,) = film_regions(content, replace(whole_of(content), size_px=(320, 240)), Red())
    assert found.path[0].box.left_px <= 40
    assert found.path[0].box.top_px <= 480
    assert found.path[0].box.top_px + found.path[0].box.height_px >= 520


def test_a_region_ends_with_its_shot(sandbox: ProcessSandbox) -> None:
    def painted(number: int) -> Pixels:
        frame = np.full((480, 640, 3), 40 if number < 15 else 200, np.uint8)
        if number < 15:
            frame[200:260, 300:360] = (250, 40, 40)
        return frame

    content = read(videos.video(frames=30, painted=painted), sandbox)
    (found,) = film_regions(content, whole_of(content), Red())
    assert (found.path[0].at_ms, found.path[-1].at_ms) == (0, 600)


def test_what_is_there_for_one_short_shot_alone_is_found(sandbox: ProcessSandbox) -> None:
    """Three frames of another scene between two samples."""

    def painted(number: int) -> Pixels:
        frame = np.full((480, 640, 3), 60, np.uint8)
        if 10 <= number < 13:
            frame[:] = 180
            frame[200:260, 300:360] = (250, 40, 40)
        return frame

    content = read(videos.video(frames=40, painted=painted), sandbox)
    (found,) = film_regions(content, whole_of(content), Red())
    assert (found.path[0].at_ms, found.path[-1].at_ms) == (400, 520)


def test_before_the_work_area_is_drawn_nobody_looks(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    detector = Red()
    waiting = rendered(sandbox, policy(tmp_path), videos.video(frames=4), Answers(confirmed=True), detector)
    assert waiting.state is State.WAITING
    assert waiting.reason is not None
    assert "Where is the work area?" in waiting.reason
    assert detector.shown == []


class Without:
    """What the real one does where its extra is not installed."""

    def version(self) -> str:
        raise DetectorMissing("The model is not installed; install the gateway with its extra.")

    def find(self, width_px: int, height_px: int, untrusted_rgb: bytes) -> Sequence[Found]:
        raise AssertionError


@pytest.mark.parametrize("detector", [None, Without()])
def test_without_a_detector_there_is_no_rendition(
    sandbox: ProcessSandbox, tmp_path: Path, detector: Detector | None
) -> None:
    refused = rendered(sandbox, policy(tmp_path), videos.video(frames=4), drawn(), detector)
    assert refused.state is State.REFUSED


def test_too_much_to_look_at_is_refused_before_anything_is(
    sandbox: ProcessSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, detector = read(videos.video(frames=60), sandbox), Red()
    for name, most in (("MAX_LOOKED_AT", 3), ("MAX_PIXELS", 900_000)):
        with monkeypatch.context() as patch:
            patch.setattr(film_suggestions, name, most)
            with pytest.raises(TooLongToLookAt, match="fewer seconds or smaller, or cut"):
                list(film_regions(content, whole_of(content), detector))
    assert detector.shown == []


def test_a_detector_that_is_too_slow_is_ended(sandbox: ProcessSandbox) -> None:
    content = read(videos.video(frames=30), sandbox)
    # Before it looks again, and, where it has looked at all three, before what it saw is followed.
    for before in (1, 3):
        times = iter((0.0, *[1.0] * before, film_suggestions.WALL_S + 1))
        with pytest.raises(TooLongToLookAt, match="20 minutes"):
            list(film_regions(content, whole_of(content), Red(), lambda times=times: next(times)))  # type: ignore[misc]


def test_more_regions_than_anybody_confirms_are_refused(
    sandbox: ProcessSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Many(Red):
        def find(self, width_px: int, height_px: int, untrusted_rgb: bytes) -> Sequence[Found]:
            self.shown.append((width_px, height_px))
            return [Found("text", (0, 20 * number, 80, 10)) for number in range(7)]

    content, many, enough = read(videos.video(frames=2), sandbox), Many(), Many()
    monkeypatch.setattr(film_suggestions, "MAX_REGIONS", 7)
    assert len(list(film_regions(content, whole_of(content), enough))) == 7
    monkeypatch.setattr(film_suggestions, "MAX_REGIONS", 6)
    with pytest.raises(TooLongToLookAt, match="More than 6 regions"):
        list(film_regions(content, whole_of(content), many))
    assert len(many.shown) == 1


def test_the_same_regions_in_other_seconds_are_confirmed_anew(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    rules, original = policy(tmp_path), videos.video(frames=30)
    whole = drawn()
    before = confirmed(rendered(sandbox, rules, original, whole, Red()), whole)
    seconds = tuple(Moment(at_ms, Box(0, 0, *videos.SIZE_PX)) for at_ms in (0, 800))
    shorter = replace(before, regions=(Region.along("work_area", seconds),))
    assert rendered(sandbox, rules, original, shorter, Red()).state is State.WAITING
