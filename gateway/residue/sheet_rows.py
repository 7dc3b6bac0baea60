"""The rows of a worksheet of ours, read by one expression where they stand just as ours are written.

Either all rows fit it, or nothing is said and each element has to be walked. What fits is closed, stands at its place,
and has nothing but attributes of the grammar and characters that expat takes: with the rows cut out, the sheet is as
sound as what is left of it, as long as in that no `<` begins anything but a tag.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gateway.base.text import has_hidden

MAX_COLUMNS = 128

_BEGIN, _END, _ROW_END = b"<sheetData>", b"</sheetData>", b"</row>"
_FIRST_CELL = re.compile(rb'<c r="([A-Z]{1,3})1"')
_TALL = rb'(?: ht="(?:1[5-9]|[2-9][0-9]|[1-3][0-9]{2})" customHeight="1")?'
_CELL = (
    rb' s="([0-9]{1,3})"(?:><v>([^<>&]*)</v></c>'
    rb'| t="inlineStr"><is><t(?: xml:space="preserve")?>([^<>]*)</t></is></c>|/>)'
)
_GROUPS = 3
_BLOCK_ROWS = 4_096
_JOINT = "\x1e"
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
# Before escapes are resolved; a carriage return is read as a line feed then.
_NOT_PLAIN = re.compile("[\x00-\x08\x0b-\x1d\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_CODED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ESCAPED = re.compile(r"(?:[^&]|&(?:amp|lt|gt);)*+")

Stored = Sequence[bytes | None]
# What a style and a number show, or None where that is not clear at once.
Shown = Callable[[str, str], str | None]


class _Unclear(Exception):
    """A row or a cell that has to be looked at more closely."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The sheet without its rows; by column what the cells show, and the numbers that are stored in them or nothing."""

    rest: bytes
    texts: list[list[str]]
    numbers: list[list[str]]


def read(data: bytes, shown: Shown) -> Rows | None:
    """The rows of the sheet, all of one width, or None where they are not all just as ours are written."""
    start, end = data.find(_BEGIN) + len(_BEGIN), data.rfind(_END)
    if start < len(_BEGIN) or end < start:
        return None
    places = _FIRST_CELL.findall(data, start, max(start, data.find(_ROW_END, start)))
    if not 0 < len(places) <= MAX_COLUMNS or places != [letters(at).encode() for at in range(1, len(places) + 1)]:
        return None
    rows = Rows(data[:start] + data[end:], [[] for _ in places], [[] for _ in places])
    try:
        for block in _blocks(data, start, end, places):
            groups = list(zip(*block, strict=True))
            for at in range(len(places)):
                styles, stored, said = groups[1 + _GROUPS * at : 1 + _GROUPS * (at + 1)]
                texts, numbers = _cells(styles, stored, said, shown)
                rows.texts[at] += texts
                rows.numbers[at] += numbers
    except (_Unclear, UnicodeDecodeError):
        return None
    return rows


def _blocks(data: bytes, place: int, end: int, places: list[bytes]) -> Iterable[list[tuple[bytes | None, ...]]]:
    """The groups of so many rows at a time, in order: the number, and of each cell its style, number and text."""
    cells = b"".join(rb'<c r="' + letter + rb'\1"' + _CELL for letter in places)
    match_at = re.compile(rb'<row r="([0-9]+)"' + _TALL + b">" + cells + _ROW_END).match
    block: list[tuple[bytes | None, ...]] = []
    number = 0
    while match := match_at(data, place, end):
        number += 1
        if match[1] != b"%d" % number:
            raise _Unclear
        block.append(match.groups())
        place = match.end()
        if len(block) == _BLOCK_ROWS:
            yield block
            block = []
    if place != end:
        raise _Unclear
    if block:
        yield block


def _cells(styles: Stored, stored: Stored, said: Stored, shown: Shown) -> tuple[list[str], list[str]]:
    """What the cells of a block of one column show, and the numbers that are stored in them."""
    if None not in said:
        return _texts(said), [""] * len(said)
    pairs = list(zip(styles, stored, strict=True))
    looks = {pair: _look(*pair, shown) for pair in set(pairs)}
    numbers = [looks[pair] for pair in pairs]
    texts = _texts(said) if any(said) else None
    return [number[1] or (texts[at] if texts else "") for at, number in enumerate(numbers)], [one for one, _ in numbers]


def _look(style: bytes | None, stored: bytes | None, shown: Shown) -> tuple[str, str]:
    if stored is None or style is None:
        return "", ""
    number = stored.decode("ascii")
    text = shown(style.decode("ascii"), number)
    if not text:
        raise _Unclear
    return number, text


def _texts(said: Stored) -> list[str]:
    joined = b"\x1e".join([one or b"" for one in said]).decode()
    if _NOT_PLAIN.search(joined) or has_hidden(joined):
        raise _Unclear
    if "&" in joined:
        if not _ESCAPED.fullmatch(joined):
            raise _Unclear
        joined = joined.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    texts = joined.split(_JOINT)
    if len(texts) != len(said):
        raise _Unclear
    if "_x" in joined:
        texts = [written(text) for text in texts]
        if any(UNSEEN.search(text) or has_hidden(text) for text in texts):
            raise _Unclear
    return texts


def written(text: str) -> str:
    """A text without the escapes for what XML cannot hold."""
    return _CODED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def letters(column: int) -> str:
    """The letters of a column, counted from 1."""
    told = ""
    while column:
        column, rest = divmod(column - 1, 26)
        told = chr(65 + rest) + told
    return told
