"""What every reader of tables keeps to inside the sandbox's child, and how its rows cross the wire.

Bounds, the rules for headers, and the form of an answer. Imports nothing heavy: it is loaded before the walls stand.

An answer's header is `{"columns": int, "rows": int, "source": {…}}`. Its first blob holds the headers, every other one
some whole rows in order: UTF-8, cell after cell, a NUL byte between two cells. NUL stands in no cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from gateway.base.canon import Json
from gateway.sandbox.task import Answer, TaskRefused

MAX_COLUMNS = 1_024
MAX_ROWS = 2_000_000
MAX_CELL_CHARS = 32_768
BATCH_ROWS = 4_096
SEPARATOR = "\0"
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")


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
    """Whole rows as one blob."""
    return SEPARATOR.join(chain.from_iterable(rows)).encode()


def answer(headers: Sequence[str], blocks: Sequence[bytes], rows: int, source: Mapping[str, Json]) -> Answer:
    """The answer for these packed blocks of rows; refuses a table without rows."""
    if not rows:
        raise TaskRefused("no-rows")
    return {"columns": len(headers), "rows": rows, "source": dict(source)}, [packed([headers]), *blocks]
