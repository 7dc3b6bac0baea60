"""Lines that were read in a picture, laid out as a person reads them on: along a row, and from one line to the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gateway.residue.model import Rectangle

_SAME_ROW = 0.5
_NEXT_LINE = 1.5


@dataclass(frozen=True, slots=True)
class Passage:
    """Words in a picture, and the rectangle that holds them."""

    box: Rectangle
    text: str


def passages(lines: Sequence[Passage]) -> Iterator[Passage]:
    """Each line, then each row of several lines, then each line with the one below it."""
    yield from lines
    for row in _rows(lines):
        if len(row) > 1:
            yield _joined(row)
    ordered = sorted(lines, key=lambda one: one.box[1])
    for number, line in enumerate(ordered):
        below = next((other for other in ordered[number + 1 :] if _continues(line.box, other.box)), None)
        if below is not None:
            yield _joined((line, below))


def within(inner: Rectangle, outer: Rectangle) -> bool:
    """Whether the one rectangle lies in the other."""
    return (
        outer[0] <= inner[0]
        and outer[1] <= inner[1]
        and inner[0] + inner[2] <= outer[0] + outer[2]
        and inner[1] + inner[3] <= outer[1] + outer[3]
    )


def _rows(lines: Iterable[Passage]) -> list[list[Passage]]:
    """Lines at one height, from left to right."""
    rows: list[list[Passage]] = []
    for line in sorted(lines, key=lambda one: one.box[1] + one.box[3] / 2):
        last = rows[-1][-1].box if rows else None
        if last is not None and _overlap(last, line.box, 1) >= _SAME_ROW * min(last[3], line.box[3]):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda one: one.box[0]) for row in rows]


def _continues(line: Rectangle, other: Rectangle) -> bool:
    """Whether the other line begins close below this one."""
    gap = other[1] + other[3] / 2 - (line[1] + line[3] / 2)
    tall = min(line[3], other[3])
    return _SAME_ROW * tall < gap <= _NEXT_LINE * (line[3] + other[3]) / 2 + tall and _overlap(line, other, 0) > 0


def _overlap(one: Rectangle, other: Rectangle, axis: int) -> int:
    """How much of one side (0: across, 1: down) two rectangles share."""
    return min(one[axis] + one[axis + 2], other[axis] + other[axis + 2]) - max(one[axis], other[axis])


def _joined(lines: Sequence[Passage]) -> Passage:
    left, top = min(one.box[0] for one in lines), min(one.box[1] for one in lines)
    right, bottom = max(one.box[0] + one.box[2] for one in lines), max(one.box[1] + one.box[3] for one in lines)
    return Passage((left, top, right - left, bottom - top), " ".join(one.text for one in lines))
