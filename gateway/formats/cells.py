"""What every reader of tables keeps to inside the sandbox's child, and how its rows cross the wire.

Bounds, the rules for headers, and the form of an answer. Imports nothing heavy: it is loaded before the walls stand.

An answer's header is `{"columns": int, "rows": int, "source": {…}}`. Its first blob holds the row of headers, the
second all other rows, in UTF-8: a unit separator (U+001F) between two cells, a record separator (U+001E) behind every
row. No cell holds either, so that there is nothing to quote and whoever splits the text finds the same cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from gateway.base.canon import Json
from gateway.sandbox.task import Answer, TaskRefused

MAX_COLUMNS = 1_024
MAX_ROWS = 2_000_000
MAX_CELL_CHARS = 32_768
# How much of a separated table says how it is delimited.
PROBED_BYTES = 1 << 20
BATCH_ROWS = 4_096
UNIT, RECORD = "\x1f", "\x1e"
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")

_PIECE_BYTES = 1 << 18
_BLANKS = (9, 10, 13)
_SEPARATORS = (b"\xe2\x80\xa8", b"\xe2\x80\xa9")


def checked_headers(row: Sequence[str]) -> list[str]:
    """The header row trimmed: no control characters, none empty, none twice whatever its case, not too many."""
    if len(row) > MAX_COLUMNS:
        raise TaskRefused("columns", most=MAX_COLUMNS)
    headers = [cell.strip() for cell in row]
    seen: dict[str, int] = {}
    for number, header in enumerate(headers, 1):
        if CONTROL.search(header):
            raise TaskRefused("control", row=1)
        if not header:
            raise TaskRefused("header-empty", column=number)
        first = seen.setdefault(header.casefold(), number)
        if first != number:
            raise TaskRefused("header-twice", first=first, second=number)
    return headers


def packed(rows: Iterable[Sequence[str]]) -> bytes:
    """Whole rows as they cross the wire."""
    return "".join([UNIT.join(row) + RECORD for row in rows]).encode()


def answer(headers: Sequence[str], blocks: Sequence[bytes], rows: int, source: Mapping[str, Json]) -> Answer:
    """The answer for these packed blocks of rows; refuses a table without rows and one with too many."""
    if not rows:
        raise TaskRefused("no-rows")
    if rows > MAX_ROWS:
        raise TaskRefused("rows", most=MAX_ROWS)
    return {"columns": len(headers), "rows": rows, "source": dict(source)}, [packed([headers]), b"".join(blocks)]


def control_free(untrusted: bytes) -> bool:
    """Whether UTF-8 holds no character of `CONTROL`; tabs and line breaks are none."""
    return low_bytes(untrusted) is not None


def low_bytes(untrusted: bytes, also: tuple[int, ...] = ()) -> tuple[int, ...] | None:
    """How often each of the bytes `also` stands in UTF-8 without any other character of `CONTROL`; None if it has one.

    Works piece by piece, so that what is looked at stays in the processor's cache.
    """
    counts = [0] * len(also)
    for start in range(0, len(untrusted), _PIECE_BYTES):
        octets = np.frombuffer(untrusted, np.uint8, min(_PIECE_BYTES, len(untrusted) - start), start)
        found = [int(np.count_nonzero(octets == code)) for code in also]
        low = int(np.count_nonzero(octets < 32)) - sum(found)
        if low and low != sum(int(np.count_nonzero(octets == code)) for code in _BLANKS):
            return None
        if untrusted.find(b"\x7f", start, start + _PIECE_BYTES) >= 0 or not _wide_control_free(
            untrusted, start, start + _PIECE_BYTES + 2
        ):
            return None
        counts = [one + more for one, more in zip(counts, found, strict=True)]
    return tuple(counts)


def _wide_control_free(untrusted: bytes, start: int, end: int) -> bool:
    # Its caller's pieces overlap by two bytes, so that no character is cut.
    if untrusted.find(b"\xc2", start, end) >= 0:
        octets = np.frombuffer(untrusted, np.uint8, min(end, len(untrusted)) - start, start)
        leads = np.flatnonzero(octets[:-1] == 0xC2)
        if (octets[leads + 1] < 0xA0).any():
            return False
    rare = untrusted.find(b"\xe2", start, end)
    return rare < 0 or all(untrusted.find(mark, rare, end) < 0 for mark in _SEPARATORS)
