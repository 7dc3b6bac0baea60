"""The numbers and days that cells of a workbook hold, where a text has just one such meaning. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import polars as pl

from gateway.formats.coded import Coded
from gateway.formats.columns import CellKind
from gateway.formats.transforms import Unreadable, currency, day, number

_EPOCH = date(1899, 12, 30)
_FIRST_DAY = date(1900, 3, 1)
_DIGITS = 15
# What has one meaning at first sight, neither a thousand nor a negative zero; all else is read with care.
_USUAL_NUMBER = r"^(?:0|0\.[0-9]*[1-9]|-?[1-9](?:[0-9]*|[0-9]{0,2}\.(?:[0-9]{1,2}|[0-9]{4,})|[0-9]{3,}\.[0-9]+))$"
# The same where its last decimal is none that says nothing.
_SHORTEST_NUMBER = (
    r"^(?:0|-?(?:0\.[0-9]*[1-9]|[1-9](?:[0-9]*|[0-9]{0,2}\.[0-9]?[1-9]|[0-9]{0,2}\.[0-9]{3,}[1-9]"
    r"|[0-9]{3,}\.[0-9]*[1-9])))$"
)
# What a reader writes with one more zero, so that nobody takes it for thousands.
_LIKE_THOUSANDS = r"^-?[1-9][0-9]{0,2}\.[0-9]{3}$"
_USUAL_DAY = r"^(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}$"
# The first of January 1970, as spreadsheets count days.
_UNIX_DAY = 25_569


def spelled(kind: CellKind, cells: pl.Series) -> bool:
    """Whether a workbook's own numbers, days and texts say just how every one of these cells is written."""
    if kind in {CellKind.DECIMAL, CellKind.INTEGER}:
        found = numbers(cells)
        apart = found.str.contains(_LIKE_THOUSANDS)
        back = pl.select(pl.concat_str(found, pl.when(apart).then(pl.lit("0")).otherwise(pl.lit("")))).to_series()
    elif kind is CellKind.DATE:
        found = days(cells)
        back = (found.cast(pl.Int32) - _UNIX_DAY).cast(pl.Date).dt.to_string("%Y-%m-%d")
    else:
        return kind is CellKind.TEXT
    return bool((found.is_null() | (back == cells)).all())


def no_numbers(cells: pl.Series) -> pl.Series:
    """As many cells that hold nothing."""
    return pl.repeat(None, cells.len(), dtype=pl.String, eager=True)


def numbers(cells: pl.Series) -> pl.Series:
    """The cells as numbers of at most 15 digits, where they have one meaning."""
    short = cells.str.len_bytes() <= _DIGITS
    if (short & cells.str.contains(_SHORTEST_NUMBER)).all():
        return cells
    usual = cells.str.contains(_USUAL_NUMBER) & short
    fraction = cells.str.contains(".", literal=True)
    bare = cells.zip_with(~fraction, cells.str.strip_chars_end("0").str.strip_chars_end("."))
    return completed(cells, bare.zip_with(usual, no_numbers(cells)), _as_number)


def days(cells: pl.Series) -> pl.Series:
    """The cells as serial numbers of days, where they are bare days that every spreadsheet counts alike."""
    usual = cells.zip_with(cells.str.contains(_USUAL_DAY), no_numbers(cells))
    dates = usual.str.to_date("%Y-%m-%d", strict=False)
    counted = ((dates - _EPOCH).dt.total_days()).cast(pl.String)
    return completed(cells, counted.zip_with(dates >= _FIRST_DAY, no_numbers(cells)), _as_day)


def completed(cells: pl.Series, quick: pl.Series, read: Callable[[str], str | None]) -> pl.Series:
    """`quick` where it says something, elsewhere what `read` makes of the cell, once for each distinct one."""
    missing = quick.is_null()
    if not missing.any():
        return quick
    rare = Coded.of(cells.filter(missing)).mapped(read)
    rows = missing.to_numpy()
    return Coded.merged([(rows, rare), (~rows, Coded.whole(quick.filter(~missing)))]).cells()


def _as_number(cell: str) -> str | None:
    """The cell as a number of at most 15 digits, where it has one meaning; an amount keeps its currency, as text."""
    if currency(cell) is not None:
        return None
    try:
        value = number(cell)
    except Unreadable:
        return None
    digits = f"{value.normalize():f}" if value else "0"
    return digits if sum(map(str.isdigit, digits)) <= _DIGITS else None


def _as_day(cell: str) -> str | None:
    try:
        when = day(cell)
    except Unreadable:
        return None
    return str((when - _EPOCH).days) if when >= _FIRST_DAY and ":" not in cell else None
