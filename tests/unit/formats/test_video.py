"""Videos through the real sandbox: what is read, what leaves, and what is refused."""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator, Sequence

import av
import numpy as np
import pytest

from gateway.base.problems import Problem
from gateway.formats import video as video_format
from gateway.formats.colours import rgb
from gateway.formats.film import cut_of
from gateway.formats.model import (
    Box,
    Case,
    Element,
    FilmBounds,
    Instruction,
    Mark,
    Moment,
    Op,
    Plan,
    Rebuilt,
    Transform,
    Video,
)
from gateway.formats.problems import NothingNamed, PlanUnfit, VideoMissing, VideoRefused, VideoTooLarge
from gateway.formats.video import PARSE_TASKS, VideoFormat
from gateway.formats.video_extent import is_whole
from gateway.sandbox.ports import Limits, Reply
from gateway.sandbox.process import ProcessSandbox
from tests.support import videos
from tests.support.videos import Pixels

MARK = Mark("Baotou Rare Earth Supply Co.", "rel_01k7m3v9q2x8d4n6b5t1c0zhep", "2026-01-31")
FORMAT = VideoFormat()
WHOLE = Box(0, 0, *videos.SIZE_PX)
SECRET = "Kowalski-48211"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    with contextlib.closing(ProcessSandbox(PARSE_TASKS)) as sandbox:
        yield sandbox


def region(number: int, op: Op, box: Box | None, path: Sequence[Moment] = (), name: str = "other") -> Instruction:
    case = (Case((), Transform(op, {}), 9, "REQ", op.value),)
    return Instruction(f"region/{number}", name, Element.REGION, "", "text", case, box, path=tuple(path))


def plan(*more: Instruction, area: Box = WHOLE, seconds: tuple[int, int] | None = None, **bounds: int) -> Plan:
    path = [Moment(at_ms, area) for at_ms in seconds or ()]
    return Plan((region(1, Op.CROP, area, path, "work_area"), *more), film=FilmBounds(**bounds))


def read(data: bytes, sandbox: ProcessSandbox) -> Video:
    media_type = FORMAT.sniff(data[:4096])
    assert media_type is not None
    return FORMAT.read(data, media_type, sandbox)


def rebuilt(data: bytes, what: Plan, sandbox: ProcessSandbox) -> Rebuilt:
    return FORMAT.rebuild(read(data, sandbox), what, MARK, bytes(32))


def pictures(data: bytes) -> list[Pixels]:
    """The rendition's frames, RGB, as a player shows them."""
    return [frame.to_ndarray(format="rgb24") for frame in videos.decoded(data)]


def still(number: int) -> Pixels:
    """The same for two seconds, but for a digit of 40 pixels that says which frame it is."""
    frame = np.full((480, 640, 3), 120, np.uint8)
    frame[100:140, 40 + 10 * (number % 50) : 80 + 10 * (number % 50)] = 255
    return frame


def test_a_video_leaves_as_one_track_without_anything_beside_it(sandbox: ProcessSandbox) -> None:
    data = videos.video(tags={"title": SECRET, "location": "+48.7/"}, sound=True, chapter=SECRET, subtitle=SECRET)
    assert SECRET.encode() in data
    content = read(data, sandbox)
    parts = dict(content.parts)
    assert {"container:title", "chapter:1", "track:2 audio", "track:3 subtitle"} <= set(parts)
    assert [len(FORMAT.values(content, field)) for field in FORMAT.survey(content)] == [1] * len(parts)
    made = FORMAT.rebuild(content, plan(), MARK, bytes(32))
    assert SECRET.encode() not in made.data
    assert made.redactions["default"] == len(parts)
    for never in (b"x264", b"Lavf", b"Lavc", b"udta", b"meta", b"free", b"uuid", b"edts", b"\x06\x05"):
        assert never not in made.data[: made.data.index(b"mdat")]
    assert b"x264" not in made.data
    with av.open(io.BytesIO(made.data)) as container:
        assert [one.type for one in container.streams] == ["video"]
        assert set(container.metadata) == {"major_brand", "minor_version", "compatible_brands"}
        assert not container.chapters()
    assert FORMAT.rebuild(content, plan(), MARK, bytes(32)).data == made.data


@pytest.mark.parametrize(("form", "media_type"), [("mov", "video/quicktime"), ("matroska", "video/x-matroska")])
def test_other_containers_are_read(sandbox: ProcessSandbox, form: str, media_type: str) -> None:
    attachment = SECRET.encode() if form == "matroska" else None
    data = videos.video(form=form, frames=12, attachment=attachment, tags={"title": SECRET})
    assert FORMAT.sniff(data[:4096]) == media_type
    content = read(data, sandbox)
    assert (content.width_px, content.height_px, content.fps) == (640, 480, 25)
    made = FORMAT.rebuild(content, plan(), MARK, bytes(32))
    assert len(pictures(made.data)) == 12
    assert SECRET.encode() not in made.data


def test_only_the_work_area_leaves_and_only_for_its_seconds(sandbox: ProcessSandbox) -> None:
    data = videos.video(painted=still, frames=50)
    made = rebuilt(data, plan(area=Box(33, 80, 600, 399), seconds=(400, 1200)), sandbox)
    shown = pictures(made.data)
    assert len(shown) == 20
    assert made.size_px == (592, 384)
    assert made.redactions["format:seconds-left-out"] == 1
    # The digit of frame 10 begins 140 pixels from the left, the area at 34.
    assert shown[0][30:50, 112:140].mean() > 200
    assert shown[0][30:50, 80:100].mean() < 160


def test_a_box_follows_its_path_and_covers_what_moves(sandbox: ProcessSandbox) -> None:
    """A red part goes 4 pixels a frame; its box says so at three moments."""
    path = [Moment(at, Box(40 + at // 10, 240, 40, 40)) for at in (0, 1000, 2000)]
    made = rebuilt(videos.video(), plan(region(2, Op.BOX, Box(0, 0, 1, 1), path)), sandbox)
    assert made.film is not None
    assert len({shot.box for shot in made.film.shots}) > 3
    assert {shot.box.width_px for shot in made.film.shots} <= {48, 160, 640}
    for number, frame in enumerate(pictures(made.data)):
        red = (frame[:, :, 0] > 170) & (frame[:, :, 1] < 90)
        assert not red.any(), number
        left = 40 + 4 * number
        assert frame[244:276, left + 4 : left + 36].max() < 24


def test_a_box_that_ends_early_lets_the_rest_be_seen(sandbox: ProcessSandbox) -> None:
    path = [Moment(0, Box(40, 240, 400, 40)), Moment(600, Box(40, 240, 400, 40))]
    shown = pictures(rebuilt(videos.video(), plan(region(2, Op.BOX, Box(0, 0, 1, 1), path)), sandbox).data)
    seen = [bool(((frame[:, :, 0] > 170) & (frame[:, :, 1] < 90)).any()) for frame in shown]
    assert not any(seen[:17])
    assert all(seen[17:])


def test_size_and_rate_are_brought_down(sandbox: ProcessSandbox) -> None:
    made = rebuilt(videos.video(painted=still), plan(lines=240, fps=5), sandbox)
    assert made.size_px == (320, 240)
    shown = pictures(made.data)
    assert len(shown) == 6
    assert made.redactions["format:frames-left-out"] == 24
    # Frame 5 of the original, whose digit begins at 90 pixels, is the second one shown.
    assert shown[1][55:65, 48:62].mean() > 200


def test_uneven_frames_become_even_and_each_is_held_until_the_next(sandbox: ProcessSandbox) -> None:
    times = [0, 40, 80, 600, 1000, 1040, 1080, 1120, 1160, 1200]
    data = videos.video(form="matroska", frames=10, painted=still, times=times)
    content = read(data, sandbox)
    assert content.duration_ms >= 1200
    shown = pictures(FORMAT.rebuild(content, plan(), MARK, bytes(32)).data)
    held = [int(np.argmax(frame[120].mean(axis=1) > 215)) // 10 for frame in shown]
    assert held == sorted(held)


NIGHTLY = pytest.mark.nightly


@pytest.mark.parametrize("turned", [90, *(pytest.param(turned, marks=NIGHTLY) for turned in (180, 270))])
def test_a_turned_video_is_upright(sandbox: ProcessSandbox, turned: int) -> None:
    def corner(_number: int) -> Pixels:
        frame = np.full((320, 480, 3), 60, np.uint8)
        frame[:80, :80] = 250
        return frame

    data = videos.video(painted=corner, size_px=(480, 320), frames=3, turned=turned)
    rotation = videos.decoded(data)[0].rotation
    content = read(data, sandbox)
    size_px = (480, 320) if turned == 180 else (320, 480)
    assert (content.width_px, content.height_px) == size_px
    frame = pictures(FORMAT.rebuild(content, plan(area=Box(0, 0, *size_px)), MARK, bytes(32)).data)[0]
    upright = np.rot90(corner(0), rotation // 90)
    bright = upright.mean(axis=2) > 200
    assert frame[bright].mean() > 200
    assert frame[~bright].mean() < 110


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "form"),
    [
        pytest.param("mpeg4", "yuv420p", "mp4", marks=NIGHTLY),
        pytest.param("libx264", "yuv422p", "mp4", marks=NIGHTLY),
        ("mjpeg", "yuvj420p", "mov"),
        ("libvpx", "yuv420p", "matroska"),
    ],
)
def test_other_codecs_and_pixels_are_read_and_white_stays_white(
    sandbox: ProcessSandbox, codec: str, pix_fmt: str, form: str
) -> None:
    def white(_number: int) -> Pixels:
        frame = np.full((480, 640, 3), 128, np.uint8)
        frame[:200] = 255
        return frame

    data = videos.video(codec=codec, pix_fmt=pix_fmt, form=form, frames=3, painted=white)
    frame = pictures(rebuilt(data, plan(), sandbox).data)[0]
    assert np.median(frame[:190]) > 245
    assert 115 < np.median(frame[220:400]) < 145


def test_what_is_not_drawn_or_drawn_wrongly_is_refused(sandbox: ProcessSandbox) -> None:
    content = read(videos.video(frames=50), sandbox)

    def refused(kind: type[Problem], what: Plan, words: str) -> None:
        with pytest.raises(kind, match=words):
            FORMAT.rebuild(content, what, MARK, bytes(32))

    refused(NothingNamed, Plan(()), "No work area")
    refused(PlanUnfit, Plan((*plan().instructions, *plan().instructions)), "Several work areas")
    refused(PlanUnfit, plan(area=Box(640, 0, 100, 100)), "outside the video")
    refused(PlanUnfit, plan(seconds=(2500, 3000)), "no time")
    refused(PlanUnfit, Plan(plan().instructions, film=FilmBounds(seconds=1)), "more than 1 s")
    moving = region(1, Op.CROP, WHOLE, [Moment(0, WHOLE), Moment(900, Box(1, 0, 600, 400))])
    refused(PlanUnfit, Plan((moving,)), "moves")
    tag = Instruction(
        "metadata/container:title",
        "",
        Element.METADATA,
        "",
        "text",
        (Case((), Transform(Op.ALLOW, {}), 9, "REQ", "r"),),
    )
    refused(PlanUnfit, plan(tag), "neither metadata")


def test_what_an_edit_list_leaves_out_does_not_leave(sandbox: ProcessSandbox) -> None:
    """Ten frames before the place at which players begin show what the others do not."""

    def painted(number: int) -> Pixels:
        frame = np.full((480, 640, 3), 100, np.uint8)
        if number < 10:
            frame[100:300, 100:300] = (255, 0, 0)
        return frame

    data = bytearray(videos.video(painted=painted, frames=20, options={"g": "100", "bf": "0"}))
    at = data.index(b"elst") + 12
    length, begins = struct.unpack_from(">Ii", data, at)
    struct.pack_into(">Ii", data, at, length // 2, begins + 10 * 512)
    shown = pictures(rebuilt(bytes(data), plan(), sandbox).data)
    assert len(shown) == 10
    assert not any(((frame[:, :, 0] > 170) & (frame[:, :, 1] < 90)).any() for frame in shown)


def test_a_track_of_data_stays_behind(sandbox: ProcessSandbox) -> None:
    data = videos.video(frames=5, data=SECRET.encode())
    assert SECRET.encode() in data
    content = read(data, sandbox)
    assert "track:2 data" in content.parts
    assert SECRET.encode() not in FORMAT.rebuild(content, plan(), MARK, bytes(32)).data


def hdr() -> bytes:
    return videos.video(frames=3, options={"x264-params": "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"})


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (lambda: videos.video(frames=3, second=True), "several picture tracks"),
        (lambda: videos.video(frames=3, size_px=(640, 32)), "less than 64"),
        (hdr, "HDR"),
        (lambda: videos.video(frames=3, codec="ffv1", form="matroska"), "codec"),
        (lambda: videos.video(frames=3).replace(b"avc1", b"none"), "codec|damaged"),
        (lambda: videos.video(frames=30)[:3000], "damaged"),
        (lambda: videos.video(frames=3)[:40] + bytes(4000), "damaged"),
        (lambda: b"\0\0\0\x18ftypisom" + bytes(range(256)) * 20, "damaged"),
        (lambda: videos.video(frames=3, turned=45), "turned"),
    ],
    ids=["second-track", "small", "hdr", "codec", "unknown-codec", "cut-off", "zeros", "garbage", "askew"],
)
def test_what_cannot_be_taken_is_refused_with_what_to_do(sandbox: ProcessSandbox, data: object, words: str) -> None:
    with pytest.raises((VideoRefused, VideoTooLarge), match=words):
        read(data(), sandbox)  # type: ignore[operator]


def test_a_video_whose_frames_break_off_is_refused_while_it_is_made(sandbox: ProcessSandbox) -> None:
    data = bytearray(videos.video())
    begin = data.index(b"mdat")
    end = begin - 4 + int.from_bytes(data[begin - 4 : begin])
    middle = (begin + end) // 2
    data[middle:end] = bytes(end - middle)
    content = read(bytes(data), sandbox)
    with pytest.raises(VideoRefused, match="damaged"):
        FORMAT.rebuild(content, plan(), MARK, bytes(32))


CONTAINERS = {
    "index first": {"form": "mp4", "muxing": {"moov_size": "4000"}},
    "fragments": {"form": "mp4", "muxing": {"movflags": "frag_keyframe+empty_moov"}, "options": {"g": "5"}},
    "matroska": {"form": "matroska"},
    "recorded live": {"form": "matroska", "muxing": {"live": "1"}},
}


@pytest.mark.parametrize("sort", CONTAINERS)
def test_a_copy_that_broke_off_is_no_shorter_video(sandbox: ProcessSandbox, sort: str) -> None:
    data = videos.video(frames=20, **CONTAINERS[sort])  # type: ignore[arg-type]
    assert read(data, sandbox).duration_ms == 800
    for length in (len(data) * 2 // 3, len(data) - 30):
        with pytest.raises(VideoRefused, match="cut off"):
            read(data[:length], sandbox)


@pytest.mark.parametrize("length", [8, 0, 1, 7, 200, 2**63])
def test_boxes_of_any_length_come_to_an_end(length: int) -> None:
    box = b"\0\0\0\1free" + length.to_bytes(8) if length > 2**31 else length.to_bytes(4) + b"free"
    assert is_whole(box, "video/mp4") is (length in {0, 8})


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x82ab", True),
        (b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x83ab", False),
        (b"\x18\x53\x80\x67\xff\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff\xa3\x81a", True),
        (b"\x18\x53\x80\x67\xff\x1f\x43\xb6\x75\xff\xa3\x82a", False),
        (b"\x18\x53\x80\x67\xff\xa3\xff", False),
        (b"\x18\x53\x80\x67\xff\0\0\0", False),
        (b"\x18\x53\x80", False),
        (b"\x18\x53\x80\x67\x08\xff", False),
    ],
)
def test_elements_lie_in_the_file_or_have_no_length(data: bytes, whole: bool) -> None:
    assert is_whole(data, "video/x-matroska") is whole


class Lying:
    """A sandbox whose child says what it is told to say."""

    def __init__(self, header: dict[str, object], blobs: Sequence[bytes], frames: Sequence[bytes] = ()) -> None:
        self.reply, self.frames = Reply(header, tuple(blobs)), frames  # type: ignore[arg-type]

    def layers(self) -> frozenset[object]:
        return frozenset()

    def run(self, task: str, request: object, untrusted: bytes, limits: Limits) -> Reply:
        return self.reply

    def stream(self, task: str, request: object, untrusted: bytes, limits: Limits) -> Iterator[bytes]:
        return iter(self.frames)


HONEST = {"width_px": 64, "height_px": 64, "duration_ms": 1000, "fps": 2, "origin": 0, "matrix": 1}


@pytest.mark.parametrize(
    ("lie", "blobs"),
    [
        ({"width_px": 1 << 20}, [b"{}"]),
        ({"height_px": True}, [b"{}"]),
        ({"fps": 0}, [b"{}"]),
        ({"matrix": 9}, [b"{}"]),
        ({"duration_ms": None}, [b"{}"]),
        ({}, []),
        ({}, [b"[]"]),
        ({}, [b"{"]),
        ({}, [b'{"other:1": "x"}']),
        ({}, [b'{"tag:1": 5}']),
    ],
)
def test_what_the_child_says_is_checked(lie: dict[str, object], blobs: list[bytes]) -> None:
    told = Lying({**HONEST, **lie}, blobs)
    with pytest.raises(VideoRefused, match="does not add up"):
        FORMAT.read(b"", "video/mp4", told)  # type: ignore[arg-type]


@pytest.mark.parametrize(("matrix", "named"), [(1, "ITU709"), (6, "ITU601")])
def test_colours_are_those_that_a_player_shows(matrix: int, named: str) -> None:
    made = videos.decoded(videos.video(frames=1, size_px=(128, 64)))[0]
    shown = made.reformat(format="rgb24", src_colorspace=named, dst_colorspace=named).to_ndarray()
    ours = rgb(made.to_ndarray().tobytes(), (128, 64), matrix)
    # The player blends colours between pixels, and we repeat them.
    assert np.abs(ours.astype(int) - shown.astype(int)).mean() < 2


@pytest.mark.parametrize(
    "frames", [[b"short"], [(1).to_bytes(8) + bytes(64 * 64 * 3 // 2)], []], ids=["short", "of the future", "none"]
)
def test_the_frames_of_a_child_are_checked(frames: list[bytes]) -> None:
    told = Lying(dict(HONEST), [b"{}"], frames)
    content = FORMAT.read(b"", "video/mp4", told)  # type: ignore[arg-type]
    small = plan(area=Box(0, 0, 64, 64))
    with pytest.raises(VideoRefused, match="does not add up"):
        list(content.frames(cut_of(content, small)))


def test_without_the_extra_a_video_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_format, "find_spec", lambda _name: None)
    assert FORMAT.sniff(b"%PDF-1.7") is None
    with pytest.raises(VideoMissing, match="extra `video`"):
        FORMAT.sniff(b"\0\0\0\x18ftypisom")
