"""A new CSV file: RFC 4180 in UTF-8 with a byte order mark (without it Excel shows Chinese as rubbish), CRLF."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

import polars as pl

from gateway.formats.table import OutTable

MEDIA_TYPE = "text/csv"

_NEEDS_QUOTES = r'[",\r\n]'
_NEED_QUOTES = (b'"', b",", b"\r", b"\n")
_BLOCK_ROWS = 1 << 16


def written(out: OutTable) -> bytes:
    """The file's bytes, quotes only where needed; the same for the same table."""
    titles = [pl.Series([title]) for title in out.titles]
    return b"".join((codecs.BOM_UTF8, *_lines(titles), *_lines(out.columns)))


def _quoted(cells: pl.Series) -> pl.Series:
    # One search through the joined cells is several times faster than one search in each.
    joined = cells.str.join("\0").cast(pl.Binary).item()
    if not any(sign in joined for sign in _NEED_QUOTES):
        return cells
    needing = cells.str.contains(_NEEDS_QUOTES)
    quoted = pl.concat_str(pl.lit('"'), cells.str.replace_all('"', '""', literal=True), pl.lit('"'))
    return pl.select(pl.when(needing).then(quoted).otherwise(cells)).to_series()


def _lines(columns: Iterable[pl.Series]) -> Iterator[bytes]:
    frame = pl.DataFrame([_quoted(cells).alias(str(place)) for place, cells in enumerate(columns)])
    for rows in frame.iter_slices(_BLOCK_ROWS):
        lines = rows.select(pl.concat_str(pl.all(), separator=",").str.join("\r\n").cast(pl.Binary))
        yield bytes(lines.item()) + b"\r\n"
