"""Exact algebra of finite boxes, by which policies are proved: no solver and no approximation.

A space has an axis for each thing that a decision depends on. An axis has finitely many values; where a thing has more,
one value stands for all that no condition tells apart. A box is a set of values for every axis, each set the bits of a
whole number. What is left of a box when others are taken away is again finitely many boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from operator import and_

Box = tuple[int, ...]
Value = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing that decisions depend on, and its values, those first that make the plainest example."""

    name: str
    values: tuple[Value, ...]

    def where(self, holds: Callable[[Value], bool]) -> int:
        """The bits of the values for which `holds`."""
        return sum(1 << place for place, value in enumerate(self.values) if holds(value))


@dataclass(frozen=True)
class Space:
    """All axes together."""

    axes: tuple[Axis, ...]

    @cached_property
    def whole(self) -> Box:
        """The box that holds everything."""
        return tuple((1 << len(axis.values)) - 1 for axis in self.axes)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {axis.name: place for place, axis in enumerate(self.axes)}

    def axis(self, name: str) -> Axis:
        """The axis of this name."""
        return self.axes[self._places[name]]

    def box(self, bits: Mapping[str, int]) -> list[Box]:
        """The box narrowed on these axes; none where it is empty."""
        box = list(self.whole)
        for name, allowed in bits.items():
            box[self._places[name]] &= allowed
        return [tuple(box)] if all(box) else []

    def example(self, box: Box) -> dict[str, Value]:
        """One point of it: the first value on every axis."""
        return {
            axis.name: axis.values[(bits & -bits).bit_length() - 1] for axis, bits in zip(self.axes, box, strict=True)
        }


def meet(boxes: Iterable[Box], others: Iterable[Box]) -> list[Box]:
    """What lies in one of `boxes` and in one of `others`."""
    others = list(others)
    both = (tuple(map(and_, one, other)) for one in boxes for other in others)
    return [box for box in both if all(box)]


def without(boxes: Iterable[Box], taken: Iterable[Box]) -> list[Box]:
    """What lies in one of `boxes` and in none of `taken`."""
    left = list(boxes)
    # The largest first: fewer pieces are made.
    for one in sorted(taken, key=_extent, reverse=True):
        left = [piece for box in left for piece in _cut(box, one)]
        if not left:
            break
    return left


def _extent(box: Box) -> int:
    return prod(bits.bit_count() for bits in box)


def _cut(box: Box, taken: Box) -> Iterable[Box]:
    """`box` without `taken`, as boxes that do not overlap: at most one for every axis."""
    if not all(map(and_, box, taken)):
        return (box,)
    left: list[Box] = []
    inside = list(box)
    for place, (mine, theirs) in enumerate(zip(box, taken, strict=True)):
        outside = mine & ~theirs
        if outside:
            left.append((*inside[:place], outside, *box[place + 1 :]))
        inside[place] = mine & theirs
    return left
