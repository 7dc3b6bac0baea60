"""A region covers, between two frames that were looked at, where either saw it; and it ends nowhere too early."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.detect.model import FACE, TEXT, Found, Seen, Sides
from gateway.detect.tracks import GRID_PX, Track, tracks

SIZE_PX = (640, 480)


def face(left: int, top: int = 100, size: int = 60) -> Seen:
    return Seen(Found(FACE, (left, top, size, size)))


def text(left: int, top: int, classes: str = "") -> Seen:
    return Seen(Found(TEXT, (left, top, 200, 20), classes=frozenset(classes.split())))


def holds(outer: Sides, inner: Seen) -> bool:
    left, top, right, bottom = inner.sides
    return outer[0] <= left and outer[1] <= top and right <= outer[2] and bottom <= outer[3]


def over(track: Track, number: int) -> Sides:
    """What covers from this looked-at frame to the next."""
    (sides,) = (sides for first, last, sides in track.spans if first <= number < max(last, first + 1))
    return sides


def test_what_moves_is_covered_from_where_it_was_to_where_it_is() -> None:
    seen = [face(100), face(200), face(300)]
    (track,) = tracks([[one] for one in seen], SIZE_PX)
    assert all(holds(over(track, 0), one) for one in seen[:2])
    assert all(holds(over(track, 1), one) for one in seen[1:])
    assert not holds(over(track, 0), seen[2])
    assert [(first, last) for first, last, _ in track.spans] == [(0, 1), (1, 2)]


def test_what_rests_has_one_box_for_all_of_its_time() -> None:
    (track,) = tracks([[text(100 + jitter, 50, "EMAIL")] for jitter in (0, 1, 0, 1)], SIZE_PX)
    ((first, last, sides),) = track.spans
    assert (first, last, set(track.classes)) == (0, 3, {"EMAIL"})
    assert all(side % GRID_PX == 0 for side in sides)


def test_seen_once_covers_from_the_frame_before_to_the_frame_behind() -> None:
    (track,) = tracks([[], [], [face(300)], [], []], SIZE_PX)
    assert (track.spans[0][0], track.spans[-1][1]) == (1, 3)
    # Nobody knows how it moved, so there is more round it.
    assert over(track, 1)[0] <= 300 - 30
    assert over(track, 2)[2] >= 360 + 30


def test_seen_once_in_a_shot_of_one_frame_covers_that_frame() -> None:
    (track,) = tracks([[face(300)]], SIZE_PX)
    assert [one[:2] for one in track.spans] == [(0, 0)]
    assert holds(track.spans[0][2], face(300))


def test_what_leaves_goes_on_as_it_went() -> None:
    (track,) = tracks([[face(100)], [face(200)], []], SIZE_PX)
    assert holds(over(track, 1), face(200))
    assert holds(over(track, 1), face(300))


def test_what_comes_in_came_as_it_goes_on() -> None:
    (track,) = tracks([[], [face(300)], [face(200)]], SIZE_PX)
    assert holds(over(track, 0), face(400))


def test_what_one_frame_missed_is_covered_in_between() -> None:
    (track,) = tracks([[face(100)], [], [face(300)]], SIZE_PX)
    assert holds(over(track, 0), face(200))
    assert holds(over(track, 1), face(200))


def test_what_two_frames_missed_is_another() -> None:
    found = tracks([[face(100)], [], [], [face(100)]], SIZE_PX)
    assert [(one.spans[0][0], one.spans[-1][1]) for one in found] == [(0, 1), (2, 3)]


def test_where_its_pixels_went_between_is_covered_too() -> None:
    there, back = face(100), face(120)
    around = tuple(face(left).sides for left in (100, 180, 240))
    for first, second in (
        (replace(there, ahead=around), back),
        (there, replace(back, behind=around)),
    ):
        (track,) = tracks([[first], [second]], SIZE_PX)
        assert holds(over(track, 0), face(240))


def test_what_was_followed_is_linked_where_it_went() -> None:
    gone = replace(face(100), ahead=(face(100).sides, face(560).sides), is_lost=False)
    assert len(tracks([[gone], [face(570)]], SIZE_PX)) == 1
    assert len(tracks([[replace(gone, is_lost=True)], [face(570)]], SIZE_PX)) == 2


def test_neighbours_are_not_exchanged_and_sorts_not_mixed() -> None:
    first, second = text(100, 50), text(100, 90, "IBAN")
    found = tracks([[first, second, face(400)], [second, first, face(390)]], SIZE_PX)
    assert [(one.sort, len(one.spans), sorted(one.classes)) for one in found] == [
        (TEXT, 1, []),
        (TEXT, 1, ["IBAN"]),
        (FACE, 1, []),
    ]


@pytest.mark.parametrize("there", [face(500), face(100, size=200)], ids=["far", "large"])
def test_what_cannot_be_the_same_is_followed_apart(there: Seen) -> None:
    assert len(tracks([[face(100)], [there]], SIZE_PX)) == 2


def test_nothing_leaves_the_picture() -> None:
    for track in tracks([[face(0, 0)], [face(580, 420)], [face(570, 400)]], SIZE_PX):
        for _, _, (left, top, right, bottom) in track.spans:
            assert 0 <= left < right <= SIZE_PX[0]
            assert 0 <= top < bottom <= SIZE_PX[1]
