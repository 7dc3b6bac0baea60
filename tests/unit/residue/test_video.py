"""The gate over videos: what is let through is exactly what the rebuild writes; everything else is found."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.formats import h264, write_mp4
from gateway.marks import visible
from gateway.residue import gate, h264_form, mp4_form
from gateway.residue.jpeg import Broken
from gateway.residue.model import Report, VideoExpectation, WithheldSet, WithheldValue
from tests.support import videos

SIZE_PX = (480, 320)
FPS, FRAMES = 5, 12
MARK = "Baotou Rare Earth Supply Co. · rel_01k7m3v9q2x8d4n6b5t1c0zhep · 2026-01-31"
BOX = (64, 96, 160, 48)
EXPECTED = VideoExpectation(SIZE_PX, FPS, FRAMES, 1, ((2, 8, *BOX),), MARK)
WITHHELD = WithheldSet((WithheldValue("Kowalski-48211", "metadata/container:title"),))
Pixels = NDArray[np.uint8]


def planes(number: int, *, box: bool = True, mark: str | None = MARK, spot: int = 0) -> Pixels:
    """Noise in blocks, as hard to code as any picture of a line."""
    rng = np.random.default_rng(number // 4)
    frame = np.kron(rng.integers(40, 200, (60, 60), np.uint8), np.ones((8, 8), np.uint8))[:480, :480]
    luma = np.ascontiguousarray(frame[:320])
    if mark:
        visible.Veil(SIZE_PX, mark, visible.FILM).lay(luma)
    colours = np.full((2, 160, 240), 120, np.uint8)
    left, top, width, height = BOX
    if box and 2 <= number <= 8:
        luma[top : top + height, left : left + width] = 16
        colours[:, top // 2 : (top + height) // 2, left // 2 : (left + width) // 2] = 128
        luma[top + 20 : top + 24, left + 40 : left + 44] += np.uint8(spot)
    return np.concatenate([luma.ravel(), colours.ravel()]).reshape(480, 480)


def film(frames: list[Pixels], fps: int = FPS, matrix: int = 1) -> write_mp4.Film:
    encoder = h264.Encoder(SIZE_PX, fps, matrix)
    for one in frames:
        encoder.add(one)
    return write_mp4.Film(SIZE_PX, fps, matrix, *encoder.finish())


@cache
def clean() -> write_mp4.Film:
    return film([planes(number) for number in range(FRAMES)])


def checked(data: bytes, expected: VideoExpectation = EXPECTED, withheld: WithheldSet = WITHHELD) -> Report:
    return gate.check(data, expected, withheld)


def kinds(report: Report) -> set[str]:
    return {one.kind.value for one in report.findings}


def test_what_the_rebuild_writes_is_clean() -> None:
    report = checked(write_mp4.written(clean()))
    assert report.findings == ()
    assert set(report.passed) == {"structure", "frames", "boxes", "mark", "values", "bounds"}
    assert (report.counts["frames"], report.counts["boxes"]) == (FRAMES, 1)


def box(kind: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4) + kind + body


def grown(data: bytes, path: tuple[bytes, ...], more: bytes) -> bytes:
    """The file with `more` at the end of the box at `path`, and every length right."""
    out, at = bytearray(data), 0
    end = len(data)
    for kind in path:
        at = data.index(kind, at, end) + 4
        length = int.from_bytes(data[at - 8 : at - 4])
        out[at - 8 : at - 4] = (length + len(more)).to_bytes(4)
        end = at - 8 + length
    out[end:end] = more
    stco = out.index(b"stco")
    out[stco + 12 : stco + 16] = (int.from_bytes(out[stco + 12 : stco + 16]) + len(more)).to_bytes(4)
    return bytes(out)


def _mdat(data: bytes) -> int:
    return data.index(b"mdat") - 4


HIDDEN = b"Kowalski-48211"
TURN = b"\0\1\0\0"
TAMPERED: dict[str, Callable[[bytes], bytes]] = {
    "a byte behind the end": lambda data: data + b"\0",
    "a second mdat": lambda data: data + box(b"mdat", HIDDEN),
    "a free box at the end": lambda data: data + box(b"free", HIDDEN),
    "a uuid box before the index": lambda data: data[:24] + box(b"uuid", bytes(16) + HIDDEN) + data[24:],
    "a free box before the frames": lambda data: (
        data[: data.index(b"mdat") - 4] + box(b"free", b"") + data[data.index(b"mdat") - 4 :]
    ),
    "tags": lambda data: grown(data, (b"moov",), box(b"udta", box(b"meta", HIDDEN))),
    "tags of the track": lambda data: grown(data, (b"moov", b"trak"), box(b"udta", HIDDEN)),
    "a second track": lambda data: grown(data, (b"moov",), data[data.index(b"trak") - 4 : data.index(b"mdat") - 4]),
    "an edit list": lambda data: grown(data, (b"moov", b"trak"), box(b"edts", box(b"elst", bytes(20)))),
    "a box in the sample description": lambda data: grown(
        data, (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"), box(b"free", HIDDEN)
    ),
    "bytes behind the last frame": lambda data: grown(data, (b"mdat",), HIDDEN),
    "a time of making": lambda data: data.replace(b"mvhd\0\0\0\0\0\0\0\0", b"mvhd\0\0\0\0\xe3\0\0\0", 1),
    "a name of the handler": lambda data: data.replace(b"vide" + bytes(12), b"videSECRETSECRET", 1),
    "another turn": lambda data: data.replace(
        b"\0\1\0\0" + bytes(12) + b"\0\1\0\0", b"\xff\xff\0\0" + bytes(12) + b"\0\1\0\0", 1
    ),
    "another rate": lambda data: data.replace(b"stts" + bytes(7) + b"\1", b"stts" + bytes(7) + b"\2", 1),
    "cut off": lambda data: data[:-1],
    "nothing": lambda _data: b"",
    "another file": lambda _data: b"\xff\xd8\xff\xe0" + HIDDEN,
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_is_added_to_the_container_is_found(what: str) -> None:
    data = TAMPERED[what](write_mp4.written(clean()))
    assert data != write_mp4.written(clean())
    report = checked(data)
    assert kinds(report) & {"structure", "trailing-bytes", "size", "unreadable"}, report
    if HIDDEN in data:
        assert "withheld-value" in kinds(report)


def with_frame(number: int, change: Callable[[bytes], bytes]) -> write_mp4.Film:
    frames = list(clean().frames)
    frames[number] = change(frames[number])
    return replace(clean(), frames=tuple(frames))


SEI = b"\x06\x05\x20" + HIDDEN + bytes(18) + b"\x80"
SLICES: dict[str, Callable[[], write_mp4.Film]] = {
    "bytes behind the last macroblock": lambda: with_frame(3, lambda unit: unit + HIDDEN + b"\x80"),
    "bytes behind a key frame": lambda: with_frame(0, lambda unit: unit + b"\x55\x80"),
    "zeros behind a frame": lambda: with_frame(3, lambda unit: unit + b"\0\0"),
    "a frame cut off": lambda: with_frame(3, lambda unit: unit[:-2] + b"\x80"),
    "a unit of information in place of a frame": lambda: with_frame(3, lambda _unit: SEI),
    "two units in one frame": lambda: with_frame(3, lambda unit: unit + len(SEI).to_bytes(4) + SEI),
    "an escape that nothing needs": lambda: with_frame(3, lambda unit: unit[:60] + b"\0\0\x03\x09" + unit[60:]),
    "a frame that no other is made from": lambda: with_frame(3, lambda unit: b"\x01" + unit[1:]),
    "frames in another order": lambda: replace(
        clean(), frames=(*clean().frames[:3], *clean().frames[4:], clean().frames[3])
    ),
    "a picture of another sort": lambda: replace(clean(), pps=clean().pps + HIDDEN + b"\x80"),
    "a sequence with more in it": lambda: replace(clean(), sps=clean().sps + HIDDEN + b"\x80"),
    "another clock": lambda: replace(film([planes(0)] * FRAMES, fps=6), fps=FPS),
    "other colours": lambda: replace(film([planes(0)] * FRAMES, matrix=6), matrix=1),
}


@pytest.mark.parametrize("what", SLICES)
def test_what_is_added_to_the_pictures_is_found(what: str) -> None:
    report = checked(write_mp4.written(SLICES[what]()))
    assert kinds(report) & {"structure", "trailing-bytes", "size", "unreadable"}, report


@pytest.mark.parametrize(
    ("number", "changed", "found"),
    [
        (5, {"box": False}, "box-not-solid"),
        (8, {"spot": 60}, "box-not-solid"),
        (4, {"mark": None}, "mark"),
        (11, {"mark": MARK.replace("rel_01k", "rel_01m")}, "mark"),
    ],
)
def test_one_frame_without_its_box_or_mark_is_found(number: int, changed: dict[str, Any], found: str) -> None:
    frames = [planes(one, **changed) if one == number else planes(one) for one in range(FRAMES)]
    report = checked(write_mp4.written(film(frames)))
    assert kinds(report) == {found}
    assert f"frame {number + 1}" in {one.place for one in report.findings}


@pytest.mark.parametrize(
    "other",
    [
        replace(EXPECTED, size_px=(320, 480)),
        replace(EXPECTED, fps=6),
        replace(EXPECTED, frames=11),
        replace(EXPECTED, matrix=6),
        replace(EXPECTED, shots=((0, 11, *BOX),)),
        replace(EXPECTED, shots=((2, 8, 400, 96, 160, 48),)),
        replace(EXPECTED, mark_text=MARK.replace("Baotou", "Ganzhou")),
    ],
)
def test_another_expectation_is_not_met(other: VideoExpectation) -> None:
    assert not checked(write_mp4.written(clean()), other).clean


@pytest.mark.parametrize("form", ["mp4", "mov", "matroska"])
def test_an_original_that_is_passed_through_is_blocked_and_what_it_holds_is_named(form: str) -> None:
    data = videos.video(form=form, frames=3, tags={"title": HIDDEN.decode()})
    assert {"structure", "withheld-value"} <= kinds(checked(data))


def test_a_file_by_another_writer_is_blocked() -> None:
    out = io.BytesIO()
    source: Any = av.open(io.BytesIO(write_mp4.written(clean())))
    with source, av.open(out, "w", format="mp4") as target:
        track = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = track
                target.mux(packet)
    assert "structure" in kinds(checked(out.getvalue()))


def test_every_flip_of_a_bit_before_the_frames_is_found() -> None:
    data = write_mp4.written(clean())
    end = data.index(b"mdat") + 4
    for place in range(0, end, 5):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        with pytest.raises(Broken):
            walked = mp4_form.walk(bytes(changed), SIZE_PX, FPS, FRAMES, 1)
            h264_form.sequence(walked.sps, SIZE_PX, FPS, 1)
            h264_form.picture(walked.pps)
            assert walked.sps == clean().sps
            assert walked.pps == clean().pps
            raise Broken("a level or quantiser that says the same")


def test_no_garbage_breaks_the_walkers() -> None:
    data = write_mp4.written(clean())
    rng = np.random.default_rng(4711)
    for _ in range(300):
        changed = bytearray(data)
        for place in rng.integers(0, len(data), 3):
            changed[place] = rng.integers(0, 256)
        try:
            walked = mp4_form.walk(bytes(changed), SIZE_PX, FPS, FRAMES, 1)
            told = h264_form.sequence(walked.sps, SIZE_PX, FPS, 1)
            for number, unit in enumerate(walked.frames):
                h264_form.frame(unit, number, FPS, told)
        except Broken:
            continue
