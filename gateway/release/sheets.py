"""Pages of text and tables for people: two embedded open fonts, every character from one that has it."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Table, TableStyle

from gateway.marks.lettering import FONTS_DIR, MarkUnwritable, runs

LATIN = "DejaVuSans.ttf"
_FONTS = (LATIN, "DroidSansFallbackFull.ttf")
# A `name` table of version 0 without a record.
_NO_NAMES = bytes.fromhex("000000000006")

INK, RULE, PALE = colors.HexColor("#1f2f46"), colors.HexColor("#b8c0cc"), colors.HexColor("#f5f7fa")
_GREY = colors.HexColor("#5b6675")
# The library's frames keep this much inside their own margins.
_EDGE_MM, _PADDING = 20, 6

BODY = ParagraphStyle("body", fontName=LATIN, fontSize=9, leading=13, spaceAfter=4)
CELL = ParagraphStyle("cell", fontName=LATIN, fontSize=7, leading=9.2)
HEAD = ParagraphStyle("head", parent=CELL, textColor=colors.white)
SMALL = ParagraphStyle("small", parent=BODY, fontSize=8, leading=11.5, textColor=_GREY)
UNDER = ParagraphStyle("under", parent=SMALL, leftIndent=9, spaceAfter=6)
POINT = ParagraphStyle("point", parent=BODY, leftIndent=9, bulletIndent=0, spaceAfter=1)
CODE = ParagraphStyle(
    "code",
    parent=BODY,
    fontSize=7.5,
    leading=11,
    leftIndent=4,
    rightIndent=4,
    spaceBefore=4,
    spaceAfter=8,
    backColor=PALE,
    borderPadding=3,
)
TITLE = ParagraphStyle("title", parent=BODY, fontSize=20, leading=26, textColor=INK, spaceAfter=2)
HEADING = ParagraphStyle("heading", parent=BODY, fontSize=12, leading=16, textColor=INK, spaceBefore=12, spaceAfter=5)


def use_fonts() -> None:
    """Make both fonts known to the library."""
    for name in _FONTS:
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(_wordless(TTFont(name, str(FONTS_DIR / name))))


def _wordless(font: TTFont) -> TTFont:
    """The font as it is embedded, without its licence's words: a document may withhold any of them."""
    told = font.face.get_table
    font.face.get_table = lambda tag: _NO_NAMES if tag == "name" else told(tag)
    return font


def lettered(text: str, style: ParagraphStyle) -> Paragraph:
    """A paragraph whose every character comes from a font that has it; raises `MarkUnwritable`."""
    return Paragraph("".join(f'<font name="{font}">{escape(run)}</font>' for font, run in runs(text)), style)


def prose(text: str, style: ParagraphStyle = BODY) -> Paragraph:
    """The same, broken as its script is, with the code point in place of a character that no font here has."""
    wide = any(unicodedata.east_asian_width(one) in "WF" for one in text)
    shown = "".join(one if _known(one) else f"‹U+{ord(one):04X}›" for one in text)
    return lettered(shown, ParagraphStyle(f"{style.name}-wide", parent=style, wordWrap="CJK") if wide else style)


def _known(character: str) -> bool:
    try:
        return bool(runs(character))
    except MarkUnwritable:
        return False


def table(head: Sequence[str], rows: Sequence[Sequence[str]], widths_mm: Sequence[float]) -> Table:
    """Rows under a head that is repeated on every page."""
    cells = [[prose(one, HEAD) for one in head], *([prose(one, CELL) for one in row] for row in rows)]
    made = Table(cells, colWidths=[one * mm for one in widths_mm], repeatRows=1, spaceBefore=3, spaceAfter=6)
    made.setStyle(
        TableStyle([("BACKGROUND", (0, 0), (-1, 0), INK), ("ROWBACKGROUNDS", (0, 1), (-1, -1), _STRIPES), *_LINES])
    )
    return made


def facts(rows: Sequence[tuple[str, str]], widths_mm: Sequence[float] = (42, 128)) -> Table:
    """Names beside what they are of."""
    cells = [[prose(name, SMALL), prose(told, CELL)] for name, told in rows]
    made = Table(cells, colWidths=[one * mm for one in widths_mm], spaceBefore=3, spaceAfter=6)
    made.setStyle(TableStyle(_LINES))
    return made


_STRIPES = [colors.white, PALE]
_LINES: list[tuple[Any, ...]] = [
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LINEBELOW", (0, 0), (-1, -1), 0.25, RULE),
    ("LEFTPADDING", (0, 0), (-1, -1), 3),
    ("RIGHTPADDING", (0, 0), (-1, -1), 3),
    ("TOPPADDING", (0, 0), (-1, -1), 2.5),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
]


def pages(story: Sequence[Flowable], *, title: str, running: str) -> bytes:
    """The story on A4, byte-deterministic, with `running` and "page of pages" on every page."""
    sink = io.BytesIO()
    document = SimpleDocTemplate(
        sink,
        pagesize=A4,
        leftMargin=_EDGE_MM * mm - _PADDING,
        rightMargin=_EDGE_MM * mm - _PADDING,
        topMargin=24 * mm,
        bottomMargin=20 * mm,
        title=title,
        author="",
        invariant=1,
    )
    document.build(list(story), canvasmaker=_numbered(running))
    return sink.getvalue()


def _numbered(running: str) -> Callable[..., Canvas]:
    class Numbered(Canvas):  # type: ignore[misc]
        """A canvas that knows how many pages there are before it writes the first."""

        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self._kept: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 the library's name
            """Put the page aside."""
            self._kept.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            """Write all pages, each with its number."""
            kept = self._kept
            for number, state in enumerate(kept, 1):
                self.__dict__.update(state)
                _frame(self, running, f"{number} / {len(kept)}")
                Canvas.showPage(self)
            Canvas.save(self)

    return Numbered


def _frame(canvas: Canvas, running: str, number: str) -> None:
    width, height = A4
    left, right = _EDGE_MM * mm, width - _EDGE_MM * mm
    canvas.setFont(LATIN, 7)
    canvas.setFillColor(_GREY)
    canvas.setStrokeColor(RULE)
    canvas.drawString(left, height - 15 * mm, running)
    canvas.line(left, height - 17 * mm, right, height - 17 * mm)
    canvas.drawRightString(right, 11 * mm, number)
