"""The gate reads pages, pictures and frames: what stands in pixels alone is found; no hostile answer is believed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gateway.app import COLD_TASKS
from gateway.base.canon import Json
from gateway.formats import h264, write_mp4
from gateway.formats.write_document import rebuild
from gateway.marks import lettering, visible
from gateway.residue import gate, reading, walled
from gateway.residue.jpeg import Pixels
from gateway.residue.model import (
    DocumentExpectation,
    Expectation,
    Near,
    PictureExpectation,
    Report,
    TextExpectation,
    VideoExpectation,
    WithheldSet,
    WithheldValue,
)
from gateway.residue.pixels import shown, smaller
from gateway.residue.reading import MAX_FRAMES, MAX_PIXELS, TooMuchToRead, surfaces
from gateway.residue.walled import NotVerified
from gateway.sandbox.ports import Layer, Limits, Reply
from gateway.sandbox.problems import ParseRefused
from gateway.sandbox.process import ProcessSandbox
from tests.support import detection
from tests.support.pages import MARK, document, expectation, page, plan
from tests.support.reading import Saying
from tests.support.renditions import burned, encoded, table_expectation

MARKED = MARK.text
PAGE_PX, FRAME_PX = (801, 600), (480, 320)
WITHHELD = WithheldSet(
    (
        WithheldValue("Anneliese Kowalski", "text/1/1"),
        WithheldValue("Grünwald Präzision", "text/1/2"),
        WithheldValue("深圳市永磁材料", "text/1/3"),
    ),
    frozenset({"Framework agreement"}),
)
LINES = ("Framework agreement", "by Anneliese Kowalski", "Grünwald Präzision", "深圳市永磁材料")
FIELDS = {"text/1/1", "text/1/2", "text/1/3"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    tasks = (walled.TASK, reading.PIXELS_TASK, reading.COMPARE_TASK, reading.VIDEO_PIXELS_TASK)
    with contextlib.closing(ProcessSandbox(tasks, cold=COLD_TASKS)) as sandbox:
        yield sandbox


def written(ground: Image.Image, lines: tuple[str, ...], height_px: int, top_px: int = 20) -> Image.Image:
    for number, words in enumerate(lines):
        letters, _ = lettering.write([(words, height_px)], 0)
        ground.paste((10, 10, 12), (40, top_px + 3 * number * height_px), letters)
    return ground


def a_page(lines: tuple[str, ...]) -> tuple[bytes, DocumentExpectation]:
    """A document of one page whose pixels say more than its text."""
    raster = np.asarray(written(Image.new("RGB", PAGE_PX, "white"), lines, 34).convert("L"))
    content = document(page([], PAGE_PX), pixels={1: raster})
    rebuilt = rebuild(content, plan(content), MARK)
    return rebuilt.data, expectation(rebuilt)


def a_picture(lines: tuple[str, ...], media_type: str) -> tuple[bytes, PictureExpectation]:
    """A photograph, or a drawing as a picture."""
    picture = burned(written(Image.new("RGB", FRAME_PX, (190, 180, 160)), lines, 22), MARKED)
    return encoded(picture, media_type), PictureExpectation(media_type, FRAME_PX, (), MARKED)


def a_video(lines: tuple[str, ...], frames: range) -> tuple[bytes, VideoExpectation]:
    """A video of three seconds that says something in some of its frames."""
    encoder = h264.Encoder(FRAME_PX, 5, 1)
    for number in range(16):
        picture = Image.new("RGB", FRAME_PX, (200, 200, 200))
        luma = np.array(written(picture, lines if number in frames else (), 24).convert("L"))
        visible.Veil(FRAME_PX, MARKED, visible.FILM).lay(luma)
        encoder.add(np.concatenate([luma.ravel(), np.full(240 * 320, 128, np.uint8)]).reshape(480, 480))
    data = write_mp4.written(write_mp4.Film(FRAME_PX, 5, 1, *encoder.finish()))
    return data, VideoExpectation(FRAME_PX, 5, 16, 1, (), MARKED)


def read(sandbox: ProcessSandbox, data: bytes, expected: Expectation) -> Report:
    before = gate.check(data, expected, WITHHELD)
    assert before.findings == ()
    assert before.read_by == "not-read"
    return reading.read(sandbox, detection.networks(), data, expected, WITHHELD, before)


def test_a_name_in_the_pixels_of_a_page_is_read_in_three_languages(sandbox: ProcessSandbox) -> None:
    report = read(sandbox, *a_page(LINES))
    assert {one.kind.value for one in report.findings} == {"withheld-value-read"}
    assert {one.field for one in report.findings} == FIELDS
    assert all(one.place.startswith("page 1 at ") for one in report.findings)
    assert report.counts["surfaces_read"] == 1
    assert "read" not in report.passed


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png"])
def test_a_name_in_a_photograph_or_in_the_picture_of_a_drawing_is_read(
    sandbox: ProcessSandbox, media_type: str
) -> None:
    report = read(sandbox, *a_picture(LINES, media_type))
    assert {one.field for one in report.findings} == FIELDS


def test_a_name_that_is_there_for_a_second_of_a_video_is_read(sandbox: ProcessSandbox) -> None:
    report = read(sandbox, *a_video(LINES[1:3], range(4, 9)))
    assert {one.field for one in report.findings} == {"text/1/1", "text/1/2"}
    assert {one.place.partition(" at ")[0] for one in report.findings} == {"frame 6"}
    assert report.counts["surfaces_read"] == 4


def test_what_is_lawfully_shown_passes(sandbox: ProcessSandbox) -> None:
    report = read(sandbox, *a_picture(LINES[:1], "image/png"))
    assert (report.findings, report.near) == ((), ())
    assert report.passed[-1] == "read"
    assert report.read_by == detection.networks().version()
    assert report.counts["passages_read"] >= 1


def test_the_mark_hides_nothing_from_the_reader() -> None:
    plain = np.asarray(written(Image.new("RGB", FRAME_PX, (190, 180, 160)), LINES, 22))
    data, expected = a_picture(LINES, "image/png")
    (rgb,) = shown(data, expected, [0])
    lifted = np.frombuffer(rgb, np.uint8).reshape(plain.shape)
    assert np.abs(lifted.astype(int) - plain).max() <= 2


def test_colours_of_a_frame_come_back() -> None:
    """A grey frame stays grey, and broadcast black is black."""
    data, expected = a_video((), range(0))
    frames = [np.frombuffer(one, np.uint8).reshape(320, 480, 3).astype(int) for one in shown(data, expected, [0, 15])]
    assert len(frames) == 2
    for frame in frames:
        assert np.ptp(frame[40:60, 40:60], axis=2).max() <= 2
        assert abs(int(np.median(frame)) - round((200 - 16) * 255 / 219)) <= 3


@pytest.mark.parametrize("shape", [(4, 6), (5, 7), (1, 1), (3, 2, 3)])
def test_a_page_is_made_small_without_losing_its_last_row(shape: tuple[int, ...]) -> None:
    half: Pixels = smaller(np.full(shape, 77, np.uint8))
    assert half.shape == (-(-shape[0] // 2), -(-shape[1] // 2), *shape[2:])
    assert (half == 77).all()


def test_frames_are_taken_from_the_whole_video() -> None:
    def numbers(frames: int, fps: int = 5, size_px: tuple[int, int] = FRAME_PX) -> list[int]:
        return [one.number for one in surfaces(VideoExpectation(size_px, fps, frames, 1, (), MARKED))]

    assert numbers(1) == [0]
    assert numbers(2) == [0, 1]
    assert numbers(16) == [0, 5, 10, 15]
    long = numbers(50 * 600, 50)
    assert (len(long), long[0], long[-1]) == (MAX_FRAMES, 0, 29_999)
    large = numbers(50 * 600, 50, (3840, 2160))
    assert len(large) * 3840 * 2160 <= MAX_PIXELS
    assert (large[0], large[-1]) == (0, 29_999)


def test_what_has_no_pixels_is_not_read() -> None:
    assert surfaces(table_expectation()) == ()
    assert surfaces(TextExpectation("README.txt")) == ()


def test_too_much_is_refused_before_anything_is_read() -> None:
    with pytest.raises(TooMuchToRead):
        surfaces(DocumentExpectation(((1654, 2339),) * 125, ((),) * 125, MARKED))
    assert len(surfaces(DocumentExpectation(((1654, 2339),) * 120, ((),) * 120, MARKED))) == 120


class Child:
    """A sandbox whose child answers each task as it likes."""

    def __init__(self, **answers: object) -> None:
        self._answers = answers

    def layers(self) -> frozenset[Layer]:
        return frozenset(Layer)

    def run(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Reply:
        answer: Any = self._answers[task.rpartition(":")[2]]
        if isinstance(answer, Exception):
            raise answer
        return Reply({}, tuple(answer))

    def stream(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Iterator[bytes]:
        raise NotImplementedError


PICTURE = PictureExpectation("image/png", (20, 10), (), MARKED)
CLEAN = Report("picture", (), ("values",), (), {"searched": 1}, "not-read")


def told(**answers: object) -> Report:
    child = Child(**({"pixels": [bytes(600)], "compare": [b"[[],[]]"]} | answers))
    return reading.read(child, Saying("one", "two"), b"", PICTURE, WITHHELD, CLEAN)


def test_what_the_child_compared_is_placed_by_the_parent() -> None:
    """The third passage is the first two, joined: of the same field it says nothing new."""
    report = told(compare=[b'[[[2,"text/1/1"],[0,"text/1/1"]],[[1,null]]]'])
    assert [(one.place, one.field) for one in report.findings] == [("the picture at 30 40 200 20", "text/1/1")]
    assert report.near == (Near(0, (30, 70, 200, 20), None),)
    assert told().passed == ("values", "read")


@pytest.mark.parametrize(
    "answers",
    [
        {"pixels": []},
        {"pixels": [bytes(599)]},
        {"pixels": [bytes(600), b""]},
        {"pixels": ParseRefused("It would not.", "no", {})},
        {"compare": ParseRefused("It would not.", "no", {})},
        {"compare": [b""]},
        {"compare": []},
        {"compare": [b"[[],[],[]]"]},
        {"compare": [b"[[[9,null]],[]]"]},
        {"compare": [b"[[[-1,null]],[]]"]},
        {"compare": [b"[[[true,null]],[]]"]},
        {"compare": [b"[[[0,7]],[]]"]},
        {"compare": [b"[7,[]]"]},
    ],
    ids=str,
)
def test_no_answer_that_does_not_add_up_is_taken_for_clean(answers: dict[str, object]) -> None:
    with pytest.raises(NotVerified):
        told(**answers)
