"""Columns as numbers, for attacks: what each cell truly is, and between which bounds its rendition leaves it.

Binary fractions are good enough here: nothing of this is shown to anybody.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from math import isfinite

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gateway.exposure.disclosure import Seen
from gateway.formats.coded import Coded, Rows
from gateway.formats.model import Op, Transform
from gateway.formats.transforms import Unreadable, day, number, step_of, text_in, texts_in

Numbers = NDArray[np.float64]

_PLAIN = r"^\s*-?\d+(\.\d+)?\s*$"
_ISO = r"^\s*\d{4}-\d{2}-\d{2}\s*$"
_MOSTLY = 0.9
_EPOCH = date(1970, 1, 1).toordinal()


def numbers(column: Seen) -> Numbers | None:
    """The true values, days as ordinals, NaN where a cell is no number; None for a column that is not of numbers."""
    cells = column.truth
    filled = int((cells.str.strip_chars() != "").sum())
    if not filled:
        return None
    head = cells.filter(cells.str.strip_chars() != "").head(50)
    if column.value_type != "date" and not _most(head, _as_number):
        return _dates(column) if _most(head, _as_day) else None
    values = _dates(column) if column.value_type == "date" else _read(cells, _PLAIN, _plain, _as_number)
    return values if np.isfinite(values).sum() >= _MOSTLY * filled else None


def is_date(column: Seen) -> bool:
    """Whether its numbers are days."""
    return column.value_type == "date" or bool(column.truth.head(50).str.contains(_ISO).any())


def bounds(column: Seen, values: Numbers) -> tuple[Numbers, Numbers]:
    """From where to where each cell may lie for somebody who sees the rendition alone.

    That no cell is negative, or that a day is a day, is taken to be known.
    """
    least = 0.0 if not (values < 0).any() else -np.inf
    low, high = np.full(len(values), least), np.full(len(values), np.inf)
    if column.shown is None:
        return low, high
    for place, case in enumerate(column.cases):
        rows = (column.decided == place) & np.isfinite(values)
        if rows.any():
            under, over = _under(case.transform, values[rows])
            low[rows], high[rows] = np.maximum(under, least), over
    return low, high


def _under(transform: Transform, values: Numbers) -> tuple[Numbers, Numbers]:
    match transform.op:
        case Op.ALLOW:
            return values, values
        case Op.ROUND:
            step = float(step_of(text_in(transform.params, "to")))
            middle = np.round(values / step) * step
            return middle - step / 2, middle + step / 2
        case Op.BUCKET:
            edges = np.array([float(Decimal(edge)) for edge in texts_in(transform.params, "edges")])
            at = edges.searchsorted(values, side="right")
            padded = np.concatenate(([-np.inf], edges, [np.inf]))
            return padded[at], padded[at + 1]
        case Op.TRUNCATE_DATE:
            spans = {value: _span(int(value), text_in(transform.params, "to")) for value in np.unique(values)}
            pairs = np.array([spans[value] for value in values])
            return pairs[:, 0], pairs[:, 1]
    return np.full(len(values), -np.inf), np.full(len(values), np.inf)


def _span(ordinal: int, period: str) -> tuple[float, float]:
    when = date.fromordinal(ordinal)
    first, last = {"year": (1, 12), "month": (when.month, when.month)}.get(
        period, (3 * ((when.month - 1) // 3) + 1, 3 * ((when.month - 1) // 3) + 3)
    )
    end = date(when.year, last, monthrange(when.year, last)[1])
    return float(date(when.year, first, 1).toordinal()), float(end.toordinal())


def _dates(column: Seen) -> Numbers:
    return _read(column.truth, _ISO, _iso, _as_day)


def _read(
    cells: pl.Series, simple: str, fast: Callable[[pl.Series], pl.Series], slow: Callable[[str], float]
) -> Numbers:
    """What is written simply is read in one go, everything else value by value."""
    plain = cells.str.contains(simple)
    values = fast(cells.set(~plain, "")).to_numpy().astype(np.float64)
    rest = (~plain & (cells.str.strip_chars() != "")).to_numpy()
    values[~plain.to_numpy()] = np.nan
    if rest.any():
        few = Coded.of(cells.filter(rest))
        values[rest] = np.array([slow(value) for value in few.values])[few.codes]
    return values


def _plain(cells: pl.Series) -> pl.Series:
    return cells.str.strip_chars().cast(pl.Float64, strict=False)


def _iso(cells: pl.Series) -> pl.Series:
    days = cells.str.strip_chars().str.to_date("%Y-%m-%d", strict=False)
    return days.cast(pl.Int32).cast(pl.Float64) + _EPOCH


def _as_number(text: str) -> float:
    try:
        return float(number(text))
    except Unreadable:
        return float("nan")


def _as_day(text: str) -> float:
    try:
        return float(day(text).toordinal())
    except Unreadable:
        return float("nan")


def _most(cells: pl.Series, read: Callable[[str], float]) -> bool:
    return 2 * sum(isfinite(read(value)) for value in cells) > cells.len()


def finite(*arrays: Numbers) -> Rows:
    """The rows in which all of these are numbers."""
    rows = np.isfinite(arrays[0])
    for one in arrays[1:]:
        rows &= np.isfinite(one)
    return rows
