"""The reader of workbooks (Office Open XML, ISO/IEC 29500). It runs only in the sandbox's child.

1. The archive is checked (`archive`), then its parts are found by type and relationship, never by name.
2. The sheet is the one that was asked for, else the only visible one with content; a hidden one is never read.
3. Cells are read as `sheet_values` says. A formula is its cached value; without one, and for errors such as `#REF!`,
   the cell is named and refused.
4. Numbers are decimal text of at most 15 significant digits, as spreadsheets show them; days and times are ISO 8601
   by the workbook's own date system; a share formatted as percent is what it shows, `15.3%`, and an amount of a
   currency has that behind it, `5000 EUR`.
5. Only the plain text of a cell is read: no phonetic guide, comment, link, validation, drawing or property.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from xml.etree.ElementTree import Element

from gateway.base.canon import Json
from gateway.formats.archive import Archive
from gateway.formats.currencies import CURRENCIES, MARKS
from gateway.formats.grid import Grid
from gateway.formats.office_parts import content_types, relationships
from gateway.formats.proven_xml import MAIN_NAMESPACES, ProvenText
from gateway.formats.sheet_values import DATE, ELAPSED, NUMBER, PERCENT, TIME, PlainText, Values
from gateway.formats.sheet_xlsx import Sheet
from gateway.formats.small_xml import tree
from gateway.sandbox.task import Answer, TaskRefused

_WORKBOOKS = frozenset(
    {
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
        "application/vnd.ms-excel.sheet.macroEnabled.main+xml",
    }
)
_BINARY = "application/vnd.ms-excel.sheet.binary.macroEnabled.main"
_CONTENT = re.compile(rb"<(?:\w+:)?(?:v|is|f)[\s>]")
_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - spreadsheets know no zones
_ZERO_1904 = datetime(1904, 1, 1)  # noqa: DTZ001 - as above

# Numbers of formats that every workbook has without naming them (ISO/IEC 29500-1, 18.8.30).
_DATES = frozenset({*range(14, 18), 22, *range(27, 32), 36, *range(50, 55), 57, 58})
_TIMES = frozenset({18, 19, 20, 21, 32, 33, 34, 35, 45, 47, 55, 56})
_ELAPSED = 46
_PERCENTS = frozenset({9, 10})
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
# A mark in brackets is one, whichever; other literals may mean anything.
_CURRENCY = re.compile(rf"\[\$([^\]\-]+)[^\]]*\]|(?<!\[)(?:{MARKS})", re.IGNORECASE)


def parse(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """The table as `cells` says; its source counts what stays behind. The request may name a `sheet`."""
    archive = Archive(untrusted)
    workbook = _Workbook(archive)
    wanted = request.get("sheet")
    grid = Grid()
    sheet = workbook.read(workbook.part(wanted if isinstance(wanted, str) else None), grid)
    return grid.answer(
        hidden_sheets=workbook.hidden_sheets,
        formulas=sheet.formulas,
        macros=sum(name.casefold().endswith("vbaproject.bin") for name in archive.names),
    )


class _Workbook:
    """The parts of one workbook."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        main = _main_part(archive)
        root = tree(archive.member(main))
        if root.tag.partition("}")[0].lstrip("{") not in MAIN_NAMESPACES:
            raise TaskRefused("no-workbook")
        self._related = relationships(archive, main)
        self._old_zero = any(one.get("date1904") in {"1", "true"} for one in _named(root, "workbookPr"))
        sheets = list(_named(root, "sheet"))
        shown = [sheet for sheet in sheets if sheet.get("state", "visible") == "visible"]
        self.hidden_sheets = len(sheets) - len(shown)
        parts = [(sheet.get("name", ""), *self._related.get(_related_id(sheet), ("", ""))) for sheet in shown]
        self._sheets = [(name, part) for name, sort, part in parts if sort == "worksheet"]

    def part(self, wanted: str | None) -> str:
        """Where the sheet with this name is, or the only visible one with content. Raises `TaskRefused`."""
        if wanted is not None:
            parts = [part for name, part in self._sheets if name == wanted]
            if len(parts) != 1:
                raise TaskRefused("no-such-sheet")
            return parts[0]
        filled = [part for _, part in self._sheets if self._has_content(part)]
        if not filled:
            raise TaskRefused("empty")
        if len(filled) > 1:
            raise TaskRefused("sheets", sheets=len(filled))
        return filled[0]

    def read(self, part: str, grid: Grid) -> Sheet:
        """Every row of the sheet in this part, added to `grid`."""
        values = Values(self._shared_strings(), self._looks(), _ZERO_1904 if self._old_zero else _ZERO)
        sheet = Sheet(values)
        sheet.read(ProvenText(self._archive.chunks(part)), grid)
        return sheet

    def _has_content(self, part: str) -> bool:
        rest = b""
        for chunk in self._archive.chunks(part):
            if _CONTENT.search(rest + chunk):
                return True
            rest = chunk[-64:]
        return False

    def _shared_strings(self) -> list[str]:
        part = next((part for sort, part in self._related.values() if sort == "sharedStrings"), None)
        if part is None:
            return []
        source = ProvenText(self._archive.chunks(part))
        text = "".join(source)
        plain = PlainText(source.prefix)
        item = re.compile(rf"<{source.prefix}si(?:\s[^<>]*)?(?:/>|(?<!/)>(.*?)</{source.prefix}si\s*>)", re.DOTALL)
        strings = [plain.of(match[1] or "") for match in item.finditer(text)]
        # One that is passed over would give every cell behind it another one's text.
        if len(strings) != len(re.findall(rf"<{source.prefix}si[\s/>]", text)):
            raise TaskRefused("xml-foreign")
        return strings

    def _looks(self) -> list[str]:
        part = next((part for sort, part in self._related.values() if sort == "styles"), None)
        if part is None:
            return [NUMBER]
        root = tree(self._archive.member(part))
        codes = {one.get("numFmtId", ""): one.get("formatCode", "") for one in _named(root, "numFmt")}
        styles = next(_named(root, "cellXfs"), ())
        return [_look(style.get("numFmtId", "0"), codes) for style in styles] or [NUMBER]


def _main_part(archive: Archive) -> str:
    types = content_types(archive)
    if _BINARY in types.values():
        raise TaskRefused("binary-workbook")
    mains = [part for sort, part in relationships(archive, "").values() if sort == "officeDocument"]
    if len(mains) != 1 or types.get(mains[0]) not in _WORKBOOKS:
        raise TaskRefused("no-workbook")
    return mains[0]


def _named(root: Element, name: str) -> Iterator[Element]:
    """Every element of this name in the main namespace, whichever of the two it is."""
    return (one for space in MAIN_NAMESPACES for one in root.iter(f"{{{space}}}{name}"))


def _related_id(sheet: Element) -> str:
    return next((value for name, value in sheet.attrib.items() if name.endswith("}id")), "")


def _look(number: str, codes: Mapping[str, str]) -> str:
    """What a number format shows: one of the words of `sheet_values`."""
    code = codes.get(number)
    return _built_in(int(number)) if code is None else _coded(code)


def _built_in(known: int) -> str:
    looks = ((DATE, _DATES), (TIME, _TIMES), (PERCENT, _PERCENTS), (ELAPSED, {_ELAPSED}))
    return next((look for look, numbers in looks if known in numbers), NUMBER)


def _coded(code: str) -> str:
    bare = _LITERAL.sub("", code.partition(";")[0]).casefold()
    if "[" in bare:
        return ELAPSED
    if bare == "general":
        return NUMBER + _currency(code)
    if set(bare) & set("yd") or ("m" in bare and not set(bare) & set("hs")):
        return DATE
    if set(bare) & set("hs"):
        return TIME
    return PERCENT if "%" in bare else NUMBER + _currency(code)


def _currency(code: str) -> str:
    """A blank and the currency that a number format shows beside each number, or nothing."""
    shown = _CURRENCY.search(code.partition(";")[0])
    mark = shown[1] or shown[0] if shown else ""
    return f" {CURRENCIES.get(mark.upper(), mark)}" if mark else ""
