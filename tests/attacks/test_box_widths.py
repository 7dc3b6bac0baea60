"""Whoever knows a thousand names and measures a box learns next to nothing of which one is under it."""

from __future__ import annotations

import io
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import gateway.marks
from gateway.formats.model import Box
from gateway.policy.answers import Answers, Region
from gateway.render.model import State
from tests.corpus.product import rendered, walls
from tests.support import documents
from tests.support.names import NAMES
from tests.support.originals import Planted

FONT = ImageFont.truetype(Path(gateway.marks.__file__).parent / "fonts" / "DejaVuSans.ttf", 28)
PICTURE_PX, PITCH_PX, TOP_PX, LEFT_PX, RIGHT_PX = (1600, 1200), 96, 60, 200, 1200
ON_A_PICTURE, ON_A_PAGE = 11, 28
FEW, MANY = 1, 1000
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="rendering needs Linux")
how_many = pytest.mark.parametrize("at_least", [FEW, pytest.param(MANY, marks=pytest.mark.nightly)])


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    walls().close()


def batches(size: int, at_least: int) -> Iterator[Sequence[str]]:
    """Different names, so many at a time."""
    chosen = random.Random(11).sample(NAMES, -(-at_least // size) * size)
    return (chosen[at : at + size] for at in range(0, len(chosen), size))


def picture(names: Sequence[str], aligned: str) -> tuple[Planted, list[int]]:
    """A picture with a name on each line, boxed as tightly as a careful person could; and how wide the names are."""
    drawn = Image.new("RGB", PICTURE_PX, (90, 98, 90))
    regions, widths = [Region("work_area", Box(0, 0, *PICTURE_PX))], []
    for number, name in enumerate(names):
        left, top, right, bottom = (round(edge) for edge in FONT.getbbox(name))
        start, line = LEFT_PX if aligned == "left" else RIGHT_PX - (right - left), TOP_PX + number * PITCH_PX
        ImageDraw.Draw(drawn).text((start - left, line), name, fill=(255, 255, 255), font=FONT)
        regions.append(Region("label", Box(start, line + top, right - left, bottom - top)))
        widths.append(right - left)
    sink = io.BytesIO()
    drawn.save(sink, "PNG", compress_level=1)
    answers = Answers(regions=tuple(regions), confirmed=True)
    return Planted("names", "production_photo", "image/png", "names.png", sink.getvalue(), (), answers), widths


def black_run(pixels: NDArray[np.uint8], row: int, column: int) -> tuple[int, int]:
    """Where the black around this pixel begins, and how wide it is."""
    black = (pixels[row] == 0).all(axis=1)
    assert black[column]
    left = column - int(np.argmin(black[column::-1])) + 1
    return left, column + int(np.argmin(black[column:])) - left


@how_many
@pytest.mark.parametrize("aligned", ["left", "right"])
def test_boxes_over_names_on_pictures_have_three_widths_at_most(aligned: str, at_least: int) -> None:
    drawn, seen, places = set(), set(), set()
    for names in batches(ON_A_PICTURE, at_least):
        original, widths = picture(names, aligned)
        outcome = rendered(original)
        assert outcome.state is State.CLEAN, outcome.reason
        assert outcome.rebuilt is not None
        pixels = np.asarray(Image.open(io.BytesIO(outcome.rebuilt.data)).convert("RGB"))
        inside = LEFT_PX + 4 if aligned == "left" else RIGHT_PX - 4
        runs = [black_run(pixels, TOP_PX + number * PITCH_PX + 16, inside) for number in range(len(names))]
        drawn |= set(widths)
        seen |= {width for _, width in runs}
        places |= set(runs)
    assert len(drawn) > 5
    assert len(seen) <= 3
    assert len(places) <= 16, "where a box begins tells the name"


@how_many
@pytest.mark.parametrize("line", ["{}", "Contact: {}", "signed by {} on behalf of the buyer"])
def test_boxes_over_names_in_documents_have_three_widths_at_most(line: str, at_least: int) -> None:
    seen = set()
    for names in batches(ON_A_PAGE, at_least):
        body = ["The seller delivers the goods that Annex A lists to the buyer under this agreement."]
        data = documents.document([*body, *(line.format(name) for name in names)])
        answers = Answers(terms=tuple(names), confirmed=True)
        outcome = rendered(Planted("names", "contract", "application/pdf", "names.pdf", data, (), answers))
        assert outcome.state is State.CLEAN, outcome.reason
        assert outcome.rebuilt is not None
        (page,) = outcome.rebuilt.pages
        boxes: dict[int, int] = {}
        for box in page.boxes:
            boxes[box.top_px] = boxes.get(box.top_px, 0) + box.width_px
        assert len(boxes) >= len(names)
        seen |= set(boxes.values())
    assert len(seen) <= 3
