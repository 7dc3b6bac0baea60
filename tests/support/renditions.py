"""Small renditions as the rebuild makes them, made here without it, and what the gate is told about them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from gateway.marks import visible
from gateway.marks.visible import TABLE_HEADER
from gateway.residue.model import PictureExpectation, TableExpectation, WithheldSet, WithheldValue

MARK = "Baotou Rare Earth Supply Co. · rel_01k7m3v9q2x8d4n6b5t1c0zhep · 2026-01-31"
SIZE_PX = (640, 480)
BOX = (160, 96, 128, 64)

HEADERS = ("End user", "Quantity (kg)", "Remarks", TABLE_HEADER)
FIELDS = ("column/1", "column/4", "column/7")
BODY = (
    ("Nordwind Turbinen GmbH", "100 – <500 kg", "drive for offshore turbines"),
    ("P-7K3QX2MA", "≥500 kg", 'say "no", or yes'),
    ("浙江风电设备", "<100 kg", ""),
)


def csv_bytes(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def table_bytes(body: Iterable[Iterable[str]] = BODY, mark: str = MARK) -> bytes:
    return csv_bytes([HEADERS, *([*row, mark] for row in body)])


def table_expectation(rows: int = len(BODY)) -> TableExpectation:
    return TableExpectation(HEADERS, FIELDS, MARK, rows)


def withheld(
    *values: str, field: str = "column/9", shown: Iterable[str] = (), constants: Iterable[str] = ()
) -> WithheldSet:
    return WithheldSet(
        tuple(WithheldValue(value, f"{field} row {row}") for row, value in enumerate(values, start=1)),
        frozenset(shown),
        frozenset(constants),
    )


@lru_cache(maxsize=1)
def _photo() -> Image.Image:
    """Something like a photograph: broad shapes with texture, and lettering where the box will be."""
    rng = np.random.default_rng(20260131)
    coarse = rng.integers(30, 220, (12, 16, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize(SIZE_PX, Image.Resampling.BICUBIC)
    grain = rng.integers(-12, 13, (SIZE_PX[1], SIZE_PX[0], 1))
    picture = Image.fromarray(np.clip(np.asarray(picture).astype(int) + grain, 0, 255).astype(np.uint8))
    ImageDraw.Draw(picture).text((170, 110), "SERIAL 4711-0815", fill=(255, 255, 255))
    return picture


def photo() -> Image.Image:
    """A copy of the one photograph."""
    return _photo().copy()


def burned(picture: Image.Image, mark: str) -> Image.Image:
    """A copy with the visible mark in it."""
    pixels = np.array(picture)
    visible.burn_in(pixels, mark)
    return Image.fromarray(pixels)


def rendition(
    *, mark: str | None = MARK, box: bool = True, touch: Callable[[Image.Image], None] | None = None
) -> Image.Image:
    picture = photo()
    if mark is not None:
        picture = burned(picture, mark)
    if box:
        left, top, width, height = BOX
        ImageDraw.Draw(picture).rectangle((left, top, left + width - 1, top + height - 1), fill=(0, 0, 0))
    if touch is not None:
        touch(picture)
    return picture


def encoded(picture: Image.Image, media_type: str, **options: object) -> bytes:
    out = io.BytesIO()
    if media_type == "image/jpeg":
        picture.save(out, "JPEG", **{"quality": 88, "subsampling": 0, **options})
    else:
        picture.save(out, "PNG", **{"compress_level": 1, **options})
    return out.getvalue()


def picture_expectation(media_type: str) -> PictureExpectation:
    return PictureExpectation(media_type, SIZE_PX, (BOX,), MARK)
