"""Each shot is looked at where it begins and ends, and at least once a second; motion alone makes no shots."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from gateway.detect.shots import looked_at

CHANCE = np.random.default_rng(20_260_405)


def scenes(*lengths: int, shift: int = 0) -> list[bytes]:
    """Frames of scenes that have nothing in common, each panned by `shift` pixels a frame, with a sensor's grain."""
    frames = []
    for length in lengths:
        wide = np.kron(CHANCE.integers(30, 220, (9, 200)), np.ones((4, 8))).astype(np.int16)
        for number in range(length):
            seen = wide[:, number * shift : number * shift + 64] + CHANCE.integers(-3, 4, (36, 64))
            frames.append(np.clip(seen, 0, 255).astype(np.uint8).tobytes())
    return frames


def test_a_still_scene_is_looked_at_once_a_second_and_at_its_ends() -> None:
    assert looked_at(scenes(61), 12) == [(0, 12, 24, 36, 48, 60)]


def test_every_change_of_shot_is_looked_at_on_both_sides() -> None:
    shots = looked_at(scenes(30, 5, 1, 40), 25)
    assert [(shot[0], shot[-1]) for shot in shots] == [(0, 29), (30, 34), (35, 35), (36, 75)]
    assert all(other - one <= 25 for shot in shots for one, other in pairwise(shot))


def test_a_camera_that_pans_makes_no_shots() -> None:
    assert len(looked_at(scenes(60, shift=6), 25)) <= 2


def test_a_single_frame_is_a_shot_and_no_frame_is_none() -> None:
    assert looked_at(scenes(1), 25) == [(0,)]
    assert looked_at([], 25) == []
