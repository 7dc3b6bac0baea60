"""One worksheet, read as a stream of proven XML. Runs only in the sandbox's child.

Expat proves each piece well-formed before it is looked at: no document type, comment, instruction or CDATA, the main
namespace bound once, on the root. In XML so plain `<` begins nothing but a tag, so that rows and cells can be cut out
by regular expressions, four times as fast as by callbacks; what they do not cover without a gap is refused.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import NoReturn
from xml.parsers import expat

from gateway.formats.cells import MAX_COLUMNS
from gateway.formats.grid import Grid
from gateway.formats.row_shape import MAX_COLUMNS as MAX_SHAPED
from gateway.formats.row_shape import PLAIN_NUMBER, TEXTS, Cell, Readings, RowShape
from gateway.sandbox.task import TaskRefused

MAIN_NAMESPACES = frozenset(
    {
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        "http://purl.oclc.org/ooxml/spreadsheetml/main",
    }
)
NUMBER, DATE, TIME, ELAPSED, PERCENT = "number", "date", "time", "elapsed", "percent"

_SEPARATOR = "\x1f"
_LAST_SERIAL = 2_958_466
_TAIL_CHARS = 16 << 20
_PLAIN_NUMBER = re.compile(PLAIN_NUMBER)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_BOOLEANS = {"1": "TRUE", "0": "FALSE"}
_LIKE_THOUSANDS = re.compile(r"-?[1-9][0-9]{0,2}\.[0-9]{3}")
_SIGNIFICANT = 15
_PIECES = 3
_KNOWN = 1 << 16
_SHAPES = 16
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_REFERENCED = re.compile(r"&(?:#x([0-9A-Fa-f]+)|#([0-9]+)|([a-z]+));")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_ATTRIBUTE = re.compile(r"([\w:]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_ATTRIBUTES = r"((?:\s+[\w:]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'))*)\s*"
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_ZERO_HEIGHT = re.compile(r"\szeroHeight\s*=\s*[\"'](?!(?:0|false)[\"'])")
_LEAST_HEIGHT_POINTS = 1


class ProvenText:
    """The text of an XML document that expat has read without finding anything but elements and characters."""

    def __init__(self, untrusted_chunks: Iterable[bytes]) -> None:
        self._chunks = untrusted_chunks
        self.prefix = ""
        self._bound: list[str | None] = []
        self._parser = parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        parser.StartDoctypeDeclHandler = parser.CommentHandler = _refuse_foreign
        parser.ProcessingInstructionHandler = parser.StartCdataSectionHandler = _refuse_foreign
        parser.XmlDeclHandler = _declared
        parser.StartNamespaceDeclHandler = self._namespace
        parser.StartElementHandler = self._root

    def __iter__(self) -> Iterator[str]:
        """The pieces, in order. Raises `TaskRefused`."""
        decoder = codecs.getincrementaldecoder("utf-8")("strict")
        try:
            for chunk in self._chunks:
                self._parser.Parse(chunk, False)
                yield decoder.decode(chunk)
            self._parser.Parse(b"", True)
        except (expat.ExpatError, UnicodeError) as error:
            raise TaskRefused("xml") from error

    def _namespace(self, prefix: str | None, uri: str | None) -> None:
        if uri in MAIN_NAMESPACES:
            self.prefix = f"{prefix}:" if prefix else ""
            self._bound.append(prefix)
        elif prefix in self._bound:
            raise TaskRefused("xml-foreign")
        if len(self._bound) > 1:
            raise TaskRefused("xml-foreign")

    def _root(self, name: str, _attributes: object) -> None:
        if name.partition(_SEPARATOR)[0] not in MAIN_NAMESPACES:
            raise TaskRefused("xml-foreign")
        self._parser.StartElementHandler = None


def _declared(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.casefold() not in {"utf-8", "us-ascii"}:
        raise TaskRefused("xml-foreign")


def _refuse_foreign(*_arguments: object) -> NoReturn:
    raise TaskRefused("xml-foreign")


class PlainText:
    """What a reader sees of a string item: its text or its runs, without phonetic guides."""

    def __init__(self, prefix: str) -> None:
        self._guides = re.compile(rf"<{prefix}rPh(?:\s[^<]*)?(?<!/)>.*?</{prefix}rPh\s*>", re.DOTALL)
        self._texts = re.compile(rf"<{prefix}t(?:\s[^<>]*)?>([^<]*)</{prefix}t\s*>")

    def of(self, item: str) -> str:
        """The plain text of the XML inside `si` or `is`."""
        if "rPh" in item:
            item = self._guides.sub("", item)
        return written("".join(self._texts.findall(item)))


def written(text: str) -> str:
    """XML characters as the text that they stand for; line ends as one line feed."""
    if "&" in text:
        text = _REFERENCED.sub(_referenced, text)
    if "_x" in text:
        text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _referenced(match: re.Match[str]) -> str:
    """The character that a reference of XML stands for; those of HTML stand for others from 128 to 159."""
    if match[3]:
        return _ENTITIES[match[3]]
    return chr(int(match[1], 16) if match[1] else int(match[2]))


@dataclass(frozen=True, slots=True)
class Values:
    """How cells of this workbook become text: shared strings, what each style's numbers are, the day zero."""

    strings: Sequence[str]
    looks: Sequence[str]
    epoch: datetime

    def read(self, style: str | None, sort: str | None, stored: str | None, inline: str | None) -> str:
        """The text of a cell by its style, its type, and its value or its text. Raises `ValueError` or `IndexError`."""
        if (inline is not None) != (sort == "inlineStr") and (inline or stored):
            _not_read()
        if not (inline or stored):
            return ""
        match sort:
            case "s":
                return self.strings[_index(stored or "")]
            case None | "n":
                return self.number(stored or "", style)
            case "b" if stored in _BOOLEANS:
                return _BOOLEANS[stored]
            case "d" | "str" | "inlineStr":
                return written(inline or stored or "").removesuffix("T00:00:00" if sort == "d" else "")
        return _not_read()

    def number(self, stored: str, style: str | None) -> str:
        """The number, day, time or percentage that a cell of this style shows, without its rounding to the look."""
        look = self.looks[_index(style)] if style else NUMBER
        if look.startswith(NUMBER):
            shown = stored if _PLAIN_NUMBER.fullmatch(stored) else one_meaning(shortest(stored))
            return shown + look.removeprefix(NUMBER)
        if look == PERCENT:
            return percent(stored)
        return self._moment(float(shortest(stored)), look)

    def _moment(self, serial: float, look: str) -> str:
        if not 0 <= serial < _LAST_SERIAL:
            raise ValueError("no such day")
        if look == ELAPSED:
            minutes, seconds = divmod(round(serial * 86_400), 60)
            return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
        # Until its day 60, the 29th of February 1900 that never was, the older date system is one day behind.
        behind = self.epoch.year < 1900 and 1 <= serial < 60
        moment = self.epoch + timedelta(days=behind, milliseconds=round(serial * 86_400_000))
        moment += timedelta(microseconds=500_000 if moment.microsecond >= 999_000 else 0)
        if look == TIME and serial < 1:
            return moment.strftime("%H:%M:%S")
        return moment.date().isoformat() if moment.time() == datetime.min.time() else f"{moment:%Y-%m-%dT%H:%M:%S}"


def shortest(stored: str) -> str:
    """Decimal text of at most 15 significant digits: what spreadsheets show for 77.34999999999999 is 77.35."""
    if not _NUMBER.fullmatch(stored):
        raise ValueError("not a number")
    value = float(stored)
    if not isfinite(value):
        raise ValueError("too large")
    text = f"{value:.{_SIGNIFICANT}g}"
    return text if text.lstrip("-").isdecimal() and text != "-0" else _plain(Decimal(text))


def one_meaning(number: str) -> str:
    """A number that nobody takes for thousands: `1.234` is written `1.2340`."""
    return f"{number}0" if _LIKE_THOUSANDS.fullmatch(number) else number


def percent(stored: str) -> str:
    """A share as it is shown: 0.153 is `15.3%`."""
    return f"{_plain(Decimal(shortest(stored)) * 100)}%"


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


class Sheet:
    """Reads the cells of one sheet into a grid; `formulas` counts what was taken as its cached value."""

    def __init__(self, values: Values) -> None:
        self.formulas = 0
        self._values = values
        self._known: dict[str, str] = {}
        # The styles under which a number is shown as it stands.
        self._numeric = {None, *(str(at) for at, look in enumerate(values.looks) if look == NUMBER)}
        self._row = 0
        self._shape: RowShape | None = None
        self._shapes = 0

    def read(self, source: ProvenText, grid: Grid) -> None:
        """Add every row to `grid`. Raises `TaskRefused` with the row and column of what has no clear value."""
        self._grid = grid
        held = ""
        inside = False
        for piece in source:
            held += piece
            if not inside:
                held, inside = self._begun(held, source.prefix)
            if inside:
                end = held.rfind(self._row_end)
                if end >= 0:
                    end += len(self._row_end)
                    self._rows(held[:end])
                    held = held[end:]
            if len(held) > _TAIL_CHARS:
                raise TaskRefused("part-large")
        if inside:
            rows, _, tail = held.partition(f"</{source.prefix}sheetData")
            self._rows(rows)
            self._check_tail(tail, source.prefix)

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
        place = 0
        while match := self._row_begin.match(text, place):
            place, body = match.end(), ""
            if not match[2]:
                close = self._row_close.search(text, place)
                if close is None:
                    raise TaskRefused("xml-foreign")
                place, body = close.end(), text[place : close.start()]
            told = _attributes(match[1])
            number = int(told.get("r", self._row + 1))
            if number <= self._row:
                raise TaskRefused("xml-foreign")
            # A row that is passed over is a blank one.
            if number > self._row + 1:
                self._grid.add(self._row + 1, [], hidden=False)
            self._row = number
            self._grid.add(number, self._cells(body, number), hidden=_is_hidden(told))
        if text[place:].strip():
            raise TaskRefused("xml-foreign")

    def _cells(self, body: str, row: int) -> list[str]:
        """The cells of one row from the sheet's first column on."""
        shaped = self._shape.cells(body, row) if self._shape else None
        return self._usual_cells(body, row) if shaped is None else shaped

    def _usual_cells(self, body: str, row: int) -> list[str]:
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
            self._shape = RowShape(self._prefix, list(map(self._shaped, letters, pieces[2::_PIECES])))
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


def _index(stored: str) -> int:
    """The place in a list that a cell names. Raises `ValueError` for what only this language takes for a number."""
    if not (stored.isascii() and stored.isdigit()):
        raise ValueError("not a place")
    return int(stored)


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
