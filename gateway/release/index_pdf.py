"""The withheld index as a PDF: bilingual, printable, with an embedded open font; byte-deterministic."""

from __future__ import annotations

import io
from collections.abc import Sequence

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import SimpleDocTemplate, Spacer, Table, TableStyle

from gateway.release.compose import INDEX_COLUMNS, IndexLine
from gateway.release.sheets import LATIN, lettered, use_fonts

_WIDTHS_MM = (9, 32, 30, 26, 17, 36, 36, 30, 36, 25)


def withheld_pdf(lines: Sequence[IndexLine], *, heading: str) -> bytes:
    """One table, header repeated on every page, page numbers in the foot; `heading` names release and recipient."""
    use_fonts()
    cell = ParagraphStyle("cell", fontName=LATIN, fontSize=6.5, leading=8.5, wordWrap="CJK")
    head = ParagraphStyle("head", parent=cell, textColor=colors.white)
    title = ParagraphStyle("title", fontName=LATIN, fontSize=14, leading=18, wordWrap="CJK")
    rows = [[lettered(name, head) for name in INDEX_COLUMNS]]
    rows += [[lettered(text, cell) for text in line.cells(number)] for number, line in enumerate(lines, start=1)]
    table = Table(rows, colWidths=[width * mm for width in _WIDTHS_MM], repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#1f2f46")),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.HexColor("#b8c0cc")),
                ("ROWBACKGROUNDS", (0, 1), (-1, -1), [colors.white, colors.HexColor("#f5f7fa")]),
                ("LEFTPADDING", (0, 0), (-1, -1), 2.5),
                ("RIGHTPADDING", (0, 0), (-1, -1), 2.5),
            ]
        )
    )
    sink = io.BytesIO()
    document = SimpleDocTemplate(
        sink,
        pagesize=landscape(A4),
        leftMargin=10 * mm,
        rightMargin=10 * mm,
        topMargin=12 * mm,
        bottomMargin=14 * mm,
        title="Withheld index",
        author="",
        invariant=1,
    )
    story = [
        lettered("Withheld index · 未提供内容索引", title),
        lettered(heading, cell),
        Spacer(1, 4 * mm),
        table,
    ]
    document.build(story, onFirstPage=_foot, onLaterPages=_foot)
    return sink.getvalue()


def _foot(canvas, document) -> None:  # type: ignore[no-untyped-def]
    canvas.setFont(LATIN, 7)
    canvas.drawRightString(landscape(A4)[0] - 10 * mm, 8 * mm, str(document.page))
