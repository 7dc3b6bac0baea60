"""A video's rendition held against its plan, and what its recipient is told of seconds, frames and size.

What must lie under a box is worked out from the plan, for every frame, not from what the format says it did; that the
box is black in the pixels is the gate's to check.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from gateway.formats.film import covered_between, op_of
from gateway.formats.model import Box, Content, Cut, Element, Op, Plan, Rebuilt, Shot, Video
from gateway.policy.model import Because
from gateway.render.coverage import NotCovered


def require_film_covered(plan: Plan, video: Video, rebuilt: Rebuilt) -> None:
    """Raise `NotCovered` unless the rendition lies within the one work area and its seconds, no larger and no faster
    than the plan lets it be, with a box in each frame over every region that is withheld at that time.
    """
    if rebuilt.film is None:
        raise NotCovered("The rendition does not say what it shows; nothing is kept of it.")
    cut = rebuilt.film.cut
    regions = [one for one in plan.instructions if one.element is Element.REGION and one.box is not None]
    areas = [one for one in regions if op_of(one) is Op.CROP]
    if len(areas) != 1 or not _is_inside(cut, areas[0].box, video, plan):
        raise NotCovered("The rendition is more than the work area that was drawn; nothing is kept of it.")
    path = areas[0].path
    end_ms = cut.start_ms + cut.count * 1000 // cut.fps
    if path and not path[0].at_ms <= cut.start_ms <= end_ms <= path[-1].at_ms:
        raise NotCovered("The rendition is longer than the work area was drawn for; nothing is kept of it.")
    hidden = [one for one in regions if op_of(one) not in {Op.CROP, Op.ALLOW}]
    for number, boxes in enumerate(_boxes(rebuilt.film.shots, cut.count)):
        at_ms = cut.start_ms + Fraction(1000 * number, cut.fps)
        for one in hidden:
            place = covered_between(one, at_ms, at_ms)
            if place is not None and not _is_covered(place, boxes, cut):
                raise NotCovered("A withheld region of the video has no box over it; nothing is kept of it.")


def film_lines(content: Content, rebuilt: Rebuilt, because: Because) -> Iterator[dict[str, str]]:
    """The line of the withheld index that says how a video was cut and timed anew.

    `because` is why nothing else of it leaves.
    """
    if rebuilt.film is None or not isinstance(content, Video):
        return
    cut = rebuilt.film.cut
    seconds, size = f"{cut.count / cut.fps:.1f}", f"{cut.size_px[0]} × {cut.size_px[1]}"
    fewer, fewer_zh = (", fewer than the original has", "（少于原件）") if cut.fps < content.fps else ("", "")
    yield {
        "item": "Time and sound of the video / 视频时间与声音",
        "action": "cut, timed anew, without sound / 已剪辑、重新定时、无声音",
        "code": because.code,
        "basis": because.basis or "",
        "reason_en": because.reason.en if because.reason else "",
        "reason_zh": because.reason.zh if because.reason else "",
        "summary_en": f"{seconds} s are shown at {cut.fps} frames a second{fewer}, {size} pixels, without sound or any "
        "other track.",
        "summary_zh": f"共显示 {seconds} 秒，每秒 {cut.fps} 帧{fewer_zh}，{size} 像素，无声音及其他轨道。",
    }


def _is_inside(cut: Cut, area: Box | None, video: Video, plan: Plan) -> bool:
    if area is None:
        return False
    right, bottom = cut.area.left_px + cut.area.width_px, cut.area.top_px + cut.area.height_px
    within = cut.area.left_px >= area.left_px and cut.area.top_px >= area.top_px
    within &= right <= min(area.left_px + area.width_px, video.width_px)
    within &= bottom <= min(area.top_px + area.height_px, video.height_px)
    small = min(cut.size_px) <= plan.film.lines and cut.fps <= plan.film.fps
    return within and small and cut.count <= plan.film.seconds * cut.fps


def _boxes(shots: tuple[Shot, ...], count: int) -> Iterator[tuple[Box, ...]]:
    """The boxes of every frame."""
    coming = sorted(shots, key=lambda shot: shot.first, reverse=True)
    there: list[Shot] = []
    for number in range(count):
        while coming and coming[-1].first <= number:
            there.append(coming.pop())
        there = [shot for shot in there if shot.last >= number]
        yield tuple(shot.box for shot in there)


def _is_covered(place: Box, boxes: tuple[Box, ...], cut: Cut) -> bool:
    """Whether what is shown of a place of the original lies under one of the boxes."""
    area, (width_px, height_px) = cut.area, cut.size_px
    left, right = _shown(place.left_px - area.left_px, place.width_px, width_px, area.width_px)
    top, bottom = _shown(place.top_px - area.top_px, place.height_px, height_px, area.height_px)
    if left >= right or top >= bottom:
        return True
    return any(
        box.left_px <= left
        and box.top_px <= top
        and right <= box.left_px + box.width_px
        and bottom <= box.top_px + box.height_px
        for box in boxes
    )


def _shown(start: int, length: int, wanted: int, given: int) -> tuple[Fraction, Fraction]:
    """From where to where something of the original is seen along one side of the rendition."""
    begin, end = Fraction(start * wanted, given), Fraction((start + length) * wanted, given)
    return max(Fraction(0), begin), min(Fraction(wanted), end)
