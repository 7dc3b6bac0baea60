"""What a detector suggests about a video: regions with paths, for the frames that would leave and no others.

1. Every frame that would leave is fetched in small, which says where shots change. 2. The first and last frame of each
shot and about one a second between them are fetched again and looked at: the work area and what is round it, never
coarser than twice as fine as it leaves. 3. Between two of these frames the pixels of what was found are followed from
either, in all frames, made small once more; then it is linked from one to the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import islice, pairwise
from math import ceil, floor

import numpy as np

from gateway.base.problems import TooLarge
from gateway.base.progress import Steps, unwatched
from gateway.detect.follow import Luma, ways
from gateway.detect.model import Detector, Found, Seen, Sides
from gateway.detect.shots import looked_at
from gateway.detect.tracks import Track, tracks
from gateway.formats.colours import rgb
from gateway.formats.model import Box, Cut, Element, Field, Moment, Source, Video

MAX_LOOKED_AT = 400
MAX_PIXELS = 150_000_000
MAX_REGIONS = 500
# Less than a worker's patience with a job, so that this speaks first, with a better reason.
WALL_S = 1_200.0
_SMALL_PX = 64
_FOLLOWED_PX = 320
# As far as a thing may lie outside of the work area and still be known by what is seen of it.
_ROUND_PX = 160
_FINER = 2


class TooLongToLookAt(TooLarge):
    """More of a video would leave than a detector looks at."""

    slug = "too-long-to-look-at"
    title = "More of the video would leave than is looked at"


def film_regions(
    video: Video,
    cut: Cut,
    detector: Detector,
    clock: Callable[[], float] = time.monotonic,
    steps: Steps = unwatched,
) -> Iterator[Field]:
    """A region for everything that the detector finds in the frames of `cut`. Raises `TooLongToLookAt`."""
    until = clock() + WALL_S

    def in_time() -> None:
        if clock() > until:
            raise TooLongToLookAt(
                f"The detector took more than {WALL_S // 60:.0f} minutes; draw the work area for less time or smaller."
            )

    shots = looked_at(_small(video, cut), cut.fps)
    view = replace(_view(video, cut), only=tuple(number for shot in shots for number in shot))
    _require_few(view)
    found = dict(zip(view.only, _found(video, view, detector, in_time, steps), strict=True))
    seen = _followed(video, view, found, shots, in_time) if any(found.values()) else {}
    followed = ((shot, track) for shot in shots for track in tracks([seen.get(one, ()) for one in shot], view.size_px))
    for number, (shot, track) in enumerate(followed, start=1):
        _require_bounded(number)
        yield _field(number, track, shot, view)


def _small(video: Video, cut: Cut) -> Iterator[bytes]:
    """The luma of every frame, made small."""
    longer = max(cut.area.width_px, cut.area.height_px)
    size_px = _even(cut.area.width_px * _SMALL_PX // longer), _even(cut.area.height_px * _SMALL_PX // longer)
    for _, frame in video.frames(replace(cut, size_px=size_px)):
        yield frame[: size_px[0] * size_px[1]]


def _view(video: Video, cut: Cut) -> Cut:
    """What is looked at: the work area with what is round it, and how fine."""
    left, top = (_even(max(0, side - _ROUND_PX), 0) for side in (cut.area.left_px, cut.area.top_px))
    right = min(video.width_px, cut.area.left_px + cut.area.width_px + _ROUND_PX)
    bottom = min(video.height_px, cut.area.top_px + cut.area.height_px + _ROUND_PX)
    area = Box(left, top, _even(right - left), _even(bottom - top))
    finer, whole = _FINER * min(cut.size_px), min(cut.area.width_px, cut.area.height_px)
    if finer >= whole:
        return replace(cut, area=area, size_px=(area.width_px, area.height_px))
    return replace(
        cut, area=area, size_px=(_even(area.width_px * finer // whole), _even(area.height_px * finer // whole))
    )


def _even(side_px: int, least: int = 16) -> int:
    return max(least, side_px & ~1)


def _require_few(view: Cut) -> None:
    pixels = len(view.only) * view.size_px[0] * view.size_px[1]
    if len(view.only) > MAX_LOOKED_AT or pixels > MAX_PIXELS:
        raise TooLongToLookAt(
            f"A detector would look at {len(view.only)} frames with {pixels // 1_000_000} million pixels together, and "
            f"looks at {MAX_LOOKED_AT} with {MAX_PIXELS // 1_000_000} million at most; draw the work area for fewer "
            "seconds or smaller, or cut the video."
        )


def _require_bounded(regions: int) -> None:
    if regions > MAX_REGIONS:
        raise TooLongToLookAt(
            f"More than {MAX_REGIONS} regions were found in the video; draw the work area for less time or smaller."
        )


def _found(
    video: Video, view: Cut, detector: Detector, in_time: Callable[[], None], steps: Steps
) -> Iterator[Sequence[Found]]:
    for done, (_, frame) in enumerate(video.frames(view)):
        steps(done, len(view.only))
        in_time()
        found = detector.find(*view.size_px, rgb(frame, view.size_px, video.matrix).tobytes())
        _require_bounded(len(found))
        yield found


def _followed(
    video: Video,
    view: Cut,
    found: Mapping[int, Sequence[Found]],
    shots: Sequence[tuple[int, ...]],
    in_time: Callable[[], None],
) -> dict[int, list[Seen]]:
    """Everything found in each frame that was looked at, with where its pixels are in those between."""
    longer = max(view.size_px)
    width, height = (_even(side * _FOLLOWED_PX // longer) for side in view.size_px)
    scale = Fraction(min(_FOLLOWED_PX, longer), longer)
    seen = {number: [Seen(one) for one in several] for number, several in found.items()}
    frames = (
        np.frombuffer(frame, np.uint8)[: width * height].reshape(height, width)
        for _, frame in video.frames(replace(view, size_px=(width, height), only=()))
    )
    for shot in shots:
        held = [next(frames)]
        for first, last in pairwise(shot):
            held = [held[-1], *islice(frames, last - first)]
            for place, one in enumerate(seen[first]):
                in_time()
                way = _way(held, one.sides, scale)
                seen[first][place] = replace(one, ahead=way, is_lost=len(way) < len(held))
            for place, one in enumerate(seen[last]):
                seen[last][place] = replace(one, behind=_way(held[::-1], one.sides, scale))
    return seen


def _way(frames: Sequence[Luma], sides: Sides, scale: Fraction) -> tuple[Sides, ...]:
    """Where it goes in these frames, in the pixels in which it was found."""
    left, top, right, bottom = (int(side * scale) for side in sides)
    start = left, top, max(right, left + 1), max(bottom, top + 1)
    moves = ((one[0] - left, one[1] - top) for one in ways(frames, start))
    return tuple(
        (sides[0] + across, sides[1] + down, sides[2] + across, sides[3] + down)
        for across, down in ((int(x / scale), int(y / scale)) for x, y in moves)
    )


def _field(number: int, track: Track, shot: tuple[int, ...], view: Cut) -> Field:
    path = tuple(_path(track, shot, view))
    corners = [_corners(moment.box) for moment in path]
    left, top = min(one[0] for one in corners), min(one[1] for one in corners)
    right, bottom = max(one[2] for one in corners), max(one[3] for one in corners)
    return Field(
        id=f"region/{number}",
        element=Element.REGION,
        label=track.sort,
        name=track.sort,
        classes=track.classes,
        source=Source.DETECTOR,
        box=Box(left, top, right - left, bottom - top),
        count=1,
        path=path,
    )


def _path(track: Track, shot: tuple[int, ...], view: Cut) -> Iterator[Moment]:
    """The track in the video's own pixels and times; what reaches a shot's last frame lasts until that frame ends."""
    for place, (first, last, sides) in enumerate(track.spans):
        box = _box(sides, view)
        # At the moment itself the span before still stands.
        yield Moment(floor(_at_ms(shot[first], view)) + min(place, 1), box)
        at_end = last == len(shot) - 1
        yield Moment(ceil(_at_ms(shot[last] + 1, view)) if at_end else floor(_at_ms(shot[last], view)), box)


def _at_ms(number: int, view: Cut) -> Fraction:
    return view.start_ms + Fraction(1000 * number, view.fps)


def _box(sides: Sides, view: Cut) -> Box:
    (width, height), area = view.size_px, view.area
    left, top = sides[0] * area.width_px // width, sides[1] * area.height_px // height
    right, bottom = -(-sides[2] * area.width_px // width), -(-sides[3] * area.height_px // height)
    return Box(area.left_px + left, area.top_px + top, right - left, bottom - top)


def _corners(box: Box) -> tuple[int, int, int, int]:
    return box.left_px, box.top_px, box.left_px + box.width_px, box.top_px + box.height_px
