"""The hidden mark: the same on every machine, not to be seen, and fair to every copy that it is not in."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gateway.marks import fingerprint
from gateway.marks.fingerprint import FingerprintDoesNotFit
from gateway.trace import rules

SEED = bytes(range(32))


def texture(width: int, height: int) -> NDArray[np.uint8]:
    """Whole numbers that no library draws: ramps, stripes and a little disorder."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.int64)
    levels = 60 + (rows * 7 + columns * 3) % 90 + (rows * columns // 64) % 40
    return np.stack([levels, levels[::-1], 250 - levels], axis=-1).astype(np.uint8)


def laid(pixels: NDArray[np.uint8], seed: bytes = SEED) -> NDArray[np.uint8]:
    out = pixels.copy()
    fingerprint.lay(out, seed, fingerprint.ground_of(pixels))
    return out


@pytest.mark.parametrize(
    ("size_px", "signs", "pixels"),
    [
        (
            (640, 480),
            "b75028bd59840b23e9a6a7d33742c6b4724d07d913c574129dd99693e20aab8a",
            "789951652067c207f7be4b9ffc58909952249768d7f8a3ec662921b6c115bc26",
        ),
        (
            (401, 777),
            "f293f8a2935ae27f36cdfc13e1719561a17931961981437d371a97901e17a94b",
            "872332c60e9e56678ab7f156fe50e35d0eb693f6f019420fa2eebcc1b428cb2d",
        ),
    ],
)
def test_signs_and_pixels_are_the_frozen_ones(size_px: tuple[int, int], signs: str, pixels: str) -> None:
    found = fingerprint.signs_of(SEED, fingerprint.grid_of(size_px))
    assert hashlib.sha256(found.tobytes()).hexdigest() == signs
    assert hashlib.sha256(laid(texture(*size_px)).tobytes()).hexdigest() == pixels


@given(st.integers(2, 900), st.integers(2, 900))
@settings(max_examples=40, deadline=None)
def test_pictures_of_every_size_have_a_grid_that_fits(width: int, height: int) -> None:
    across, down = fingerprint.grid_of((width, height))
    assert min(across, down) >= 1
    assert max(across, down) <= fingerprint.CELLS_ALONG
    assert fingerprint.signs_of(SEED, (across, down)).shape == (down, across)


@pytest.mark.parametrize("size_px", [(640, 480), (401, 777)])
def test_it_is_at_42_decibels_and_leads_back(size_px: tuple[int, int]) -> None:
    before = texture(*size_px)
    after = laid(before)
    error = np.mean((after.astype(np.float64) - before) ** 2)
    assert 10 * np.log10(255**2 / error) >= 42
    told = fingerprint.per_cell(fingerprint.ground_of(after)) - fingerprint.per_cell(fingerprint.ground_of(before))
    grid = fingerprint.grid_of(size_px)
    assert fingerprint.score(told, fingerprint.signs_of(SEED, grid)) > 60
    others = [fingerprint.score(told, fingerprint.signs_of(bytes([n]) * 32, grid)) for n in range(10)]
    assert max(others) < rules.needed(10)


def test_all_channels_of_black_white_and_full_colours_stay_within_their_levels() -> None:
    for level in (0, 255):
        flat = np.full((300, 400, 3), level, np.uint8)
        flat[:, 200:] = (255, 0, level)
        moved = laid(flat).astype(np.int64) - flat
        assert np.abs(moved).max() <= fingerprint.MOST_LEVELS


def test_what_cannot_carry_one_is_refused() -> None:
    bare = np.full((480, 640, 3), 255, np.uint8)
    ground = fingerprint.ground_of(bare)
    nothing = fingerprint.hidden_cells((640, 480), ())
    with pytest.raises(FingerprintDoesNotFit):
        fingerprint.require_room(ground, nothing)
    full = fingerprint.ground_of(texture(640, 480))
    assert fingerprint.require_room(full, nothing) == 320 * 240
    with pytest.raises(FingerprintDoesNotFit):
        fingerprint.require_room(full, fingerprint.hidden_cells((640, 480), ((0, 0, 640, 470),)))
    small = fingerprint.ground_of(texture(120, 100))
    with pytest.raises(FingerprintDoesNotFit):
        fingerprint.require_room(small, fingerprint.hidden_cells((120, 100), ()))


def test_every_cell_that_a_box_touches_is_hidden() -> None:
    hidden = fingerprint.hidden_cells((640, 480), ((3, 5, 4, 6), (630, 470, 640, 480)))
    assert hidden[2:3, 1:2].all()
    assert hidden[235:, 315:].all()
    assert hidden.sum() == 1 + 25


@pytest.mark.parametrize("shape", ["one", "few", "many", "heavy"])
def test_innocent_codes_score_within_the_bound_whatever_the_picture_is(shape: str) -> None:
    """A picture is chosen without the code: then no shape of it makes the code score higher than the bound says."""
    random = np.random.Generator(np.random.PCG64(11))
    differences = np.zeros((60, 80), np.float32)
    if shape == "one":
        differences[3, 4] = 9
    elif shape == "few":
        differences[:2, :8] = 5
    elif shape == "many":
        differences[...] = random.normal(0, 1, differences.shape)
    else:
        differences[...] = random.standard_cauchy(differences.shape)
    scores = [
        fingerprint.score(differences, fingerprint.signs_of(number.to_bytes(32, "big"), (80, 60)))
        for number in range(400)
    ]
    for limit in (1.0, 2.0, 3.0):
        allowed = 400 * np.exp(-(limit**2) / 2)
        assert sum(one >= limit for one in scores) <= allowed + 4 * np.sqrt(allowed) + 4


def test_the_score_that_accuses_grows_with_what_is_tried() -> None:
    steps = [rules.needed(count) for count in (1, 2, 1000, 10**6)]
    assert all(one < two for one, two in pairwise(steps))
    assert rules.needed(1000) == pytest.approx(7.434, abs=1e-3)
    for count in (1, 1000, 10**6):
        assert rules.by_chance(rules.needed(count), count) == pytest.approx(rules.BOUND)
    assert rules.by_chance(0.0, 5) == rules.by_chance(-3.0, 5) == 1.0
    assert 0 < rules.by_chance(200.0, 1) < 1e-200
