"""Plain separated tables, marked up at the speed of memory. Runs only in the sandbox's child.

Most tables are plain: quotes stand around whole cells, every row is as wide as the header, line breaks are all alike.
That is proven here piece by piece over positions of separators and quotes; where it cannot be, `marked` says None and
the careful reader (`parse_csv`) decides, row by row.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gateway.formats.cells import MAX_CELL_CHARS, RECORD, UNIT, control_free

_PIECE_BYTES = 1 << 18
_LARGEST_PIECE_BYTES = 16 << 20
_TAB, _LF, _CR, _QUOTE = b'\t\n\r"'
# Bytes that no table holds stand in for what is kept inside of quotes, while everything else is translated.
_KEPT = {ord(sign): code for code, sign in enumerate(',;\t|\n\r"', 1)}
_STAND_INS = np.zeros(256, np.uint8)
_STAND_INS[list(_KEPT)] = list(_KEPT.values())

Octets = NDArray[np.uint8]
Places = NDArray[np.intp]


def marked(text: bytes, delimiter: str, width: int, *, last: bool = True) -> tuple[list[bytes], int] | None:
    """`text` (UTF-8) as packed rows, and how many; None where it is not plain.

    Only the `last` part of a table may end in blank rows, or without a line break.
    """
    end = len(text)
    if last:
        bare = len(text.rstrip(b"\r\n"))
        end = text.find(b"\n", bare) + 1
        if not end:
            text, end = text[:bare] + b"\n", bare + 1
    signs = _translation(delimiter)
    blocks: list[bytes] = []
    rows = 0
    for piece in _pieces(text, end):
        found = _marked(piece, ord(delimiter), width, signs) if control_free(piece) else None
        if found is None:
            return None
        blocks.append(found[0])
        rows += found[1]
    return (blocks, rows) if blocks else None


def _translation(delimiter: str) -> bytes:
    """Separators as they cross the wire, and stand-ins as what they stand for."""
    signs = bytearray(range(256))
    signs[ord(delimiter)], signs[_LF] = ord(UNIT), ord(RECORD)
    for sign, stand_in in _KEPT.items():
        signs[stand_in] = sign
    return bytes(signs)


def _pieces(text: bytes, until: int) -> Iterator[bytes]:
    """Whole rows, as many as a processor's cache holds: cut behind a line break that stands outside quotes."""
    start, size = 0, _PIECE_BYTES
    while start < until:
        end = until if start + size >= until else text.rfind(b"\n", start, start + size) + 1
        inside = end <= start or text.count(b'"', start, end) % 2
        if inside and end < until and size < _LARGEST_PIECE_BYTES:
            size *= 2
            continue
        yield text[start : max(end, start + 1)]
        start, size = max(end, start + 1), _PIECE_BYTES


def _marked(piece: bytes, delimiter: int, width: int, signs: bytes) -> tuple[bytes, int] | None:
    """The piece as packed rows, and how many."""
    octets = np.frombuffer(piece, np.uint8)
    quotes = np.flatnonzero(octets == _QUOTE)
    kept = _kept_quotes(octets, quotes, delimiter) if piece[-1] == _LF else None
    if kept is None:
        return None
    line_breaks = octets == _LF
    separators = np.flatnonzero(line_breaks | (octets == delimiter))
    inside = _inside(separators, quotes)
    held = separators[inside]
    separators = np.delete(separators, inside) if len(inside) else separators
    ends = separators[width - 1 :: width]
    if np.count_nonzero(line_breaks) != len(ends) + np.count_nonzero(octets[held] == _LF):
        return None
    returns = piece.count(b"\r")
    if not _even(octets, separators, ends, width) or (returns and not _all_returned(octets, ends, returns)):
        return None
    changed = bytearray(piece)
    places = np.concatenate([kept, held])
    np.frombuffer(changed, np.uint8)[places] = _STAND_INS[octets[places]]
    return bytes(changed.translate(signs, b'"\r')), len(ends)


def _even(octets: Octets, separators: Places, ends: Places, width: int) -> bool:
    """Whether every row has `width` cells, none past its bound: the ends are line breaks."""
    if len(separators) != len(ends) * width:
        return False
    # Only a row that is longer than the bound can hold a cell that is.
    if np.diff(ends, prepend=-1).max() > MAX_CELL_CHARS and np.diff(separators, prepend=-1).max() > MAX_CELL_CHARS:
        return False
    return bool((octets[ends] == _LF).all())


def _all_returned(octets: Octets, ends: Places, returns: int) -> bool:
    """Whether the carriage returns stand before the line breaks at the ends, all of them and nothing but them."""
    return returns == len(ends) and ends[0] > 0 and bool((octets[ends - 1] == _CR).all())


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


def _inside(separators: Places, quotes: Places) -> Places:
    """Which of the separators stand inside quotes."""
    first = np.searchsorted(separators, quotes[::2])
    last = np.searchsorted(separators, quotes[1::2])
    holding = first < last
    first, counts = first[holding], (last - first)[holding]
    starts = np.cumsum(counts) - counts
    return np.repeat(first - starts, counts) + np.arange(counts.sum())
