"""A table as a busy colleague's workbook: true numbers and days, and beside the table what nobody thinks of.

The hidden sheet, the comment, the defined name and the author are planted: none of them may travel.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import date
from xml.sax.saxutils import escape

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SORT = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,11})(?:[.,]\d{1,4})?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_EPOCH = date(1899, 12, 30)

HIDDEN_NOTE = "Zweitquelle Hanamura: Angebot liegt bei 81 Prozent"
COMMENT = "Preis nur mit Geschäftsführung abgestimmt weitergeben"
AUTHOR = "Philipp Nägele-Ostertag"
PLANTED = (HIDDEN_NOTE, COMMENT, AUTHOR)


def written(sheet: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """The workbook's bytes; the same for the same table."""
    table = "".join(_row(number, row) for number, row in enumerate((headers, *rows), 1))
    secret = f'<row r="1">{_cell("A1", HIDDEN_NOTE)}</row>'
    sheets = {"sheet1": table, "sheet2": secret}
    parts = {
        "[Content_Types].xml": _types([*(f"worksheets/{name}" for name in sheets)]),
        "_rels/.rels": _related(("officeDocument", "xl/workbook.xml"), ("core-properties", "docProps/core.xml")),
        "docProps/core.xml": f'<p xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:creator>{AUTHOR}</dc:creator></p>',
        "xl/workbook.xml": (
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
            f'<sheet name="{escape(sheet)}" sheetId="1" r:id="rId1"/>'
            '<sheet name="intern" sheetId="2" state="hidden" r:id="rId2"/></sheets><definedNames>'
            '<definedName name="Zielpreis">intern!$A$1</definedName></definedNames></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": _related(
            *(("worksheet", f"worksheets/{name}.xml") for name in sheets), ("styles", "styles.xml")
        ),
        "xl/styles.xml": _STYLES,
        "xl/comments1.xml": (
            f'<comments xmlns="{_MAIN}"><authors><author>{AUTHOR}</author></authors><commentList>'
            f'<comment ref="B2" authorId="0"><text><t>{COMMENT}</t></text></comment></commentList></comments>'
        ),
    }
    for name, body in sheets.items():
        parts[f"xl/worksheets/{name}.xml"] = f'<worksheet xmlns="{_MAIN}"><sheetData>{body}</sheetData></worksheet>'
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n{text}')
    return sink.getvalue()


_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="1"><fill><patternFill patternType="none"/></fill></fills><borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def _types(sheets: Sequence[str]) -> str:
    parts = {
        "workbook": "sheet.main",
        **dict.fromkeys(sheets, "worksheet"),
        "styles": "styles",
        "comments1": "comments",
    }
    lines = (f'<Override PartName="/xl/{part}.xml" ContentType="{_SORT}.{sort}+xml"/>' for part, sort in parts.items())
    rels = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    xml = '<Default Extension="xml" ContentType="application/xml"/>'
    return f'<Types xmlns="{_PACKAGE}/content-types">{rels}{xml}{"".join(lines)}</Types>'


def _related(*targets: tuple[str, str]) -> str:
    lines = (
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{sort}" Target="{target}"/>'
        for number, (sort, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{"".join(lines)}</Relationships>'


def _row(number: int, row: Sequence[str]) -> str:
    cells = "".join(_cell(f"{_letters(column)}{number}", cell) for column, cell in enumerate(row, 1))
    return f'<row r="{number}">{cells}</row>'


def _cell(place: str, text: str) -> str:
    if _DAY.fullmatch(text):
        return f'<c r="{place}" s="1"><v>{(date.fromisoformat(text) - _EPOCH).days}</v></c>'
    if _NUMBER.fullmatch(text):
        return f'<c r="{place}"><v>{text.replace(",", ".")}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'


def _letters(column: int) -> str:
    first, second = divmod(column - 1, 26)
    return (chr(64 + first) if first else "") + chr(65 + second)
