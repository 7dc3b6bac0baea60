"""The algebra of boxes, against sets of points."""

from __future__ import annotations

import random
from itertools import product

import pytest

from gateway.policy.boxes import Axis, Box, Space, meet, without

SPACE = Space((Axis("a", ("x", "y", "z")), Axis("b", (1, 2)), Axis("c", (False, True, None))))


def points(boxes: list[Box]) -> set[tuple[int, ...]]:
    """Every point that lies in one of the boxes, by the places of its values."""
    return {
        point
        for box in boxes
        for point in product(*([place for place in range(3) if bits >> place & 1] for bits in box))
    }


def a_box(rng: random.Random) -> Box:
    return (rng.randint(1, 7), rng.randint(1, 3), rng.randint(1, 7))


@pytest.mark.parametrize("seed", range(50))
def test_what_is_left_and_what_is_shared_is_what_sets_of_points_say(seed: int) -> None:
    rng = random.Random(seed)
    ones, others = [[a_box(rng) for _ in range(rng.randint(0, 4))] for _ in range(2)]
    left = without(ones, others)
    assert points(left) == points(ones) - points(others)
    assert points(meet(ones, others)) == points(ones) & points(others)
    if len(ones) == 1:
        assert sum(len(points([box])) for box in left) == len(points(left)), "the pieces overlap"


def test_an_example_is_the_plainest_point_of_its_box() -> None:
    assert SPACE.example((0b110, 0b10, 0b100)) == {"a": "y", "b": 2, "c": None}


def test_a_box_is_narrowed_by_name_and_none_where_nothing_is_left() -> None:
    some = SPACE.axis("a").where(lambda value: value in {"x", "z"})
    assert SPACE.box({"a": some}) == [(0b101, 0b11, 0b111)]
    assert SPACE.box({"a": some, "b": 0}) == []
