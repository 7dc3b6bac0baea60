"""Videos as they leave: the work area, frame by frame, with mark and boxes, encoded anew.

The mark is laid over the luma of every frame, the boxes last, in black; then H.264 as `h264` makes it, and around it a
new MP4 as `write_mp4` does. Nothing else of the original travels: no sound, no subtitle, chapter, tag or time. Frames
come at an even rate, whatever the original's was.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from gateway.formats import h264, video_types, write_mp4
from gateway.formats.film import Boxes, Shots, cut_of, op_of
from gateway.formats.model import Box, Cut, Element, Mark, Op, Plan, Rebuilt, RebuiltFilm, Video, applied
from gateway.formats.pixels import Pixels
from gateway.formats.problems import PlanUnfit, VideoTooLarge
from gateway.marks import visible

_BLACK, _GREY = 16, 128
MAX_BYTES = 256 << 20


def rebuild(video: Video, plan: Plan, mark: Mark) -> Rebuilt:
    """The rendition. Raises `NothingNamed`, `PlanUnfit`, `VideoTooLarge`, `MarkDoesNotFit`."""
    redactions = _redactions(video, plan)
    cut = cut_of(video, plan)
    boxes, shots = Boxes(plan, cut), Shots()
    veil = visible.Veil(cut.size_px, mark.text, visible.FILM)
    encoder = h264.Encoder(cut.size_px, cut.fps, video.matrix)
    checked: tuple[Box, ...] | None = None
    for number, (began_ms, frame) in enumerate(video.frames(cut)):
        covered = boxes.at(number, began_ms)
        if covered != checked:
            visible.require_readable(cut.size_px, mark.text, tuple(_corners(box) for box in covered), visible.FILM)
            checked = covered
        shots.add(covered)
        encoder.add(_shown(frame, cut.size_px, veil, covered))
        if encoder.size_bytes > MAX_BYTES:
            raise VideoTooLarge("The rendition would be larger than 256 MiB; draw the work area for fewer seconds.")
    film = write_mp4.Film(cut.size_px, cut.fps, video.matrix, *encoder.finish())
    redactions |= _left_out(video, cut)
    return Rebuilt(
        write_mp4.written(film),
        video_types.MP4,
        dict(sorted(redactions.items())),
        size_px=cut.size_px,
        film=RebuiltFilm(cut, shots.finish()),
    )


def _shown(frame: bytes, size_px: tuple[int, int], veil: visible.Veil, boxes: tuple[Box, ...]) -> Pixels:
    """The planes of one frame below one another, with mark and boxes."""
    width_px, height_px = size_px
    planes = np.frombuffer(bytearray(frame), np.uint8)
    luma = planes[: width_px * height_px].reshape(height_px, width_px)
    veil.lay(luma)
    colours = planes[width_px * height_px :].reshape(2, height_px // 2, width_px // 2)
    for left, top, right, bottom in map(_corners, boxes):
        luma[top:bottom, left:right] = _BLACK
        colours[:, top // 2 : -(-bottom // 2), left // 2 : -(-right // 2)] = _GREY
    return planes.reshape(height_px * 3 // 2, width_px)


def _corners(box: Box) -> tuple[int, int, int, int]:
    return box.left_px, box.top_px, box.left_px + box.width_px, box.top_px + box.height_px


def _redactions(video: Video, plan: Plan) -> dict[str, int]:
    """Removed regions and parts per rule; `default` counts what no rule names."""
    counts: Counter[str] = Counter()
    named = set()
    for one in plan.instructions:
        op = op_of(one)
        if one.element is Element.METADATA:
            named.add(one.field_id)
            if op not in {Op.STRIP, Op.DROP}:
                raise PlanUnfit(
                    "A video's rendition carries neither metadata nor other tracks; let the policy strip it."
                )
        if op not in {Op.CROP, Op.ALLOW}:
            case = applied(one.cases, {})
            counts[case.rule if case else "default"] += 1
    unnamed = sum(1 for part in video.parts if f"metadata/{part}" not in named)
    if unnamed:
        counts["default"] += unnamed
    return dict(counts)


def _left_out(video: Video, cut: Cut) -> dict[str, int]:
    """Seconds and frames of the original that are not shown, where there are any."""
    shown_ms = cut.count * 1000 // cut.fps
    seconds = round((video.duration_ms - shown_ms) / 1000)
    frames = (video.fps - cut.fps) * cut.count // cut.fps
    counts = {"format:seconds-left-out": seconds, "format:frames-left-out": frames}
    return {rule: count for rule, count in counts.items() if count > 0}
