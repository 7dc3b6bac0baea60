"""The visible mark is in the pixels, legible, where it can be computed to be, or the picture is refused."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gateway.marks import lettering, visible
from tests.support.renditions import burned

MARK = "Ganzhou Qianli Magnetics 赣州千里磁材有限公司 · rel_01jabcdefghjkmnpqrstvwxyz0 · 2026-01-31"
REHEARSAL = f"REHEARSAL · {MARK}"
SIZE = (800, 600)


def noise(size: tuple[int, int], low: int, high: int) -> Image.Image:
    values = np.random.default_rng(7).integers(low, high + 1, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(values)


def presence(picture: Image.Image, mark_text: str) -> float:
    """Mean brightness of the letters over that of their outline."""
    luma: NDArray[np.float32] = np.asarray(picture.convert("L"), np.float32)
    mask = visible.mark_mask(picture.size, mark_text)
    return float(luma[mask > 60].mean() - luma[mask < -60].mean())


@pytest.mark.parametrize(("low", "high"), [(0, 0), (255, 255), (100, 150), (0, 255)])
def test_the_mark_is_in_the_pixels_on_dark_bright_and_busy_ground(low: int, high: int) -> None:
    plain = noise(SIZE, low, high)
    marked = burned(plain, MARK)
    coded = io.BytesIO()
    marked.save(coded, "JPEG", quality=50)
    assert abs(presence(plain, MARK)) < 6
    assert presence(marked, MARK) > 50
    assert presence(Image.open(coded), MARK) > 30


def test_nothing_changes_beside_the_mark_and_the_original_stays() -> None:
    plain = noise(SIZE, 0, 255)
    before = plain.tobytes()
    marked = np.asarray(burned(plain, MARK))
    letters, outline = map(np.asarray, visible._masks(SIZE, MARK, visible.PICTURE))
    untouched = (letters == 0) & (outline == 0)
    assert plain.tobytes() == before
    assert (marked == np.asarray(plain))[untouched].all()
    assert 0.5 < untouched.mean() < 0.95


@pytest.mark.parametrize("size_px", [(640, 480), (641, 479), (643, 485), (647, 483)])
def test_grey_and_each_channel_of_colour_are_marked_alike_to_the_last_pixel(size_px: tuple[int, int]) -> None:
    plain = np.asarray(noise(size_px, 0, 255))
    letters, outline = (np.asarray(one).astype(float) for one in visible._masks(size_px, MARK, visible.PAGE))
    dark, light = np.round(outline * visible._DARK_ALPHA), np.round(letters * visible._LIGHT_ALPHA)
    colour = plain.copy()
    visible.burn_in(colour, MARK, visible.PAGE)
    for channel in range(3):
        grey = np.ascontiguousarray(plain[..., channel])
        wanted = np.round(np.round(grey * (255 - dark) / 255) * (255 - light) / 255 + light)
        visible.burn_in(grey, MARK, visible.PAGE)
        assert (grey == wanted).all()
        assert (grey == colour[..., channel]).all()


def test_every_quarter_of_a_picture_carries_letters() -> None:
    mask = visible.mark_mask((1600, 1200), MARK) > 60
    quarters = [mask[y : y + 300, x : x + 400] for y in range(0, 1200, 300) for x in range(0, 1600, 400)]
    assert min(quarter.sum() for quarter in quarters) > 500


def test_the_mark_stands_at_a_place_that_size_and_text_decide() -> None:
    code = (
        "import hashlib, sys; from gateway.marks import visible;"
        "print(hashlib.sha256(visible.mark_mask((800, 600), sys.argv[1]).tobytes()).hexdigest())"
    )
    command = [sys.executable, "-c", code, MARK]
    folder = Path(visible.__file__).parents[2]
    there = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder).stdout.strip()
    assert there == hashlib.sha256(visible.mark_mask(SIZE, MARK).tobytes()).hexdigest()


def test_a_rehearsal_is_marked_larger() -> None:
    assert (visible.mark_mask(SIZE, REHEARSAL) > 60).sum() > 0
    plain, rehearsal = (visible._fitting_tile(SIZE, text, visible.PICTURE) for text in (MARK, REHEARSAL))
    assert rehearsal.letters.height > 1.3 * plain.letters.height


def test_a_picture_too_small_for_one_mark_is_refused() -> None:
    with pytest.raises(visible.MarkDoesNotFit, match=r"at least \d+ × \d+ pixels are needed; draw a larger"):
        burned(Image.new("RGB", (160, 120)), MARK)


def test_the_size_named_in_the_refusal_is_enough() -> None:
    with pytest.raises(visible.MarkDoesNotFit) as caught:
        visible.mark_mask((10, 10), MARK)
    width, height = (int(word) for word in caught.value.detail.split() if word.isdecimal())
    assert visible.tiles((width, height), MARK)


def test_whole_tiles_lie_inside_the_picture() -> None:
    tiles = visible.tiles(SIZE, MARK)
    assert len(tiles) >= 2
    assert all(0 <= left < right <= 800 and 0 <= top < bottom <= 600 for left, top, right, bottom in tiles)


def test_boxes_must_leave_one_whole_mark() -> None:
    visible.require_readable(SIZE, MARK, ())
    visible.require_readable(SIZE, MARK, ((0, 0, 800, 100),))
    with pytest.raises(visible.MarkDoesNotFit, match="one whole mark can be read"):
        visible.require_readable(SIZE, MARK, ((0, 0, 800, 600),))
    stripes = tuple((0, top, 800, top + 16) for top in range(0, 600, 48))
    with pytest.raises(visible.MarkDoesNotFit):
        visible.require_readable(SIZE, MARK, stripes)


@pytest.mark.parametrize(
    "name", ["Müller & Łódź Straße A/S", "Περσέας Ltd", "ООО Магнит", "株式会社マグネット", "許可證"]
)
def test_names_that_can_be_written(name: str) -> None:
    assert visible.tiles(SIZE, f"{name} · rel_x · 2026-01-31")


@pytest.mark.parametrize("name", ["한국자석", "Magnet 🧲", "مغناطيس חברה"])
def test_a_name_that_no_font_writes_is_refused_and_not_shown_as_boxes(name: str) -> None:
    with pytest.raises(lettering.MarkUnwritable, match="give the name in Latin"):
        visible.tiles(SIZE, f"{name} · rel_x · 2026-01-31")


def test_long_names_break_at_spaces_and_chinese_where_it_must() -> None:
    assert lettering.wrapped("Ganzhou Qianli Magnetics 赣州千里磁材有限公司", 30) == [
        "Ganzhou Qianli Magnetics",
        "赣州千里磁材有限公司",
    ]
    assert lettering.wrapped("有限公司" * 5, 30) == ["有限公司" * 3 + "有限公", "司有限公司"]
    assert visible.tiles((2000, 1500), f"{'Very Long Name ' * 13} · rel_x · 2026-01-31")


def test_fonts_come_with_their_licences() -> None:
    folder = Path(lettering.__file__).parent / "fonts"
    for font in folder.glob("*.ttf"):
        assert (folder / f"LICENSE-{font.stem}.txt").stat().st_size > 1000
