"""One worksheet, read as a stream of proven XML. Runs only in the sandbox's child.

In XML as plain as `proven_xml` leaves it, rows and cells can be cut out by regular expressions, four times as fast as
by callbacks; what they do not cover without a gap is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NoReturn

from gateway.formats.cells import MAX_COLUMNS
from gateway.formats.grid import Grid
from gateway.formats.proven_xml import ProvenText
from gateway.formats.row_shape import MAX_COLUMNS as MAX_SHAPED
from gateway.formats.row_shape import PLAIN_NUMBER, TEXTS, Cell, Readings, RowShape, is_literal
from gateway.formats.sheet_values import NUMBER, PlainText, Values
from gateway.sandbox.task import TaskRefused

_TAIL_CHARS = 16 << 20
_PIECES = 3
_KNOWN = 1 << 16
_SHAPES = 16
_ATTRIBUTE = re.compile(r"([\w:]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_ATTRIBUTES = r"((?:\s+[\w:]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'))*)\s*"
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_ZERO_HEIGHT = re.compile(r"\szeroHeight\s*=\s*[\"'](?!(?:0|false)[\"'])")
_LEAST_HEIGHT_POINTS = 1


class Sheet:
    """Reads the cells of one sheet into a grid; `formulas` counts what was taken as its cached value."""

    def __init__(self, values: Values) -> None:
        self.formulas = 0
        self._values = values
        self._known: dict[str, str] = {}
        # The styles under which a number is shown as it stands.
        self._numeric = {None, *(str(at) for at, look in enumerate(values.looks) if look == NUMBER)}
        self._row = 0
        # How much of what is held expat has read already.
        self._proven = 0
        self._shape: RowShape | None = None
        self._shapes = 0

    def read(self, source: ProvenText, grid: Grid) -> None:
        """Add every row to `grid`. Raises `TaskRefused` with the row and column of what has no clear value."""
        self._grid, self._source = grid, source
        held = ""
        inside = False
        for piece in source.unproven():
            held += piece
            if not inside:
                source.prove(piece)
                held, inside = self._begun(held, source.prefix)
                self._proven = len(held)
            if inside:
                end = held.rfind(self._row_end)
                if end >= 0:
                    end += len(self._row_end)
                    self._rows(held[:end])
                    held, self._proven = held[end:], max(0, self._proven - end)
            if len(held) > _TAIL_CHARS:
                raise TaskRefused("part-large")
        if inside:
            rows, _, tail = held.partition(f"</{source.prefix}sheetData")
            self._rows(rows)
            source.prove(held[max(self._proven, len(rows)) :])
            self._check_tail(tail, source.prefix)
        source.end()

    def _begun(self, held: str, prefix: str) -> tuple[str, bool]:
        found = re.search(rf"<{prefix}sheetData{_ATTRIBUTES}(/?)>", held)
        if found is None or found[2]:
            return held, False
        if _ZERO_HEIGHT.search(held, 0, found.start()):
            raise TaskRefused("rows-hidden")
        self._row_end = f"</{prefix}row>"
        self._prefix = prefix
        self._row_begin = re.compile(rf"\s*<{prefix}row{_ATTRIBUTES}(/?)>")
        self._row_close = re.compile(rf"</{prefix}row\s*>\s*")
        self._places = re.compile(rf'<{prefix}c r="([A-Z]{{1,3}})([0-9]+)"')
        self._number = re.compile(rf'(?: s="([0-9]+)")?(?: t="n")?><{prefix}v>({PLAIN_NUMBER})</{prefix}v></{prefix}c>')
        self._usual = re.compile(
            r'(?: s="([0-9]+)")?(?: t="(s|n|str|b|inlineStr)")?'
            rf"(?:/>|>(?:<{prefix}v>([^<]*)</{prefix}v>|<{prefix}is><{prefix}t>([^<]*)</{prefix}t></{prefix}is>)?"
            rf"</{prefix}c>)"
        )
        self._any = re.compile(rf"\s*<{prefix}c{_ATTRIBUTES}(?:/>|>(.*?)</{prefix}c\s*>)\s*", re.DOTALL)
        self._formula = re.compile(rf"<{prefix}f(?:\s[^<>]*)?(?:/>|>[^<]*</{prefix}f\s*>)")
        self._value = re.compile(rf"<{prefix}v(?:\s[^<>]*)?(?:/>|(?<!/)>([^<]*)</{prefix}v\s*>)")
        self._inline = re.compile(rf"<{prefix}is\s*(?:/>|>(.*?)</{prefix}is\s*>)", re.DOTALL)
        self._plain = PlainText(prefix)
        return held[found.end() :], True

    def _rows(self, text: str) -> None:
        place, literal = 0, is_literal(text)
        while match := self._row_begin.match(text, place := self._shaped_rows(text, place, literal=literal)):
            begun, place, body = place, match.end(), ""
            if not match[2]:
                close = self._row_close.search(text, place)
                if close is None:
                    raise TaskRefused("xml-foreign")
                place, body = close.end(), text[place : close.start()]
            self._prove(text, begun, place)
            told = _attributes(match[1])
            number = int(told.get("r", self._row + 1))
            if number <= self._row:
                raise TaskRefused("xml-foreign")
            # A row that is passed over is a blank one.
            if number > self._row + 1:
                self._grid.add(self._row + 1, [], hidden=False)
            self._row = number
            hidden = _is_hidden(told)
            opening = "" if hidden else self._opening(match[0], number)
            self._grid.add(number, self._cells(body, number, opening), hidden=hidden)
        if text[place:].strip():
            raise TaskRefused("xml-foreign")

    def _shaped_rows(self, text: str, place: int, *, literal: bool) -> int:
        """Read rows of the known shape, which need no proof, for as long as there are any; where they end."""
        if self._shape is None or place < self._proven:
            return place
        rows, place = self._shape.rows(text, place, self._row + 1, literal=literal)
        self._grid.extend(self._row + 1, rows)
        self._row += len(rows)
        return place

    def _prove(self, text: str, start: int, end: int) -> None:
        """Have expat read on to `end`.

        What it is not shown are elements that are closed, between elements: the rest is well-formed if all of it is.
        """
        if end > self._proven:
            self._source.prove(text[max(start, self._proven) : end])

    def _opening(self, tag: str, number: int) -> str:
        """What a row's tag says behind its number, where it begins with that."""
        usual = f'<{self._prefix}row r="{number}"'
        return tag.removeprefix(usual).removesuffix(">") if tag.startswith(usual) and not tag.endswith("/>") else ""

    def _cells(self, body: str, row: int, opening: str) -> list[str]:
        """The cells of one row from the sheet's first column on."""
        shaped = self._shape.cells(body, row) if self._shape else None
        if shaped is None:
            return self._usual_cells(body, row, opening)
        if self._shape and self._shape.opening != opening and self._shapes < _SHAPES:
            self._shapes += 1
            self._shape = self._shape.opened(opening)
        return shaped

    def _usual_cells(self, body: str, row: int, opening: str) -> list[str]:
        """The same for a row that is not built like those before."""
        # One pass in C: the place of each cell, what is behind it up to the next one, and so on.
        before, *pieces = self._places.split(body)
        letters = pieces[0::_PIECES]
        if before or letters != _LETTERS[: len(letters)] or not {*pieces[1::_PIECES]} <= {str(row)}:
            return self._cells_one_by_one(body, row)
        known = self._known
        if len(known) > _KNOWN:
            known.clear()
        cells: list[str] = []
        for rest in pieces[2::_PIECES]:
            text = known.get(rest)
            if text is None and (plain := self._number.fullmatch(rest)) and plain[1] in self._numeric:
                text = plain[2]
            elif text is None:
                usual = self._usual.fullmatch(rest)
                if usual is None:
                    return self._cells_one_by_one(body, row)
                try:
                    text = known[rest] = self._values.read(*usual.groups())
                except (ValueError, IndexError, ArithmeticError) as error:
                    raise TaskRefused("cell", row=row, column=len(cells) + 1) from error
            cells.append(text)
        if self._shapes < _SHAPES and 0 < len(cells) <= MAX_SHAPED:
            self._shapes += 1
            self._shape = RowShape(self._prefix, list(map(self._shaped, letters, pieces[2::_PIECES])), opening)
        return cells

    def _shaped(self, letters: str, rest: str) -> Cell:
        ((style, sort, *_),) = self._usual.findall(rest)
        style, sort = style or None, sort or None
        if sort in TEXTS or (sort in {None, "n"} and style in self._numeric):
            return Cell(letters, style, sort, None)
        readings = Readings(lambda stored: self._values.read(style, sort, stored, None))
        return Cell(letters, style, sort, readings.__getitem__)

    def _cells_one_by_one(self, body: str, row: int) -> list[str]:
        """The same for a row with gaps, formulas, errors, or attributes in another order."""
        cells: list[str] = []
        place = 0
        while place < len(body):
            place = self._cell(body, place, row, cells)
        return cells

    def _cell(self, body: str, place: int, row: int, cells: list[str]) -> int:
        match = self._any.match(body, place)
        if match is None:
            raise TaskRefused("xml-foreign")
        told, inner = _attributes(match[1]), match[2] or ""
        reference = _REFERENCE.fullmatch(told["r"]) if "r" in told else None
        if "r" in told and reference is None:
            raise TaskRefused("xml-foreign")
        column, at = (_column(reference[1]), int(reference[2])) if reference else (len(cells) + 1, row)
        self._pad(cells, column, at, row)
        try:
            cells.append(self._read(told.get("t", "n"), told.get("s"), inner, row, column))
        except (ValueError, IndexError, ArithmeticError) as error:
            raise TaskRefused("cell", row=row, column=column) from error
        return match.end()

    def _read(self, sort: str, style: str | None, inner: str, row: int, column: int) -> str:
        if sort == "inlineStr":
            item = self._inline.search(inner)
            self._check_rest(inner, self._inline)
            return self._plain.of(item[1] or "") if item else ""
        value = self._value.search(inner)
        stored = (value[1] or "") if value else ""
        self._check_rest(inner, self._value)
        if self._formula.search(inner):
            self.formulas += 1
            if not stored and (sort != "str" or value is None):
                raise TaskRefused("formula", row=row, column=column)
        if stored and sort == "e":
            raise TaskRefused("error-value", row=row, column=column)
        return self._values.read(style, sort, stored, None)

    def _check_rest(self, inner: str, read: re.Pattern[str]) -> None:
        """Of two values in one cell, or one beside a text, nobody can say which is shown."""
        if read.sub("", self._formula.sub("", inner, count=1), count=1).strip():
            raise TaskRefused("xml-foreign")

    @staticmethod
    def _pad(cells: list[str], column: int, at: int, row: int) -> None:
        if at != row or column <= len(cells):
            raise TaskRefused("xml-foreign")
        if column > 2 * MAX_COLUMNS:
            raise TaskRefused("columns", most=MAX_COLUMNS)
        cells += [""] * (column - len(cells) - 1)

    @staticmethod
    def _check_tail(tail: str, prefix: str) -> None:
        """Merged cells show one value in several places; which cells of the table it stands for nobody can say."""
        merged = re.search(rf"<{prefix}mergeCell\s([^<]*)", tail)
        if merged:
            place = re.search(r"ref\s*=\s*[\"']([A-Z]{1,3})([1-9][0-9]{0,6})", merged[1])
            if place is None:
                raise TaskRefused("xml-foreign")
            raise TaskRefused("merged", row=int(place[2]), column=_column(place[1]))


def _is_hidden(row: Mapping[str, str]) -> bool:
    try:
        low = float(row.get("ht", _LEAST_HEIGHT_POINTS)) < _LEAST_HEIGHT_POINTS
    except ValueError as error:
        raise TaskRefused("xml-foreign") from error
    return low or row.get("hidden", "0") not in {"0", "false"}


def _attributes(text: str) -> dict[str, str]:
    # No attribute of a row or a cell needs a reference; one would hide from us what spreadsheets read.
    if "&" in text:
        raise TaskRefused("xml-foreign")
    return {name: one or other for name, one, other in _ATTRIBUTE.findall(text)} if text else {}


def _not_read() -> NoReturn:
    raise ValueError("no such type")


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _letters(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


_LETTERS = [_letters(at) for at in range(1, 2 * MAX_COLUMNS + 1)]
