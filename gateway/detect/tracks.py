"""What was seen in some frames of a shot as regions that are there in all of them: pure geometry.

1. Things of one sort in neighbouring frames are taken for the same where they are nearest to each other, not further
apart than a second of fast motion allows, and of like size; one frame may have missed it. To take two things for one
makes a box too large; to take one for two would leave a gap between them.
2. Between two frames a region covers where both saw it and all that lies between, wherever its pixels were followed to
from either, and a margin, larger the further it went.
3. A region reaches from the frame before the first that saw it to the frame behind the last, or to the shot's ends, and
there goes on as it went; where nobody knows how it went, the margin is larger.
4. Edges lie on a grid, outwards, so that what rests has one box and not one for each frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from gateway.detect.model import Seen, Sides

GRID_PX = 16

# The most that something moves from one frame to the next that was looked at, of the picture's longer side.
_REACH = 0.5
_LARGER = 3.0
_AROUND, _AROUND_MOVED, _AROUND_UNKNOWN = 0.125, 0.05, 0.5


@dataclass(frozen=True, slots=True)
class Track:
    """A region of a shot: from which looked-at frame to which it has which sides (left, top, right, bottom).

    Each span begins where the one before ends; frames are counted among those of the shot that were looked at.
    """

    sort: str
    classes: frozenset[str]
    spans: tuple[tuple[int, int, Sides], ...]


def tracks(frames: Sequence[Sequence[Seen]], size_px: tuple[int, int]) -> list[Track]:
    """The regions of one shot, from what was found in those of its frames that were looked at, its ends included."""
    lines: list[_Line] = []
    for number, found in enumerate(frames):
        _link(lines, number, found, _REACH * max(size_px))
    return [Track(one.sort, frozenset(one.classes), _spans(one, len(frames) - 1, size_px)) for one in lines]


@dataclass(slots=True)
class _Line:
    """One thing, and where it was seen by the number of the frame."""

    sort: str
    classes: set[str] = field(default_factory=set)
    seen: dict[int, Seen] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """The number of the last frame that saw it."""
        return next(reversed(self.seen))

    def add(self, number: int, one: Seen) -> None:
        """It was seen again."""
        self.classes |= one.found.classes
        self.seen[number] = one


def _link(lines: list[_Line], number: int, found: Sequence[Seen], reach_px: float) -> None:
    """Give everything found in this frame to the thing that it most likely is, or to a new one."""
    pairs = []
    for at, line in enumerate(lines):
        missed = number - line.last - 1
        if missed > 1:
            continue
        held = line.seen[line.last]
        for place, one in enumerate(found):
            apart = min(_apart(held.sides, one.sides), _apart(held.heading, one.sides))
            if one.found.sort == line.sort and apart <= reach_px and _is_alike(held.sides, one.sides):
                pairs.append((missed, apart, at, place))
    taken: set[int] = set()
    for _, _, at, place in sorted(pairs):
        if place not in taken and lines[at].last < number:
            lines[at].add(number, found[place])
            taken.add(place)
    for place, one in enumerate(found):
        if place not in taken:
            lines.append(_Line(one.found.sort))
            lines[-1].add(number, one)


def _spans(line: _Line, last: int, size_px: tuple[int, int]) -> tuple[tuple[int, int, Sides], ...]:
    spans: list[tuple[int, int, Sides]] = []
    for number, sides in sorted(_between(line, last)):
        shown = _on_grid(sides, size_px)
        if spans and spans[-1][2] == shown:
            spans[-1] = (spans[-1][0], number + 1, shown)
        else:
            spans.append((number, number + 1, shown))
    alone = (line.last, line.last, _on_grid(_around(line.seen[line.last].sides, _AROUND), size_px))
    return tuple(spans) or (alone,)


def _between(line: _Line, last: int) -> Iterator[tuple[int, Sides]]:
    """What it covers between each frame that was looked at and the next."""
    numbers = sorted(line.seen)
    for one, other in pairwise(numbers):
        here, there = line.seen[one], line.seen[other]
        whole = _union(here.sides, there.sides, *here.ahead, *there.behind)
        sides = _around(whole, _AROUND, _moved(here.sides, there.sides), thin_px=_thin(here.sides))
        yield from ((number, sides) for number in range(one, other))
    if numbers[0] > 0:
        yield numbers[0] - 1, _union(_beyond(line.seen, numbers[:2]), *line.seen[numbers[0]].behind)
    if numbers[-1] < last:
        yield numbers[-1], _union(_beyond(line.seen, numbers[-2:][::-1]), *line.seen[numbers[-1]].ahead)


def _beyond(seen: dict[int, Seen], numbers: Sequence[int]) -> Sides:
    """Where it goes from the first of these frames on, away from the second, and where it was in the first."""
    here = seen[numbers[0]].sides
    if len(numbers) == 1:
        return _around(here, _AROUND_UNKNOWN)
    steps = abs(numbers[0] - numbers[1])
    moved = [(a - b) // steps for a, b in zip(here, seen[numbers[1]].sides, strict=True)]
    left, top, right, bottom = (side + by for side, by in zip(here, moved, strict=True))
    there = (min(left, right), min(top, bottom), max(left, right), max(top, bottom))
    return _around(_union(here, there), _AROUND, max(map(abs, moved)), thin_px=_thin(here))


def _apart(one: Sides, other: Sides) -> float:
    across, down = (abs(one[side] + one[side + 2] - other[side] - other[side + 2]) / 2 for side in (0, 1))
    return float(max(across, down))


def _is_alike(one: Sides, other: Sides) -> bool:
    """By the thinner side: how long a line of text is found to be depends on more than the line."""
    return max(_thin(one), _thin(other)) <= _LARGER * min(_thin(one), _thin(other))


def _thin(sides: Sides) -> int:
    return min(sides[2] - sides[0], sides[3] - sides[1])


def _moved(one: Sides, other: Sides) -> int:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def _union(*several: Sides) -> Sides:
    lefts, tops, rights, bottoms = zip(*several, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _around(sides: Sides, share: float, moved_px: int = 0, *, thin_px: int | None = None) -> Sides:
    left, top, right, bottom = sides
    more = int(share * (_thin(sides) if thin_px is None else thin_px) + _AROUND_MOVED * moved_px) + 1
    return left - more, top - more, right + more, bottom + more


def _on_grid(sides: Sides, size_px: tuple[int, int]) -> Sides:
    left, top = (max(0, side // GRID_PX * GRID_PX) for side in sides[:2])
    right, bottom = (min(most, -(-side // GRID_PX) * GRID_PX) for side, most in zip(sides[2:], size_px, strict=True))
    return left, top, right, bottom
