"""A new CSV file: RFC 4180 in UTF-8 with a byte order mark (without it Excel shows Chinese as rubbish), CRLF."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl

from gateway.formats.coded import Coded
from gateway.formats.table import OutTable

MEDIA_TYPE = "text/csv"

_NEEDS_QUOTES = r'[",\r\n]'
_BLOCK_ROWS = 1 << 16
_THREADS = 2
# What a processor's cache holds: neighbours with fewer values together are written as one column.
_FEW = 1 << 13


def written(out: OutTable) -> bytes:
    """The file's bytes, quotes only where needed; the same for the same table."""
    head = _lines(_quoted(pl.Series([title])) for title in out.titles)
    columns = _joined(Coded(_quoted(column.values), column.codes) for column in out.columns)

    def lines(start: int) -> memoryview:
        rows = out.order[start : start + _BLOCK_ROWS]
        return _lines(column.values.gather(column.codes[rows]) for column in columns)

    with ThreadPoolExecutor(_THREADS) as threads:
        blocks = threads.map(lines, range(0, len(out.order), _BLOCK_ROWS))
        return b"".join((codecs.BOM_UTF8, head, *blocks))


def _joined(columns: Iterable[Coded]) -> list[Coded]:
    """The same cells in fewer columns: neighbours of few values are one, whose values are their lines."""
    joined: list[Coded] = []
    for column in columns:
        before = joined[-1] if joined else column
        if joined and before.values.len() * column.values.len() <= _FEW:
            joined[-1] = _product(before, column)
        else:
            joined.append(column)
    return joined


def _product(one: Coded, other: Coded) -> Coded:
    width = other.values.len()
    values = pl.concat_str(
        one.values.gather(np.repeat(np.arange(one.values.len()), width)),
        other.values.gather(np.tile(np.arange(width), one.values.len())),
        separator=",",
    )
    return Coded(pl.select(values).to_series(), one.codes * np.uint32(width) + other.codes)


def _quoted(cells: pl.Series) -> pl.Series:
    needing = cells.str.contains(_NEEDS_QUOTES)
    if not needing.any():
        return cells
    quoted = pl.concat_str(pl.lit('"'), cells.str.replace_all('"', '""', literal=True), pl.lit('"'))
    return pl.select(pl.when(needing).then(quoted).otherwise(cells)).to_series()


def _lines(columns: Iterable[pl.Series]) -> memoryview:
    """The rows of these cells as lines with their ends; the cells are quoted where they need it."""
    frame = pl.DataFrame([cells.alias(str(place)) for place, cells in enumerate(columns)])
    lines = io.BytesIO()
    frame.write_csv(lines, include_header=False, quote_style="never", line_terminator="\r\n")
    return lines.getbuffer()
