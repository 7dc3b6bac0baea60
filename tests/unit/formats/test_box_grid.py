"""Boxes over words: whatever is under one, it is covered, and its size is one of three."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageFont

import gateway.marks
from gateway.formats import box_grid
from gateway.formats.model import Box
from tests.support.names import NAMES

FONT = Path(gateway.marks.__file__).parent / "fonts" / "DejaVuSans.ttf"
sides = st.integers(1, 6000)
regions = st.builds(Box, st.integers(-500, 6000), st.integers(-500, 6000), st.integers(1, 7000), st.integers(1, 7000))
classes = st.sampled_from(["face", "label", "badge", "other"])


@given(regions, classes, sides, sides)
def test_what_lies_inside_is_covered_and_the_box_stays_inside(
    region: Box, name: str, width_px: int, height_px: int
) -> None:
    box = box_grid.grown(region, name, width_px, height_px)
    right, bottom = region.left_px + region.width_px, region.top_px + region.height_px
    if region.left_px >= width_px or region.top_px >= height_px or right <= 0 or bottom <= 0:
        assert box is None
        return
    assert box is not None
    assert 0 <= box.left_px <= max(0, region.left_px)
    assert 0 <= box.top_px <= max(0, region.top_px)
    assert min(right, width_px) <= box.left_px + box.width_px <= width_px
    assert min(bottom, height_px) <= box.top_px + box.height_px <= height_px


@given(regions, classes, sides, sides)
def test_every_edge_lies_on_the_grid_or_at_the_border(region: Box, name: str, width_px: int, height_px: int) -> None:
    box = box_grid.grown(region, name, width_px, height_px)
    if box is not None:
        assert box.left_px % box_grid.GRID_PX == box.top_px % box_grid.GRID_PX == 0
        assert (box.left_px + box.width_px) % box_grid.GRID_PX == 0 or box.left_px + box.width_px == width_px
        assert (box.top_px + box.height_px) % box_grid.GRID_PX == 0 or box.top_px + box.height_px == height_px


@given(regions, sides, sides)
def test_over_words_there_are_three_widths_and_over_a_column_of_them_three_heights(
    region: Box, width_px: int, height_px: int
) -> None:
    box = box_grid.grown(region, "label", width_px, height_px)
    if box is not None:
        assert box.width_px in box_grid.widths(width_px)
        top, bottom = max(0, region.top_px), min(height_px, region.top_px + region.height_px)
        left, right = max(0, region.left_px), min(width_px, region.left_px + region.width_px)
        if bottom - top >= 2 * (right - left):
            assert box.height_px in box_grid.widths(height_px)


@given(st.integers(0, 4000), st.integers(1, 4000), st.integers(1024, 4000))
def test_a_box_is_no_wider_than_need_be(left_px: int, length_px: int, width_px: int) -> None:
    region = Box(left_px, 0, length_px, 10)
    box = box_grid.grown(region, "label", width_px, 100)
    smallest, middle, _ = box_grid.widths(width_px)
    if box is None or min(left_px + length_px, width_px) > width_px // 16 * 16:
        return
    if length_px <= smallest * 3 // 4:
        assert box.width_px == smallest
    elif length_px <= middle * 3 // 4:
        assert box.width_px <= middle


def test_a_face_keeps_its_size() -> None:
    assert box_grid.grown(Box(205, 204, 77, 90), "face", 800, 600) == Box(192, 192, 96, 112)
    assert box_grid.grown(Box(205, 204, 77, 90), "label", 800, 600) == Box(192, 192, 208, 112)


@pytest.mark.parametrize("letter_px", [12, 20, 32, 64])
@pytest.mark.parametrize("aligned", ["left", "right", "centre"])
def test_the_widths_of_a_thousand_names_take_three_values_at_most(letter_px: int, aligned: str) -> None:
    """Each name is boxed as tightly as a careful person could; where the line stands is the same for all of them."""
    font = ImageFont.truetype(FONT, letter_px)
    drawn, places, seen = set(), set(), set()
    for name in NAMES:
        left, top, right, bottom = (round(edge) for edge in font.getbbox(name))
        width_px = right - left
        start = {"left": 700, "right": 2400 - width_px, "centre": 1550 - width_px // 2}[aligned]
        box = box_grid.grown(Box(start, 900 + top, width_px, bottom - top), "label", 4000, 3000)
        assert box is not None
        drawn.add(width_px)
        seen.add(box.width_px)
        places.add((box.left_px, box.width_px))
    assert len(NAMES) >= 1000
    assert len(drawn) > 50
    assert len(seen) <= 3
    assert len(places) <= 16
