"""A document of values read again, JSON by the standard library and XML by expat, and searched value by value.

Rules of the file, each a finding when broken: 1. UTF-8 without a byte order mark; no control character but tabs and
line breaks, none that shows nothing. 2. It is byte for byte what its own meaning is written as: no blank, escape,
order or sign more than that says, nothing behind the end; in XML no document type, comment, instruction or CDATA.
3. The mark stands first (in plain text also last); beside it only values under the expected titles, and lists of
items of them; no list and no item is empty.
Rules of the content: 4. Under every title as many values as expected. 5. No value gives away a withheld one (`values`).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape

from gateway.base.text import has_hidden
from gateway.residue.layers import Budget
from gateway.residue.model import Finding, Kind, Ledger, Report, StructuredExpectation, unique
from gateway.residue.values import Needles

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
_LIST = re.compile("list [1-9][0-9]{0,5}")
_MARK = "_disclosure"
_LARGEST_EXPONENT = 40


class Malformed(Exception):
    """The document breaks a rule of the file at this place."""


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


@dataclass(slots=True)
class _Read:
    """What a document says: its mark, its values with their titles, and how that is written canonically."""

    mark: str = ""
    values: list[tuple[str, str]] = field(default_factory=list)
    written: str = ""


def check_structured(data: bytes, expected: StructuredExpectation, needles: Needles) -> Report:
    """Check rules 1 to 5; whatever can still be searched after a broken rule is searched."""
    parser, read_again = _READERS[expected.media_type]
    ledger = Ledger("structured", (parser,), counts=needles.counts())
    budget = Budget()
    try:
        found = read_again(_text(data), frozenset(expected.titles))
        _require_canonical(found, data)
    except (Malformed, RecursionError) as broken:
        place = str(broken) if isinstance(broken, Malformed) else "the file: nested too deeply"
        ledger.note("structure", [Finding(Kind.STRUCTURE, place)])
        ledger.note("values", unique(Finding(hit.kind, "the file") for hit in needles.in_bytes([data], budget)))
        return ledger.report()
    ledger.note("structure", [])
    ledger.note("mark", [] if found.mark == expected.mark_text else [Finding(Kind.MARK, "the beginning")])
    ledger.note("headers", _counted(found, expected))
    ledger.note("values", unique(_values(found, expected, needles, budget)))
    ledger.note("exact-place", unique(_exact_places(found, expected, needles)))
    ledger.note("bounds", [Finding(Kind.BOUND, "the file")] if budget.exhausted else [])
    return ledger.report()


def _require_canonical(found: _Read, data: bytes) -> None:
    if found.written.encode() != data:
        raise Malformed("the file: not written as it should be")


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"byte {error.start}: not UTF-8") from error
    if match := _CONTROL.search(text):
        raise Malformed(f"character {match.start() + 1}: a control character")
    if has_hidden(text):
        raise Malformed("the text: a character that shows nothing")
    return text


def _counted(found: _Read, expected: StructuredExpectation) -> Iterator[Finding]:
    counts = Counter(title for title, _ in found.values)
    for number, (title, wanted) in enumerate(zip(expected.titles, expected.counts, strict=True), start=1):
        if counts[title] != wanted:
            yield Finding(Kind.ROWS, f"title {number}")


def _values(found: _Read, expected: StructuredExpectation, needles: Needles, budget: Budget) -> Iterator[Finding]:
    fields = dict(zip(expected.titles, expected.fields, strict=True))
    texts = {text: (number, title) for number, (title, text) in reversed(list(enumerate(found.values, start=1)))}
    places = list(texts.values())
    for spelling in (list(texts), [_plain(text) for text in texts]):
        for hit in needles.in_texts(spelling, budget):
            number, title = places[hit.unit]
            yield Finding(hit.kind, f"value {number}", fields[title])


def _plain(text: str) -> str:
    """A number without its exponent; anything else as it is."""
    if "e" not in text.casefold() or len(text) > _LARGEST_EXPONENT:
        return text
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return f"{number:f}" if number.is_finite() and abs(number.adjusted()) <= _LARGEST_EXPONENT else text


def _exact_places(found: _Read, expected: StructuredExpectation, needles: Needles) -> Iterator[Finding]:
    for title, field_id in zip(expected.titles, expected.fields, strict=True):
        places = {text: number for number, (of, text) in enumerate(found.values, start=1) if of == title}
        numbers = list(places.values())
        for index in needles.at_exact_place(field_id, list(places)):
            yield Finding(Kind.EXACT_PLACE, f"value {numbers[index]}", field_id)


def _read_json(text: str, titles: frozenset[str]) -> _Read:
    try:
        root = json.loads(text, object_pairs_hook=tuple, parse_int=_Number, parse_float=_Number, parse_constant=_refuse)
    except ValueError as error:
        raise Malformed("the file: not JSON") from error
    if not isinstance(root, tuple) or not root or root[0][0] != _MARK or type(root[0][1]) is not str:
        raise Malformed("the root: no mark")
    read = _Read(mark=root[0][1])
    _group(root[1:], titles, read)
    read.written = f"{_json_written(root, 0)}\n"
    return read


def _refuse(_constant: str) -> None:
    raise Malformed("the file: not JSON")


def _group(members: tuple[Any, ...], titles: frozenset[str], read: _Read) -> None:
    names = [name for name, _ in members]
    if not names or len(set(names)) != len(names):
        raise Malformed("an object: empty, or a member twice")
    for name, value in members:
        if name in titles and not isinstance(value, list | tuple):
            read.values.append((name, _json_text(value)))
        elif _LIST.fullmatch(name) and isinstance(value, list) and value:
            for item in value:
                if not isinstance(item, tuple):
                    raise Malformed("a list: something beside items")
                _group(item, titles, read)
        else:
            raise Malformed(f"after value {len(read.values)}: a member that nobody named")


def _json_text(value: Any) -> str:
    return str(value) if isinstance(value, str) else {True: "true", False: "false", None: ""}[value]


def _json_written(value: Any, depth: int) -> str:
    inner, outer = "\n" + "  " * (depth + 1), "\n" + "  " * depth
    if isinstance(value, tuple):
        members = (f"{json.dumps(name, ensure_ascii=False)}: {_json_written(one, depth + 1)}" for name, one in value)
        return f"{{{inner}{f',{inner}'.join(members)}{outer}}}"
    if isinstance(value, list):
        return f"[{inner}{f',{inner}'.join(_json_written(one, depth + 1) for one in value)}{outer}]"
    return str(value) if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)


class _XmlReader:
    """Follows expat through `document`, `disclosure`, `value`, `list` and `item`, writing down what that says."""

    # What may stand inside each element.
    _INSIDE: Mapping[str, frozenset[str]] = MappingProxyType(
        {
            "": frozenset({"document"}),
            "document": frozenset({"disclosure", "value", "list"}),
            "list": frozenset({"item"}),
            "item": frozenset({"value", "list"}),
            "disclosure": frozenset(),
            "value": frozenset(),
        }
    )

    def __init__(self, titles: frozenset[str]) -> None:
        self._titles = titles
        self._open = [""]
        self._filled = [0]
        self._name = ""
        self._said = ""
        self._lines = ['<?xml version="1.0" encoding="UTF-8"?>']
        self.read = _Read()

    def through(self, text: str) -> _Read:
        """All of it, or `Malformed`."""
        parser = expat.ParserCreate("UTF-8")
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._begins, self._ends
        parser.CharacterDataHandler = self._says
        parser.StartDoctypeDeclHandler = parser.CommentHandler = _stranger
        parser.ProcessingInstructionHandler = parser.StartCdataSectionHandler = _stranger
        try:
            parser.Parse(text.encode(), True)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise Malformed("the file: not XML") from error
        self.read.written = "\n".join((*self._lines, ""))
        return self.read

    def _begins(self, name: str, attributes: dict[str, str]) -> None:
        first = self._filled == [1, 0]
        if name not in self._INSIDE[self._open[-1]] or (name == "disclosure") != first or self._said.strip():
            raise Malformed(f"after value {len(self.read.values)}: an element that does not belong there")
        known = name == "value" and attributes.get("name") in self._titles
        known |= name == "list" and _LIST.fullmatch(attributes.get("name", "")) is not None
        if (name in {"value", "list"}) != known or len(attributes) != known:
            raise Malformed(f"after value {len(self.read.values)}: a name that nobody named")
        self._name = attributes.get("name", "")
        self._filled[-1] += 1
        if name in {"document", "list", "item"}:
            attribute = f" name={_quoted(self._name)}" if known else ""
            self._lines.append(f"{self._blank()}<{name}{attribute}>")
        self._open.append(name)
        self._filled.append(0)
        self._said = ""

    def _ends(self, name: str) -> None:
        self._open.pop()
        filled = self._filled.pop()
        written = escape(self._said, {"\r": "&#13;"})
        if name == "value":
            self.read.values.append((self._name, self._said))
            self._lines.append(f"{self._blank()}<value name={_quoted(self._name)}>{written}</value>")
        elif name == "disclosure":
            self.read.mark = self._said
            self._lines.append(f"{self._blank()}<disclosure>{written}</disclosure>")
        elif self._said.strip() or not filled:
            raise Malformed(f"after value {len(self.read.values)}: text between elements, or an empty element")
        else:
            self._lines.append(f"{self._blank()}</{name}>")
        self._said = ""

    def _says(self, text: str) -> None:
        self._said += text

    def _blank(self) -> str:
        return "  " * (len(self._open) - 1)


def _quoted(name: str) -> str:
    return '"' + escape(name, {'"': "&quot;"}) + '"'


def _stranger(*_arguments: object) -> None:
    raise Malformed("the file: a document type, comment, instruction or CDATA")


def _read_xml(text: str, titles: frozenset[str]) -> _Read:
    return _XmlReader(titles).through(text)


def _read_lines(text: str, titles: frozenset[str]) -> _Read:
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or lines[0] != lines[-2]:
        raise Malformed("the file: no mark in its first and last line")
    read = _Read(mark=lines[0], written=text)
    longest_first = sorted(titles, key=lambda title: (-len(title), title))
    for number, line in enumerate(lines[1:-2], start=2):
        title = next((one for one in longest_first if line.startswith(f"{one}: ")), None)
        if title is None or "\r" in line:
            raise Malformed(f"line {number}: a title that nobody named")
        read.values.append((title, line[len(title) + 2 :]))
    return read


_READERS: Mapping[str, tuple[str, Callable[[str, frozenset[str]], _Read]]] = MappingProxyType(
    {
        "application/json": ("Python's json", _read_json),
        "application/xml": ("expat", _read_xml),
        "text/plain": ("own line reader", _read_lines),
    }
)
