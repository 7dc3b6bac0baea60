"""An MP4 read again by a walker of its own, decoded by a decoder that accounts for every bit, looked at, and searched.

1. Structure by `mp4_form` and `h264_form`: one track, its frames, and not a byte more. 2. Every frame decodes to one
picture of the expected size; a slice that ends before or behind its last macroblock is no frame. 3. Every declared box
is black in every frame in which it is declared. 4. The visible mark is in every frame (`marked`). 5. No withheld value
stands in the bytes of the frames.

Boxes. They lie on the grid of macroblocks, but the filter that smooths the edges of these reaches 3 pixels into them:
inside of a rim of 4 a sample may differ from black by 12 levels (measured on noise: 7), in the rim by 24 (measured:
10). A part that was lighter by more than that before coding is found; what is left is seen by no reader either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.residue import h264_form, mp4_form
from gateway.residue.jpeg import Broken, Pixels
from gateway.residue.layers import Budget
from gateway.residue.marked import MaskOf, is_marked
from gateway.residue.model import NOT_READ, Finding, Kind, Ledger, Rectangle, Report, VideoExpectation, unique
from gateway.residue.picture import COMPRESSED_BITS, in_raw
from gateway.residue.values import Needles

MP4 = "video/mp4"
PARSERS = ("own MP4 walker", "own H.264 header reader", "libavcodec, strict")

_STRICT = "crccheck+bitstream+buffer+explode+careful+compliant+aggressive"
_BLACK, _GREY = 16, 128
_BT601 = 6
# What red and blue count for in luma, by the number of the matrix in H.273.
_SHARES = {1: (0.2126, 0.0722), _BT601: (0.299, 0.114)}
_RIM_PX = 4
_INNER_LEVELS, _RIM_LEVELS = 12, 24


def check_video(data: bytes, expected: VideoExpectation, needles: Needles, mask_of: MaskOf) -> Report:
    """Check 1 to 5. A video that cannot be read is still searched."""
    ledger = Ledger("video", PARSERS, counts=needles.counts(), read_by=NOT_READ)
    ledger.counts |= {"frames": expected.frames, "boxes": len(expected.shots)}
    budget = Budget()
    try:
        walked = mp4_form.walk(data, expected.size_px, expected.fps, expected.frames, expected.matrix)
        told = h264_form.sequence(walked.sps, expected.size_px, expected.fps, expected.matrix)
        h264_form.picture(walked.pps)
        for number, unit in enumerate(walked.frames):
            h264_form.frame(unit, number, expected.fps, told)
        ledger.note("structure", [])
        _look(ledger, walked, expected, mask_of)
    except Broken as broken:
        ledger.note("structure", [broken.finding])
        ledger.note("values", unique(in_raw(data, needles, budget)))
        return ledger.report()
    ledger.note("values", unique(in_raw(b"".join(walked.frames), needles, budget, COMPRESSED_BITS)))
    ledger.note("bounds", [Finding(Kind.BOUND, "the file")] if budget.exhausted else [])
    return ledger.report()


def frame_planes(data: bytes, expected: VideoExpectation, numbers: Sequence[int]) -> Iterator[tuple[Pixels, Pixels]]:
    """Luma and both colour planes of these frames, counted from 0 and rising. Raises `Broken`."""
    walked = mp4_form.walk(data, expected.size_px, expected.fps, expected.frames, expected.matrix)
    wanted = frozenset(numbers)
    for number, planes in enumerate(_decoded(walked, expected.size_px)):
        if number in wanted:
            yield planes


def in_colours(luma: Pixels, colours: Pixels, matrix: int) -> Pixels:
    """Colours for the eye: of 8-bit planes as broadcast has them, as BT.709 (1) or else BT.601 says."""
    height_px, width_px = luma.shape
    red_share, blue_share = _SHARES.get(matrix, _SHARES[_BT601])
    doubled = colours.repeat(2, axis=1).repeat(2, axis=2)[:, :height_px, :width_px]
    blue, red = (doubled.astype(np.float32) - _GREY) / 112
    grey = (luma.astype(np.float32) - _BLACK) / 219
    to_red, to_blue = (1 - red_share) * red, (1 - blue_share) * blue
    to_green = -(red_share * to_red + blue_share * to_blue) / (1 - red_share - blue_share)
    levels = np.stack([grey + to_red, grey + to_green, grey + to_blue], axis=2)
    return np.asarray(np.clip(levels * 255 + 0.5, 0, 255), np.uint8)


def _look(ledger: Ledger, walked: mp4_form.Walked, expected: VideoExpectation, mask_of: MaskOf) -> None:
    """Check 2, 3 and 4, one frame at a time."""
    boxes: list[Finding] = []
    marks: list[Finding] = []
    frames = _decoded(walked, expected.size_px)
    for number, ((luma, colours), covered) in enumerate(zip(frames, _covered(expected), strict=True), start=1):
        place = f"frame {number}"
        if not all(_is_black(luma, colours, box) for box in covered):
            boxes.append(Finding(Kind.BOX, place))
        if not is_marked(luma, covered, expected.mark_text, mask_of):
            marks.append(Finding(Kind.MARK, place))
    ledger.note("frames", [])
    ledger.note("boxes", unique(boxes))
    ledger.note("mark", unique(marks))


def _covered(expected: VideoExpectation) -> Iterator[tuple[Rectangle, ...]]:
    """The boxes of every frame."""
    coming = sorted(expected.shots, reverse=True)
    there: list[tuple[int, int, int, int, int, int]] = []
    for number in range(expected.frames):
        while coming and coming[-1][0] <= number:
            there.append(coming.pop())
        there = [shot for shot in there if shot[1] >= number]
        yield tuple(shot[2:] for shot in there)


def _decoded(walked: mp4_form.Walked, size_px: tuple[int, int]) -> Iterator[tuple[Pixels, Pixels]]:
    """Luma, and both colour planes behind one another, of every frame. Raises `Broken`."""
    decode = _decoder(walked)
    for number, unit in enumerate((*walked.frames, None), start=1):
        for frame in decode(unit, f"frame {number}"):
            if (frame.width, frame.height) != size_px or frame.format.name != "yuv420p":
                raise Broken(f"frame {number}: a picture of another size", Kind.SIZE)
            planes = [
                np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:, : plane.width] for plane in frame.planes
            ]
            yield np.ascontiguousarray(planes[0]), np.stack(planes[1:])


def _decoder(walked: mp4_form.Walked) -> Any:
    av: Any = import_module("av")
    context = av.CodecContext.create("h264", "r")
    sets = (len(unit).to_bytes(2) + unit for unit in (walked.sps, walked.pps))
    context.extradata = b"\1%b\xff\xe1%b\1%b" % (walked.sps[1:4], next(sets), next(sets))
    context.thread_count = 1
    context.options = {"err_detect": _STRICT}

    def decode(unit: bytes | None, place: str) -> list[Any]:
        try:
            frames: list[Any] = context.decode(None if unit is None else av.Packet(len(unit).to_bytes(4) + unit))
        except av.error.FFmpegError as error:
            raise Broken(f"{place}: the decoder does not come to its end", Kind.UNREADABLE) from error
        if len(frames) != (0 if unit is None else 1):
            raise Broken(f"{place}: not one picture", Kind.UNREADABLE)
        return frames

    return decode


def _is_black(luma: Pixels, colours: Pixels, box: Rectangle) -> bool:
    left, top, width, height = box
    if min(left, top) < 0 or left + width > luma.shape[1] or top + height > luma.shape[0]:
        return False
    right, bottom = left + width, top + height
    part = luma[None, top:bottom, left:right].astype(np.int16) - _BLACK
    tint = colours[:, top // 2 : bottom // 2, left // 2 : right // 2].astype(np.int16) - _GREY
    return _is_flat(part, _RIM_PX) and _is_flat(tint, _RIM_PX // 2)


def _is_flat(levels: NDArray[np.int16], rim_px: int) -> bool:
    off = np.abs(levels)
    inner = off[:, rim_px:-rim_px, rim_px:-rim_px]
    return bool(off.max() <= _RIM_LEVELS and inner.max(initial=0) <= _INNER_LEVELS)
