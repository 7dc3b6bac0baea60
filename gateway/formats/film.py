"""What of a video leaves, and where its boxes lie, frame by frame: pure geometry.

The work area is one rectangle that does not move; where it was drawn for certain seconds, only those leave. Its size is
brought down to what the policy allows and to a multiple of 16, at the right and lower edge, so that nothing has to be
coded that is not shown. A box follows its path: for each frame it covers wherever the region is between the moment at
which the frame's picture began and the one at which it is shown, and a frame's length before and after. It grows as
`box_grid` says.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil, floor

from gateway.formats import box_grid
from gateway.formats.model import (
    Box,
    Cut,
    Element,
    FilmBounds,
    Instruction,
    Moment,
    Op,
    Plan,
    Shot,
    Video,
    applied,
)
from gateway.formats.problems import NothingNamed, PlanUnfit

UNIT_PX = 16
# Colour is stored for two pixels at once, and scaling mixes neighbours.
_BLEED_PX = 4
_MAX_SHOTS = 50_000


def op_of(instruction: Instruction) -> Op:
    """What happens to a region or a part; nothing said means removed."""
    case = applied(instruction.cases, {})
    if case is not None:
        return case.transform.op
    return Op.BOX if instruction.element is Element.REGION else Op.STRIP


def cut_of(video: Video, plan: Plan) -> Cut:
    """The one rectangle and the seconds that may leave. Raises `NothingNamed`, `PlanUnfit`."""
    drawn = [one for one in plan.instructions if one.element is Element.REGION and op_of(one) is Op.CROP and one.box]
    if not drawn:
        raise NothingNamed(
            "No work area is drawn, and only what lies in one may leave; draw it and confirm the regions."
        )
    if len(drawn) > 1:
        raise PlanUnfit("Several work areas are drawn, and a rendition shows one; keep one, or upload the video twice.")
    area = _clipped(drawn[0].box, video)
    start_ms, end_ms = _seconds(drawn[0].path, video, plan.film)
    source, size_px = _sizes(area, plan.film.lines)
    fps = min(video.fps, plan.film.fps)
    return Cut(source, size_px, fps, start_ms, max(1, (end_ms - start_ms) * fps // 1000))


def whole_of(video: Video) -> Cut:
    """All of a video, as large and as fast as any rendition may be."""
    bounds = FilmBounds()
    area, size_px = _sizes(_clipped(Box(0, 0, video.width_px, video.height_px), video), bounds.lines)
    fps = min(video.fps, bounds.fps)
    return Cut(area, size_px, fps, 0, max(1, video.duration_ms * fps // 1000))


def _clipped(box: Box | None, video: Video) -> Box:
    """The part of the area that is in the picture, from an even place on."""
    if box is not None:
        left, top = (max(0, side) + 1 & ~1 for side in (box.left_px, box.top_px))
        right = min(video.width_px, box.left_px + box.width_px)
        bottom = min(video.height_px, box.top_px + box.height_px)
        if right - left >= UNIT_PX and bottom - top >= UNIT_PX:
            return Box(left, top, right - left, bottom - top)
    raise PlanUnfit("The work area lies outside the video, or is smaller than 16 pixels; draw it anew.")


def _seconds(path: Sequence[Moment], video: Video, bounds: FilmBounds) -> tuple[int, int]:
    if len({moment.box for moment in path}) > 1:
        raise PlanUnfit("The work area moves, and a rendition shows what lies in one place; draw it where it stays.")
    start_ms, end_ms = (path[0].at_ms, min(path[-1].at_ms, video.duration_ms)) if path else (0, video.duration_ms)
    if start_ms >= end_ms:
        raise PlanUnfit("The work area is drawn for no time of this video; correct its seconds.")
    if end_ms - start_ms > bounds.seconds * 1000:
        raise PlanUnfit(
            f"The work area is drawn for more than {bounds.seconds} s, which is the most that may leave; draw it for "
            "the seconds that are meant."
        )
    return start_ms, end_ms


def _sizes(area: Box, lines: int) -> tuple[Box, tuple[int, int]]:
    """The part of the area that is shown, and the size in which it is."""
    shorter = min(area.width_px, area.height_px)
    wanted = min(shorter, max(lines, UNIT_PX))
    width, height = (side * wanted // shorter // UNIT_PX * UNIT_PX for side in (area.width_px, area.height_px))
    across, down = (side if wanted == shorter else side * shorter // wanted & ~1 for side in (width, height))
    return Box(area.left_px, area.top_px, across, down), (width, height)


class Boxes:
    """The boxes of a video, frame by frame, in pixels of the rendition."""

    def __init__(self, plan: Plan, cut: Cut) -> None:
        self._cut = cut
        hidden = [one for one in plan.instructions if one.element is Element.REGION]
        self._hidden = [one for one in hidden if op_of(one) not in {Op.CROP, Op.ALLOW}]
        if any(one.box is None for one in self._hidden):
            raise PlanUnfit("A region to be covered has no place in the video; draw it anew.")

    def at(self, number: int, began_ms: int) -> tuple[Box, ...]:
        """Every box of frame `number`, whose picture began then; sorted, each once."""
        found = {self._box(one, number, began_ms) for one in self._hidden}
        boxes = (box for box in found if box is not None)
        return tuple(sorted(boxes, key=lambda box: (box.top_px, box.left_px, box.height_px, box.width_px)))

    def _box(self, one: Instruction, number: int, began_ms: int) -> Box | None:
        place = covered_between(one, *shown_between(self._cut, number, began_ms))
        if place is None:
            return None
        area, (width_px, height_px) = self._cut.area, self._cut.size_px
        left, right = _scaled(place.left_px - area.left_px, place.width_px, width_px, area.width_px)
        top, bottom = _scaled(place.top_px - area.top_px, place.height_px, height_px, area.height_px)
        return box_grid.grown(Box(left, top, right - left, bottom - top), one.name, width_px, height_px)


def shown_between(cut: Cut, number: int, began_ms: int) -> tuple[Fraction, Fraction]:
    """The times of the original, in ms, that frame `number` may show: a frame's length on either side."""
    each = Fraction(1000, cut.fps)
    due = cut.start_ms + number * each
    return min(Fraction(began_ms), due) - each, due + each


def covered_between(one: Instruction, start: Fraction, end: Fraction) -> Box | None:
    """What holds the region at every time from `start` to `end`, or None where it is nowhere then."""
    if not one.path:
        return one.box
    if end < one.path[0].at_ms or start > one.path[-1].at_ms:
        return None
    times = {start, end, *(Fraction(moment.at_ms) for moment in one.path if start <= moment.at_ms <= end)}
    corners = [_corners(one.path, time) for time in times]
    left, top = floor(min(c[0] for c in corners)), floor(min(c[1] for c in corners))
    right, bottom = ceil(max(c[2] for c in corners)), ceil(max(c[3] for c in corners))
    return Box(left, top, right - left, bottom - top)


def _corners(path: Sequence[Moment], time: Fraction) -> tuple[Fraction, ...]:
    """Left, top, right and bottom at a time, which is brought into the path's own."""
    after = min(bisect_left(path, time, key=lambda moment: Fraction(moment.at_ms)), len(path) - 1)
    before = max(0, after - 1) if path[after].at_ms > time else after
    one, other = path[before], path[after]
    share = Fraction(0)
    if other.at_ms > one.at_ms:
        share = min(max(Fraction(time - one.at_ms) / (other.at_ms - one.at_ms), Fraction(0)), Fraction(1))
    return tuple(a + (b - a) * share for a, b in zip(_sides(one.box), _sides(other.box), strict=True))


def _sides(box: Box) -> tuple[int, int, int, int]:
    return box.left_px, box.top_px, box.left_px + box.width_px, box.top_px + box.height_px


def _scaled(start: int, length: int, wanted: int, given: int) -> tuple[int, int]:
    return start * wanted // given - _BLEED_PX, -(-(start + length) * wanted // given) + _BLEED_PX


class Shots:
    """Which box is there from which frame to which, collected frame by frame."""

    def __init__(self) -> None:
        self._open: dict[Box, int] = {}
        self._done: list[Shot] = []
        self._next = 0

    def add(self, boxes: Sequence[Box]) -> None:
        """The boxes of the next frame. Raises `PlanUnfit`."""
        self._close(box for box in [*self._open] if box not in set(boxes))
        for box in boxes:
            self._open.setdefault(box, self._next)
        self._next += 1
        if len(self._done) > _MAX_SHOTS:
            raise PlanUnfit("So many boxes move so far that no rendition holds them; draw fewer, or larger ones.")

    def finish(self) -> tuple[Shot, ...]:
        """All of them, in order."""
        self._close([*self._open])
        return tuple(sorted(self._done, key=lambda shot: (shot.first, shot.last, _sides(shot.box))))

    def _close(self, boxes: Iterator[Box] | Sequence[Box]) -> None:
        for box in boxes:
            self._done.append(Shot(self._open.pop(box), self._next - 1, box))
