"""The token bucket: so many at once, so many in the long run, never more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.base.bucket import Bucket


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def test_so_many_at_once_and_then_one_by_one() -> None:
    hand = Hand()
    bucket = Bucket(3, 10.0, hand)
    assert [bucket.take() for _ in range(3)] == [0.0, 0.0, 0.0]
    assert bucket.take() == 10.0
    hand.at += 4
    assert bucket.take() == pytest.approx(6.0)
    hand.at += 6
    assert bucket.take() == 0.0
    assert bucket.take() == pytest.approx(10.0)


def test_a_long_rest_fills_it_and_no_more() -> None:
    hand = Hand()
    bucket = Bucket(2, 1.0, hand)
    bucket.take()
    hand.at += 1_000_000
    assert [bucket.take() > 0 for _ in range(3)] == [False, False, True]


def test_threads_take_no_more_than_there_is() -> None:
    bucket = Bucket(50, 3600.0)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: bucket.take() == 0.0, range(200)))
    assert sum(taken) == 50
