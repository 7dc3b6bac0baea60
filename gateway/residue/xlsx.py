"""A workbook of ours read again, strictly, by expat, and searched cell by cell.

Rules of the file, each a finding when broken: 1. The archive as `archive` says, its members those of the grammar and
no other. 2. Every element, attribute and value as `xlsx_grammar` says; no document type, comment or instruction; text
only where texts belong. 3. The sheets, their names and the name that repeats the header row are the expected ones.
4. Rows and cells stand one after another from A1 on, without a gap or a cell beside the table.
Rules of the content: 5. Headers, number of rows and the mark in every row as for every table, and the mark above and
below every page. 6. The notice is word for word the expected one. 7. No cell and no text gives away a withheld value;
a number is compared as a number and, at its exact place, as the day that it is the serial number of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from gateway.base.text import has_hidden
from gateway.residue import sheet_rows
from gateway.residue import xlsx_grammar as grammar
from gateway.residue.archive import loose_members, members
from gateway.residue.jpeg import Broken
from gateway.residue.layers import Budget
from gateway.residue.model import Finding, Kind, Ledger, Report, TableExpectation, unique
from gateway.residue.strict_xml import Attributes, Walk, walked
from gateway.residue.table import check_rows
from gateway.residue.values import Needles

PARSER = "own strict workbook walker"
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_EPOCH, _LAST_DAY = date(1899, 12, 30), 2_958_465
_ROW, _CELL = "worksheet/sheetData/row", "worksheet/sheetData/row/c"
_TEXT, _VALUE = f"{_CELL}/is/t", f"{_CELL}/v"
_TABLE = grammar.TABLE_SHEET
_NAME = "workbook/definedNames/definedName"
_HEAD, _FOOT = "worksheet/headerFooter/oddHeader", "worksheet/headerFooter/oddFooter"
_SPOKEN = frozenset({_TEXT, _VALUE, _NAME, _HEAD, _FOOT})


def check_workbook(data: bytes, expected: TableExpectation, needles: Needles) -> Report:
    """Check rules 1 to 7; whatever can still be searched after a broken rule is searched."""
    ledger = Ledger("table", (PARSER,), counts=needles.counts())
    budget = Budget()
    try:
        parts = members(data)
    except Broken as broken:
        ledger.note("structure", [broken.finding])
        blobs = [data, *loose_members(data)]
        ledger.note("values", unique(Finding(hit.kind, "the file") for hit in needles.in_bytes(blobs, budget)))
        return ledger.report()
    walks = {name: _walked(name, parts[name]) for name in grammar.PARTS if name in parts and name != _TABLE}
    looks = _looks(walks.get(grammar.STYLES_PART))
    quick = _quickly_read(parts.get(_TABLE, b""), looks, len(expected.headers))
    if _TABLE in parts:
        walks[_TABLE] = quick[0] if quick else _walked(_TABLE, parts[_TABLE])
    walks = {name: walks[name] for name in grammar.PARTS if name in walks}
    whole = ledger.note("structure", unique([*_members(parts), *_notes(walks)]))
    if not whole:
        hits = needles.in_bytes(list(parts.values()), budget)
        ledger.note("raw-values", unique(Finding(hit.kind, f"member {hit.unit + 1}") for hit in hits))
    notice = _rows(walks.get(grammar.NOTICE_SHEET), looks)
    table = quick[1] if quick else _walked_table(_rows(walks.get(_TABLE), looks), len(expected.headers))
    ledger.note("sheets", _sheets(walks.get(grammar.WORKBOOK_PART), expected))
    ledger.note("places", [*table.faults, *_places(notice, None)])
    ledger.note("pages", _pages(walks, expected.mark_text))
    check_rows(ledger, table.rows, expected, needles, budget, table.days)
    told = [tuple(row.texts) for row in notice.rows]
    ledger.note("notice", [] if told == list(expected.notice) else [Finding(Kind.STRUCTURE, "the notice")])
    texts = [text for row in told for text in row] + [text for look in looks for text in look.texts]
    ledger.note("notice-values", unique(Finding(hit.kind, "the notice") for hit in needles.in_texts(texts, budget)))
    return ledger.report()


def _members(parts: Iterable[str]) -> Iterator[Finding]:
    parts = list(parts)
    for number, name in enumerate(parts, 1):
        if name not in grammar.PARTS:
            words = re.findall(r"[A-Za-z]+", name)
            known = next((word for word in words if word in grammar.VOCABULARY or f"{word}s" in grammar.VOCABULARY), "")
            yield Finding(Kind.STRUCTURE, f"member {number}{f': {known}' if known else ''}")
    if [name for name in parts if name in grammar.PARTS] != list(grammar.PARTS):
        yield Finding(Kind.STRUCTURE, "the members: not all of them, or in another order")


def _notes(walks: Mapping[str, Walk]) -> Iterator[Finding]:
    for name, walk in walks.items():
        yield from (Finding(Kind.STRUCTURE, f"{name}: {note}") for note in walk.notes)


@dataclass(frozen=True, slots=True)
class _Look:
    """How a style shows numbers: as days, and with which unit."""

    is_day: bool = False
    unit: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """What it says itself."""
        return (self.unit,) if self.unit else ()


def _looks(walk: Walk | None) -> list[_Look]:
    found = walk.found if walk else []
    codes = {
        told.get("numFmtId"): told.get("formatCode", "") for path, told, _ in found if path.endswith("numFmts/numFmt")
    }
    looks = []
    for path, told, _ in found:
        if path == "styleSheet/cellXfs/xf":
            code = codes.get(told.get("numFmtId"), "")
            shown = re.fullmatch(grammar.NUMBER_FORMAT, code)
            looks.append(_Look(code == grammar.DAY_FORMAT, (shown[1] or "") if shown else ""))
    return looks


@dataclass(slots=True)
class _Row:
    """A row as it stands: its number, the places of its cells, their texts, and what their numbers are as days."""

    number: str
    places: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    days: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Sheet:
    rows: list[_Row] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows of the table, what is wrong with their places, and by column the days that their numbers are."""

    rows: Sequence[Sequence[str]]
    faults: Sequence[Finding]
    days: Callable[[int], Sequence[str]]


def _walked(name: str, data: bytes) -> Walk:
    return walked(data, *grammar.PARTS[name], _SPOKEN, grammar.NAMES)


def _quickly_read(data: bytes, looks: list[_Look], width: int) -> tuple[Walk, _Table] | None:
    """The table's sheet where it is all as ours are: what is walked of it, and its rows; None where it may not be."""

    def shown(style: str) -> Callable[[str], str] | None:
        look = _look_of({"s": style}, looks)
        return None if look == _Look() else lambda stored: _counted(stored, look)

    read = sheet_rows.read(data, shown)
    if read is None or len(read.texts) != width:
        return None
    walk = _walked(_TABLE, read.rest)
    if walk.notes or any(path.startswith(_ROW) for path, _, _ in walk.found):
        return None

    def days(column: int) -> Sequence[str]:
        numbers = read.numbers[column][1:]
        known = {number: _day_of(number) for number in set(numbers)}
        return [known[number] for number in numbers]

    return walk, _Table(list(zip(*read.texts, strict=True)), (), days)


def _walked_table(sheet: _Sheet, width: int) -> _Table:
    rows = [row.texts for row in sheet.rows]
    return _Table(rows, list(_places(sheet, width)), lambda column: [row.days[column] for row in sheet.rows[1:]])


def _rows(walk: Walk | None, looks: list[_Look]) -> _Sheet:
    sheet = _Sheet()
    told: Attributes = {}
    filled = True
    for path, attributes, text in walk.found if walk else ():
        if path == _ROW:
            sheet.rows.append(_Row(attributes.get("r", "")))
        elif path == _CELL and sheet.rows:
            told, filled = attributes, False
            row = sheet.rows[-1]
            row.places.append(attributes.get("r", ""))
            row.texts.append("")
            row.days.append("")
        elif path in {_TEXT, _VALUE} and sheet.rows:
            row = sheet.rows[-1]
            # A second value in a cell, or one of another type than stated, is read by nobody in the same way.
            if filled or (path == _TEXT) != (told.get("t") == "inlineStr"):
                sheet.faults.append(f"row {len(sheet.rows)}: a cell with two values or of another type")
            filled = True
            shown, as_day = sheet_rows.written(text) if path == _TEXT else _counted(text, _look_of(told, looks)), ""
            if path == _VALUE:
                as_day = _day_of(text)
                if not sheet_rows.NUMBER.fullmatch(text):
                    sheet.faults.append(f"row {len(sheet.rows)}: a number that is none")
            elif sheet_rows.UNSEEN.search(shown) or has_hidden(shown):
                sheet.faults.append(f"row {len(sheet.rows)}: a character that shows nothing")
            row.texts[-1], row.days[-1] = shown, as_day
    return sheet


def _look_of(told: Attributes, looks: list[_Look]) -> _Look:
    stated = told.get("s", "0")
    return looks[int(stated)] if stated.isdecimal() and int(stated) < len(looks) else _Look()


def _counted(stored: str, look: _Look) -> str:
    if look.is_day:
        return _day_of(stored) or stored
    return f"{stored} {look.unit}" if look.unit else stored


def _day_of(stored: str) -> str:
    """The day with this serial number, or nothing."""
    whole = stored.partition(".")[0]
    if not whole.isdecimal() or not 0 < int(whole) <= _LAST_DAY:
        return ""
    return (_EPOCH + timedelta(days=int(whole))).isoformat()


def _sheets(walk: Walk | None, expected: TableExpectation) -> Iterator[Finding]:
    found = walk.found if walk else []
    names = tuple(told.get("name") for path, told, _ in found if path == "workbook/sheets/sheet")
    if names != expected.sheets:
        yield Finding(Kind.STRUCTURE, "the names of the sheets")
    quoted = expected.sheets[0].replace("'", "''")
    if (walk.texts(_NAME) if walk else []) != [f"'{quoted}'!$1:$1"]:
        yield Finding(Kind.STRUCTURE, "the name of the header row")


def _places(sheet: _Sheet, width: int | None) -> Iterator[Finding]:
    yield from unique(Finding(Kind.STRUCTURE, fault) for fault in sheet.faults)
    letters = [sheet_rows.letters(at) for at in range(1, 1 + max((len(row.places) for row in sheet.rows), default=0))]
    for number, row in enumerate(sheet.rows, 1):
        wanted = [f"{letter}{number}" for letter in letters[: len(row.places)]]
        if row.number != str(number) or row.places != wanted or (width is not None and len(wanted) != width):
            yield Finding(Kind.STRUCTURE, f"row {number}: cells out of their places")
            return


def _pages(walks: Mapping[str, Walk], mark_text: str) -> Iterator[Finding]:
    line = mark_text.replace("&", "&&")
    for name in (grammar.TABLE_SHEET, grammar.NOTICE_SHEET):
        walk = walks.get(name) or Walk()
        if walk.texts(_HEAD) != [f"&C&8 {line}"] or walk.texts(_FOOT) != [f"&L&8 {line}&R&8 &P / &N"]:
            yield Finding(Kind.MARK, f"{name}: the head or the foot of its pages")
