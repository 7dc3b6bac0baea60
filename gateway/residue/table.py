"""A CSV table read again, strictly, and searched cell by cell.

Rules of the file (RFC 4180, as the gateway writes it), each a finding when broken: 1. UTF-8 with one byte order mark at
the start. 2. Rows end with CRLF, the last one too. 3. A cell is quoted exactly when it holds a comma, a quote or a line
break; inside, quotes are doubled. 4. No control characters but tabs and, inside quotes, line breaks; none that shows
nothing. 5. All rows are equally wide.
Rules of the content: 6. The headers are the expected ones. 7. So many rows as expected. 8. The last column is the mark
on every row. 9. No cell gives away a withheld value (`values`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice

from gateway.base.text import has_hidden
from gateway.residue.layers import Budget
from gateway.residue.model import MAX_FINDINGS, Finding, Kind, Ledger, Report, TableExpectation, unique
from gateway.residue.values import Hit, Needles

PARSER = "own strict CSV scanner"

_BOM = b"\xef\xbb\xbf"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
_CELL = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\Z)')
_NEEDS_QUOTES = re.compile(r'[",\r\n]')

Row = list[str]
Rows = Sequence[Sequence[str]]
Place = tuple[int, int]


class Malformed(Exception):
    """The table breaks a rule of the file at this place."""


def scan(data: bytes) -> list[Row]:
    """All rows, the header row first. Raises `Malformed` where rules 1 to 5 do not hold."""
    if not data.startswith(_BOM):
        raise Malformed("byte 0: no byte order mark")
    try:
        text = data[len(_BOM) :].decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"byte {error.start + len(_BOM)}: not UTF-8") from error
    if match := _CONTROL.search(text):
        raise Malformed(f"character {match.start() + 1}: a control character")
    if has_hidden(text):
        raise Malformed("the text: a character that shows nothing")
    if not text.endswith("\r\n"):
        raise Malformed("the end: the last row is not ended")
    rows = list(_rows(_lines(text[:-2])))
    width = len(rows[0])
    for number, row in enumerate(rows):
        if len(row) != width:
            raise Malformed(f"row {number}: another width than the header")
    return rows


def _lines(text: str) -> Iterator[str]:
    """Rows as text: cut at CRLF, but not inside quotes."""
    held: list[str] = []
    open_quotes = 0
    for line in text.split("\r\n"):
        if not held and '"' not in line:
            yield line
            continue
        held.append(line)
        open_quotes ^= line.count('"') & 1
        if not open_quotes:
            yield "\r\n".join(held)
            held.clear()
    if held:
        raise Malformed("the end: a quote is not closed")


def _rows(lines: Iterable[str]) -> Iterator[Row]:
    for number, line in enumerate(lines):
        if '"' in line:
            yield _quoted_row(line, number)
        elif "\n" in line or "\r" in line:
            raise Malformed(f"row {number}: a bare line break")
        else:
            yield line.split(",")


def _quoted_row(line: str, number: int) -> Row:
    cells: Row = []
    position = 0
    while True:
        match = _CELL.match(line, position)
        if match is None:
            raise Malformed(f"row {number}: a quote or line break that does not belong")
        quoted, bare, border = match.groups()
        if quoted is None:
            cells.append(bare)
        else:
            cell = quoted.replace('""', '"')
            if not _NEEDS_QUOTES.search(cell):
                raise Malformed(f"row {number}: quotes where none are needed")
            cells.append(cell)
        if not border:
            return cells
        position = match.end()


def check_table(data: bytes, expected: TableExpectation, needles: Needles) -> Report:
    """Check rules 1 to 9; whatever can still be searched after a broken rule is searched."""
    ledger = Ledger("table", (PARSER,), counts=needles.counts())
    budget = Budget()
    try:
        rows = scan(data)
    except Malformed as broken:
        ledger.note("structure", [Finding(Kind.STRUCTURE, str(broken))])
        ledger.note("values", unique(Finding(hit.kind, "the file") for hit in needles.in_bytes([data], budget)))
        return ledger.report()
    ledger.note("structure", [])
    check_rows(ledger, rows, expected, needles, budget)
    return ledger.report()


def check_rows(
    ledger: Ledger,
    rows: Rows,
    expected: TableExpectation,
    needles: Needles,
    budget: Budget,
    days: Callable[[int], Sequence[str]] | None = None,
) -> None:
    """Check rules 6 to 9 over these rows, the header row first, whatever file they stand in.

    `days` says for the rows of a column which day each cell is the serial number of, where a file counts days so.
    """
    header, body = (rows[0], rows[1:]) if rows else ([], [])
    headers_hold = ledger.note("headers", _headers(header, expected))
    ledger.note("rows", [] if len(body) == expected.rows else [Finding(Kind.ROWS, "the number of rows")])
    ledger.note("mark", islice(_marks(body, expected.mark_text), MAX_FINDINGS))
    searched, first = (body, 1) if headers_hold else (rows, 0)
    cells = list(dict.fromkeys(chain.from_iterable(searched)))
    hits = needles.in_texts(cells, budget)
    ledger.note("values", unique(_located(hits, cells, searched, first, expected)))
    ledger.note("exact-place", unique(_exact_places(body, expected, needles, days)))
    ledger.note("bounds", [Finding(Kind.BOUND, "the file")] if budget.exhausted else [])
    ledger.counts |= {"rows": len(body), "distinct_cells": len(cells)}


def _headers(header: Sequence[str], expected: TableExpectation) -> Iterator[Finding]:
    if len(header) != len(expected.headers) or len(expected.fields) != len(expected.headers) - 1:
        yield Finding(Kind.HEADERS, "the number of columns")
        return
    for number, (found, wanted) in enumerate(zip(header, expected.headers, strict=True), start=1):
        if found != wanted:
            yield Finding(Kind.HEADERS, f"column {number}")


def _marks(body: Rows, mark_text: str) -> Iterator[Finding]:
    for number, row in enumerate(body, start=1):
        if not row or row[-1] != mark_text:
            yield Finding(Kind.MARK, f"row {number}")


def _located(
    hits: Iterable[Hit], cells: list[str], rows: Rows, first: int, expected: TableExpectation
) -> Iterator[Finding]:
    """The finds with the row (0 is the header) and column where each cell stands first."""
    places: dict[str, Place] = {}
    for hit in hits:
        places = places or _places(rows, first)
        row, column = places[cells[hit.unit]]
        field_id = expected.fields[column - 1] if column <= len(expected.fields) else None
        yield Finding(hit.kind, f"row {row} column {column}", field_id)


def _places(rows: Rows, first: int) -> dict[str, Place]:
    cells: dict[str, Place] = {}
    for number, row in enumerate(rows, start=first):
        for column, cell in enumerate(row, start=1):
            if cell not in cells:
                cells[cell] = number, column
    return cells


def _exact_places(
    body: Rows, expected: TableExpectation, needles: Needles, days: Callable[[int], Sequence[str]] | None
) -> Iterator[Finding]:
    if not body or any(len(row) != len(expected.fields) + 1 for row in body):
        return
    readings = [lambda column: [row[column] for row in body], *([days] if days else [])]
    for reading in readings:
        for column, field_id in enumerate(expected.fields):
            if needles.has_exact_places(field_id):
                cells = reading(column)
                distinct = list(dict.fromkeys(cells))
                for index in needles.at_exact_place(field_id, distinct):
                    number = cells.index(distinct[index]) + 1
                    yield Finding(Kind.EXACT_PLACE, f"row {number} column {column + 1}", field_id)
