"""Plain separated tables, marked up at the speed of memory. Runs only in the sandbox's child.

Most tables are plain: quotes stand around whole cells and carriage returns before line breaks. Where one is not, the
careful reader (`parse_csv`) decides, row by row.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gateway.formats.cells import MAX_CELL_CHARS, RECORD, UNIT, low_bytes

_PIECE_BYTES = 1 << 18
_LARGEST_PIECE_BYTES = 16 << 20
_LF, _CR, _QUOTE, _UNIT, _RECORD = b'\n\r"' + UNIT.encode() + RECORD.encode()
# No table holds it, so that it stands in for a quote that is kept while the others are taken out.
_STAND_IN = b"\x01"
_RESERVED = (UNIT.encode(), RECORD.encode(), _STAND_IN)

Octets = NDArray[np.uint8]
Places = NDArray[np.intp]


class NotPlain(Exception):
    """The table has to be read row by row."""


def packed_pieces(text: bytes, delimiter: str, *, last: bool = True) -> Iterator[bytes]:
    """The packed rows of `text` (UTF-8), a piece at a time, even or not. Raises `NotPlain`.

    Only the `last` part of a table may end in blank rows, or without a line break.
    """
    if last:
        bare = text.rstrip(b"\r\n")
        end = text.find(b"\n", len(bare)) + 1
        text = text[:end] if end else bare + b"\n"
    if any(sign in text for sign in _RESERVED):
        raise NotPlain
    for octets, quotes in _pieces(text):
        yield _packed(octets, quotes, ord(delimiter))


def even_rows(packed: bytes, width: int) -> int:
    """How many rows these are. Raises `NotPlain` unless each has `width` cells, none of which a reader would refuse."""
    octets = np.frombuffer(packed, np.uint8)
    separators = np.flatnonzero((octets == _UNIT) | (octets == _RECORD))
    ends = separators[width - 1 :: width]
    counts = low_bytes(packed, also=(_RECORD, _UNIT))
    if counts != (len(ends), len(ends) * (width - 1)) or not (octets[ends] == _RECORD).all():
        raise NotPlain
    if np.diff(separators, prepend=-1).max() > MAX_CELL_CHARS:
        raise NotPlain
    return len(ends)


def _pieces(text: bytes) -> Iterator[tuple[Octets, Places]]:
    """Whole rows, as many as a processor's cache holds, and where their quotes are: cut behind a line break outside."""
    start, size, until = 0, _PIECE_BYTES, len(text)
    while start < until:
        end = until if start + size >= until else text.rfind(b"\n", start, start + size) + 1
        octets = np.frombuffer(text, np.uint8, max(end - start, 1), start)
        quotes = np.flatnonzero(octets == _QUOTE)
        inside = end <= start or len(quotes) % 2
        if inside and end < until and size < _LARGEST_PIECE_BYTES:
            size *= 2
            continue
        yield octets, quotes
        start, size = start + len(octets), _PIECE_BYTES


def _packed(octets: Octets, quotes: Places, delimiter: int) -> bytes:
    """The piece as packed rows."""
    kept = _kept_quotes(octets, quotes, delimiter) if octets[-1] == _LF else None
    if kept is None:
        raise NotPlain
    changed = octets.copy()
    for sign, mark in ((delimiter, _UNIT), (_LF, _RECORD)):
        changed ^= (octets == sign).view(np.uint8) * np.uint8(sign ^ mark)
    if len(quotes):
        inside = _inside(quotes)
        changed[inside] = octets[inside]
        changed[kept] = ord(_STAND_IN)
    packed = changed.tobytes()
    if b"\r" in packed:
        packed = packed.replace(b"\r" + RECORD.encode(), RECORD.encode())
        if b"\r" in packed:
            raise NotPlain
    if len(quotes):
        packed = packed.replace(b'"', b"")
    return packed.replace(_STAND_IN, b'"') if len(kept) else packed


def _kept_quotes(octets: Octets, quotes: Places, delimiter: int) -> Places | None:
    """The second of every two quotes inside a cell, or None where a quote stands where none belongs.

    Counted from 0, even quotes open and odd ones close: an even one follows a border or its odd neighbour (then the
    two mean one), an odd one is followed by a border or its even neighbour.
    """
    if len(quotes) % 2:
        return None
    opening, closing = quotes[::2], quotes[1::2]
    doubled = np.zeros(len(opening) + 1, np.bool_)
    doubled[1:-1] = opening[1:] == closing[:-1] + 1
    before = octets[np.maximum(opening - 1, 0)]
    begins = (opening == 0) | (before == delimiter) | (before == _LF) | doubled[:-1]
    after = octets[closing + 1]
    ended = (after == delimiter) | (after == _LF) | (after == _CR) | doubled[1:]
    return opening[doubled[:-1]] if begins.all() and ended.all() else None


def _inside(quotes: Places) -> Places:
    """The places inside quotes, the opening ones with them."""
    opening, lengths = quotes[::2], quotes[1::2] - quotes[::2]
    ends = np.cumsum(lengths)
    places: Places = np.arange(ends[-1]) + np.repeat(opening - ends + lengths, lengths)
    return places
