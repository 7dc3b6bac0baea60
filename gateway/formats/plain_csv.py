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

_PIECE_BYTES = 1 << 20
_LARGEST_PIECE_BYTES = 16 << 20
_LF, _CR, _QUOTE = 10, 13, 34
# Bytes that no table holds stand in for what is dropped and for the quote that is kept of two.
_DROPPED, _KEPT = 2, 1
_FINISH = bytes.maketrans(bytes([_KEPT]), b'"')

Octets = NDArray[np.uint8]
Places = NDArray[np.intp]


def marked(text: bytes, delimiter: str, width: int) -> tuple[list[bytes], int] | None:
    """`text` (UTF-8) as packed rows, and how many; None where it is not plain."""
    bare = text.rstrip(b"\r\n")
    end = text.find(b"\n", len(bare)) + 1
    text = text[:end] if end else bare + b"\n"
    blocks: list[bytes] = []
    rows = 0
    for piece in _pieces(text):
        block = _marked(piece, ord(delimiter), width) if control_free(piece) else None
        if block is None:
            return None
        blocks.append(block)
        rows += block.count(RECORD.encode())
    return (blocks, rows) if blocks else None


def _pieces(text: bytes) -> Iterator[bytes]:
    """Whole rows, about a megabyte of them: cut behind a line break that stands outside quotes."""
    start, size = 0, _PIECE_BYTES
    while start < len(text):
        end = len(text) if start + size >= len(text) else text.rfind(b"\n", start, start + size) + 1
        inside = end <= start or text.count(b'"', start, end) % 2
        if inside and end < len(text) and size < _LARGEST_PIECE_BYTES:
            size *= 2
            continue
        yield text[start : max(end, start + 1)]
        start, size = max(end, start + 1), _PIECE_BYTES


def _marked(piece: bytes, delimiter: int, width: int) -> bytes | None:
    octets = np.frombuffer(piece, np.uint8)
    quotes = np.flatnonzero(octets == _QUOTE)
    kept = _kept_quotes(octets, quotes, delimiter) if piece[-1] == _LF else None
    if kept is None:
        return None
    separators = _outside(np.flatnonzero((octets == _LF) | (octets == delimiter)), quotes)
    ends = separators[width - 1 :: width]
    returns = piece.count(b"\r")
    if not _even(octets, separators, ends, width) or (returns and not _all_returned(octets, ends, returns)):
        return None
    changed = octets.copy()
    changed[separators] = ord(UNIT)
    changed[ends] = ord(RECORD)
    if not returns and not len(quotes):
        return changed.tobytes()
    changed[kept] = _KEPT
    if returns:
        changed[ends - 1] = _DROPPED
    return changed.tobytes().translate(_FINISH, bytes([_QUOTE, _DROPPED]))


def _even(octets: Octets, separators: Places, ends: Places, width: int) -> bool:
    """Whether every row has `width` cells, none past its bound: line breaks stand at the ends and nowhere else."""
    if len(separators) != len(ends) * width:
        return False
    # Only a row that is longer than the bound can hold a cell that is.
    if np.diff(ends, prepend=-1).max() > MAX_CELL_CHARS and np.diff(separators, prepend=-1).max() > MAX_CELL_CHARS:
        return False
    return bool((octets[ends] == _LF).all()) and np.count_nonzero(octets[separators] == _LF) == len(ends)


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


def _outside(separators: Places, quotes: Places) -> Places:
    """The separators that stand outside quotes."""
    first = np.searchsorted(separators, quotes[::2])
    last = np.searchsorted(separators, quotes[1::2])
    holding = first < last
    if not holding.any():
        return separators
    steps = np.zeros(len(separators) + 1, np.int8)
    np.add.at(steps, first[holding], 1)
    np.add.at(steps, last[holding], -1)
    outside: NDArray[np.bool_] = np.cumsum(steps[:-1], dtype=np.int8) == 0
    return separators[outside]
