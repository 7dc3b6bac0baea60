"""Workbooks as other programs save them: XLSX by openpyxl, ODS by hand; numbers and days are true ones."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from xml.sax.saxutils import escape

import openpyxl

ODS = "application/vnd.oasis.opendocument.spreadsheet"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,11})(?:\.\d{1,4})?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text", "style")
)


def typed(cell: str) -> str | int | float | date:
    """The cell as a person who types it into a spreadsheet gets it."""
    if _DAY.fullmatch(cell):
        return date.fromisoformat(cell)
    if _NUMBER.fullmatch(cell):
        return float(cell) if "." in cell else int(cell)
    return cell


def workbook(rows: Iterable[Sequence[str]], *, sheet: str = "Tabelle1") -> openpyxl.Workbook:
    """These rows on one sheet."""
    made = openpyxl.Workbook()
    page = made.active
    assert page is not None
    page.title = sheet
    for row in rows:
        page.append([typed(cell) for cell in row])
    return made


def xlsx(rows: Iterable[Sequence[str]], *, sheet: str = "Tabelle1") -> bytes:
    """These rows as XLSX."""
    return saved(workbook(rows, sheet=sheet))


def saved(made: openpyxl.Workbook) -> bytes:
    """The bytes of a workbook."""
    sink = io.BytesIO()
    made.save(sink)
    return sink.getvalue()


def ods(rows: Iterable[Sequence[str]], *, sheet: str = "Tabelle1", content: str | None = None) -> bytes:
    """These rows as ODS, or this `content.xml`."""
    body = "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows)
    content = content or (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {_SPACES} office:version="1.3"><office:body>'
        f'<office:spreadsheet><table:table table:name="{escape(sheet)}">{body}</table:table></office:spreadsheet>'
        "</office:body></office:document-content>"
    )
    manifest = '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    return opendocument({"mimetype": ODS, "content.xml": content, "META-INF/manifest.xml": manifest})


def opendocument(parts: Mapping[str, str | bytes]) -> bytes:
    """The archive of these members, of which the first says what it is, uncompressed."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content, zipfile.ZIP_STORED if name == "mimetype" else None)
    return sink.getvalue()


def _ods_cell(cell: str) -> str:
    value = typed(cell)
    stated = {
        date: f'office:value-type="date" office:date-value="{value}"',
        int: f'office:value-type="float" office:value="{value}"',
        float: f'office:value-type="float" office:value="{value}"',
        str: 'office:value-type="string"',
    }[type(value)]
    paragraphs = "".join(f"<text:p>{escape(line)}</text:p>" for line in cell.split("\n"))
    return f"<table:table-cell {stated}>{paragraphs}</table:table-cell>" if cell else "<table:table-cell/>"


def cells(data: bytes, sheet: int = 0) -> list[list[str]]:
    """A released workbook's sheet as openpyxl reads it, every cell as text: a third reader beside rebuild and gate."""
    page = openpyxl.load_workbook(io.BytesIO(data)).worksheets[sheet]
    return [[_shown(cell) for cell in row] for row in page.iter_rows(values_only=True)]


def _shown(value: object) -> str:
    if value is None:
        return ""
    return value.strftime("%Y-%m-%d") if isinstance(value, date) else str(value)
