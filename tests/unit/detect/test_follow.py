"""A piece of a picture is followed while it can be seen, and lost where it cannot."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.detect.follow import Luma, ways

CHANCE = np.random.default_rng(20_260_405)
PIECE: NDArray[np.uint8] = CHANCE.integers(0, 256, (12, 20), np.uint8)
GROUND: NDArray[np.uint8] = CHANCE.integers(90, 130, (90, 160), np.uint8)


def frame(left: int, top: int, darker: float = 1.0) -> Luma:
    shown = GROUND.copy()
    shown[top : top + 12, left : left + 20] = PIECE
    return (shown * darker + CHANCE.integers(0, 4, shown.shape)).clip(0, 255).astype(np.uint8)


def test_what_turns_round_is_followed_to_where_it_turned() -> None:
    lefts = [20, 25, 31, 36, 39, 40, 39, 36, 31, 25, 20]
    found = ways([frame(left, 30) for left in lefts], (20, 30, 40, 42))
    assert [one[0] for one in found] == lefts
    assert {(one[1], one[2] - one[0], one[3] - one[1]) for one in found} == {(30, 20, 12)}


def test_what_goes_faster_than_its_reach_is_followed_once_it_is_under_way() -> None:
    lefts = [4, 10, 22, 40, 62, 84, 106]
    assert [one[0] for one in ways([frame(left, 40) for left in lefts], (4, 40, 24, 52))] == lefts


def test_it_may_become_darker() -> None:
    found = ways([frame(20 + 3 * number, 30, 1 - number / 20) for number in range(10)], (20, 30, 40, 42))
    assert found[-1][0] == 47


def test_what_is_hidden_is_lost_and_the_rest_is_known() -> None:
    frames = [frame(20, 30), frame(24, 30), GROUND, frame(32, 30)]
    assert [one[0] for one in ways(frames, (20, 30, 40, 42))] == [20, 24]


@pytest.mark.parametrize("place", [(0, 0, 1, 1), (159, 89, 160, 90), (0, 0, 160, 90), (150, 80, 160, 90)])
def test_any_place_in_the_picture_can_be_followed(place: tuple[int, int, int, int]) -> None:
    assert ways([frame(20, 30), frame(26, 30)], place)[0] == place
    flat = np.zeros((64, 64), np.uint8)
    assert len(ways([flat, flat + 200], (0, 0, 9, 9))) == 1
