"""The reader of OpenDocument spreadsheets (ISO/IEC 26300). It runs only in the sandbox's child.

1. The archive is checked (`archive`); its first member says that it is a spreadsheet, and nothing in it is encrypted.
2. The sheet is the one that was asked for, else the only visible one with content; a hidden one is never read.
3. A cell is its stored value: decimal text of at most 15 significant digits, ISO 8601, `15.3%`, or its paragraphs.
   An amount has its currency behind it. A formula is its stored value. Errors, and cells that span others, are named
   and refused.
4. Annotations, drawings, links' targets, content that changes were tracked in: none of it is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from xml.parsers import expat

from gateway.base.canon import Json
from gateway.formats.archive import Archive
from gateway.formats.cells import MAX_COLUMNS
from gateway.formats.grid import Grid
from gateway.formats.sheet_values import one_meaning, percent, shortest
from gateway.formats.small_xml import tree
from gateway.sandbox.task import Answer, TaskRefused

MEDIA_TYPE = "application/vnd.oasis.opendocument.spreadsheet"

_SPACES = {
    "urn:oasis:names:tc:opendocument:xmlns:office:1.0": "office",
    "urn:oasis:names:tc:opendocument:xmlns:table:1.0": "table",
    "urn:oasis:names:tc:opendocument:xmlns:text:1.0": "text",
    "urn:oasis:names:tc:opendocument:xmlns:style:1.0": "style",
    "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0": "calcext",
}
_SEPARATOR = "\x1f"
_SILENT = frozenset(
    {
        "office:annotation", "table:shapes", "table:tracked-changes", "office:event-listeners", "text:ruby-text",
        "text:note", "text:hidden-text",
    }
)  # fmt: skip
_BLANKS = {"text:p": "\n", "text:line-break": "\n", "text:tab": "\t"}
_DURATION = re.compile(r"PT(\d{1,9})H(\d\d?)M(\d\d?)(?:\.\d+)?S")
_MAX_DIGITS = 9
_MAX_REPEATED = 1 << 20


def parse(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """The table as `cells` says; its source counts what stays behind. The request may name a `sheet`."""
    archive = Archive(untrusted)
    if "mimetype" not in archive.names or archive.member("mimetype").strip() != MEDIA_TYPE.encode():
        raise TaskRefused("no-workbook")
    manifest = tree(archive.member("META-INF/manifest.xml"))
    if any(one.tag.endswith("}encryption-data") for one in manifest.iter()):
        raise TaskRefused("encrypted")
    wanted = request.get("sheet")
    reader = _Reader(wanted if isinstance(wanted, str) else None)
    reader.read(archive)
    macros = sum(name.startswith(("Basic/", "Scripts/")) and not name.endswith("/") for name in archive.names)
    return reader.answer(macros)


class _Reader:
    """Walks the content once; every visible sheet that could be meant becomes a grid until a second one has content."""

    def __init__(self, wanted: str | None) -> None:
        self._wanted = wanted
        self._path: list[str] = []
        self._silent = 0
        self._hidden_styles: set[str] = set()
        self._style = ""
        self._grids: list[Grid] = []
        self._grid: Grid | None = None
        self._hidden_sheets = 0
        self._formulas = 0
        self._row: list[str] = []
        self._row_number = 0
        self._shown_groups: list[bool] = []
        self._told: Mapping[str, str] = {}
        self._cell: Mapping[str, str] | None = None
        self._text: list[str] = []

    def read(self, archive: Archive) -> None:
        """Walk the styles and the content. Raises `TaskRefused`."""
        for part in ("styles.xml", "content.xml"):
            if part in archive.names or part == "content.xml":
                self._walk(archive.chunks(part))

    def _walk(self, untrusted_chunks: Iterator[bytes]) -> None:
        parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = _refuse
        try:
            for chunk in untrusted_chunks:
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise TaskRefused("xml") from error

    def answer(self, macros: int) -> Answer:
        """The one sheet that was meant."""
        filled = [grid for grid in self._grids if not grid.empty]
        if self._wanted is not None and len(self._grids) != 1:
            raise TaskRefused("no-such-sheet")
        if not filled:
            raise TaskRefused("empty")
        if len(filled) > 1:
            raise TaskRefused("sheets", sheets=len(filled))
        return filled[0].answer(hidden_sheets=self._hidden_sheets, formulas=self._formulas, macros=macros)

    def _start(self, full_name: str, full_attributes: dict[str, str]) -> None:
        name = _short(full_name)
        self._path.append(name)
        if self._silent or name in _SILENT or name.startswith("draw:"):
            self._silent += 1
            return
        told = {_short(key): value for key, value in full_attributes.items()}
        match name:
            case "style:style":
                self._begin_style(told)
            case "style:table-properties" if told.get("table:display") == "false":
                self._hidden_styles.add(self._style)
            case "table:table":
                self._begin_sheet(told)
            case "table:table-row-group":
                self._shown_groups.append(told.get("table:display", "true") == "true")
            case "table:table-row":
                self._row, self._told = [], told
            case "table:table-cell" | "table:covered-table-cell":
                self._cell, self._text = told, []
            case "text:s":
                self._text.append(" " * min(_count(told, "text:c"), 64))
            case _ if name in _BLANKS and (self._text or name != "text:p"):
                self._text.append(_BLANKS[name])

    def _end(self, _full_name: str) -> None:
        name = self._path.pop()
        if self._silent:
            self._silent -= 1
            return
        match name:
            case "table:table-cell" | "table:covered-table-cell":
                self._end_cell()
            case "table:table-row" if self._grid is not None:
                self._end_row(self._grid)
            case "table:table-row-group":
                self._shown_groups.pop()
            case "table:table":
                self._grid = None

    def _characters(self, text: str) -> None:
        if not self._silent and self._cell is not None and "text:p" in self._path:
            self._text.append(text)

    def _begin_style(self, told: Mapping[str, str]) -> None:
        self._style = told.get("style:name", "")
        if told.get("style:parent-style-name") in self._hidden_styles:
            self._hidden_styles.add(self._style)

    def _begin_sheet(self, told: Mapping[str, str]) -> None:
        if self._path.count("table:table") > 1:
            raise TaskRefused("xml-foreign")
        self._grid, self._row_number = None, 0
        if told.get("table:style-name") in self._hidden_styles:
            self._hidden_sheets += 1
        elif self._wanted is None or told.get("table:name") == self._wanted:
            self._grid = Grid()
            self._grids.append(self._grid)

    def _end_cell(self) -> None:
        told, self._cell = self._cell or {}, None
        if self._grid is None:
            return
        column, row = len(self._row) + 1, self._row_number + 1
        if _count(told, "table:number-columns-spanned") > 1 or _count(told, "table:number-rows-spanned") > 1:
            raise TaskRefused("merged", row=row, column=min(column, 1 << 20))
        self._formulas += "table:formula" in told
        try:
            text = _value(told, "".join(self._text))
        except (ValueError, ArithmeticError) as error:
            raise TaskRefused("cell", row=row, column=column) from error
        if told.get("calcext:value-type") == "error":
            raise TaskRefused("error-value", row=row, column=column)
        repeated = _count(told, "table:number-columns-repeated")
        if text and len(self._row) + repeated > 2 * MAX_COLUMNS:
            raise TaskRefused("columns", most=MAX_COLUMNS)
        self._row += [text] * min(repeated, 2 * MAX_COLUMNS + 1)

    def _end_row(self, grid: Grid) -> None:
        hidden = self._told.get("table:visibility", "visible") != "visible" or not all(self._shown_groups)
        repeated = _count(self._told, "table:number-rows-repeated")
        while self._row and not self._row[-1]:
            self._row.pop()
        for _ in range(repeated if self._row else 1):
            self._row_number += 1
            grid.add(self._row_number, self._row, hidden=hidden)
        if not self._row:
            self._row_number += repeated - 1


def _value(told: Mapping[str, str], text: str) -> str:
    """The cell's value as text, by the type that it states."""
    match told.get("office:value-type", ""):
        case "float" | "currency":
            return f"{one_meaning(shortest(_stated(told, 'office:value')))} {told.get('office:currency', '')}".rstrip()
        case "percentage":
            return percent(_stated(told, "office:value"))
        case "date":
            return _stated(told, "office:date-value").removesuffix("T00:00:00")
        case "time":
            found = _DURATION.fullmatch(_stated(told, "office:time-value"))
            return f"{int(found[1]):02d}:{int(found[2]):02d}:{int(found[3]):02d}" if found else text
        case "boolean":
            return _stated(told, "office:boolean-value").upper()
    return told.get("office:string-value", text)


def _stated(told: Mapping[str, str], name: str) -> str:
    if name not in told:
        raise TaskRefused("xml-foreign")
    return told[name]


def _count(told: Mapping[str, str], name: str) -> int:
    stated = told.get(name, "1")
    if not stated.isdecimal() or len(stated) > _MAX_DIGITS or not 0 < int(stated) <= _MAX_REPEATED:
        raise TaskRefused("xml-foreign")
    return int(stated)


def _short(full_name: str) -> str:
    space, _, name = full_name.rpartition(_SEPARATOR)
    return f"{_SPACES.get(space, 'draw')}:{name}" if space else name


def _refuse(*_arguments: object) -> None:
    raise TaskRefused("xml-foreign")
