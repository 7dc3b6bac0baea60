"""Pages set here without a PDF: words where Helvetica puts them, and pixels drawn to fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfbase.pdfmetrics import stringWidth

from gateway.formats.model import (
    PAGE_DPI,
    Box,
    Case,
    Element,
    Instruction,
    Mark,
    Op,
    Page,
    Pages,
    Plan,
    Rebuilt,
    Transform,
    Word,
)
from gateway.marks.lettering import FONTS_DIR
from gateway.residue.model import DocumentExpectation

A4_PX = (1654, 2339)
MARK = Mark("Baotou Rare Earth Supply Co.", "rel_01k7m3v9q2x8d4n6b5t1c0zhep", "2026-01-31")
LEFT_PT = 72.0
RIGHT_PT = 523.0
_HAN = "DroidSansFallbackFull.ttf"


@dataclass(frozen=True, slots=True)
class Line:
    """A text of one line at `x_pt`, its baseline so far below the upper edge."""

    text: str
    y_pt: float
    x_pt: float = LEFT_PT
    align: Literal["left", "right", "centre"] = "left"
    size_pt: float = 11


def page(lines: Iterable[Line], size_px: tuple[int, int] = A4_PX) -> Page:
    """The page with these lines; words stand where a printer would have put them."""
    return Page(*size_px, tuple(word for line in lines for word in _words(line)))


def _words(line: Line) -> Iterable[Word]:
    scale = PAGE_DPI / 72
    width = stringWidth(line.text, "Helvetica", line.size_pt)
    start = line.x_pt - {"left": 0, "right": width, "centre": width / 2}[line.align]
    for place, text in enumerate(line.text.split(" ")):
        before = " ".join([*line.text.split(" ")[:place], ""])
        left = start + stringWidth(before, "Helvetica", line.size_pt)
        right = left + stringWidth(text, "Helvetica", line.size_pt)
        top, bottom = line.y_pt - 0.93 * line.size_pt, line.y_pt + 0.22 * line.size_pt
        edges = (int(left * scale), int(top * scale), int(right * scale) + 1, int(bottom * scale) + 1)
        yield Word(text, Box(edges[0], edges[1], edges[2] - edges[0], edges[3] - edges[1]))


def grey(shown: Page) -> Image.Image:
    """The page as printed: every word fills its box."""
    canvas = Image.new("L", (shown.width_px, shown.height_px), 255)
    for word in shown.words:
        font = ImageFont.truetype(str(FONTS_DIR / (_HAN if not word.text.isascii() else "DejaVuSans.ttf")), 32)
        left, top, right, bottom = font.getbbox(word.text)
        ink = Image.new("L", (max(int(right - left), 1), max(int(bottom - top), 1)))
        ImageDraw.Draw(ink).text((-left, -top), word.text, fill=255, font=font)
        size = word.box.width_px, word.box.height_px
        canvas.paste(0, (word.box.left_px, word.box.top_px), ink.resize(size))
    return canvas


def document(
    *shown: Page, pixels: Mapping[int, np.ndarray] | None = None, parts: Mapping[str, str] | None = None
) -> Pages:
    """A document of these pages; `pixels` replaces the raster of some."""

    def raster(number: int) -> bytes:
        replaced = (pixels or {}).get(number)
        return grey(shown[number - 1]).tobytes() if replaced is None else replaced.tobytes()

    return Pages(shown, raster, MappingProxyType(dict(parts or {})), "application/pdf")


def order(
    element: Element, number: int, op: Op | None, box: Box | None = None, *, code: str = "PD-MIN", place: int = 0
) -> Instruction:
    """What to do with a page, or with something on page `number`."""
    cases = () if op is None else (Case((), Transform(op, {}), 1, code, f"rule-{element.value}"),)
    name = f"{element.value}/{number}" + ("" if element is Element.PAGE else f"/{place}")
    return Instruction(name, name, element, "title", "text", cases, box, number)


def plan(content: Pages, *orders: Instruction, pages: Iterable[int] | None = None) -> Plan:
    """All pages, or these, with these orders."""
    allowed = range(1, len(content.pages) + 1) if pages is None else pages
    return Plan((*(order(Element.PAGE, number, Op.ALLOW) for number in allowed), *orders))


def withholding(content: Pages, *texts: str, code: str = "PD-MIN") -> list[Instruction]:
    """Orders to cover every word that is one of these."""
    return [
        order(Element.TEXT, number, Op.BOX, word.box, code=code, place=place)
        for number, shown in enumerate(content.pages, start=1)
        for place, word in enumerate(shown.words)
        if word.text.strip(",.;:") in texts
    ]


def expectation(rebuilt: Rebuilt, mark: Mark = MARK) -> DocumentExpectation:
    """What the gate is told of a rendition."""
    return DocumentExpectation(
        sizes_px=tuple(page.size_px for page in rebuilt.pages),
        boxes=tuple(
            tuple((box.left_px, box.top_px, box.width_px, box.height_px) for box in page.boxes)
            for page in rebuilt.pages
        ),
        mark_text=mark.text,
    )
