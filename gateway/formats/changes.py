"""Whole columns changed at once: the same outcome as `transforms` cell by cell, which stays the reference.

Numbers written plainly (`-1234.5`) are compared and rounded as whole numbers of billionths, exactly; masks are cut by
column. Everything else is done once per distinct value by the reference itself.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gateway.formats.coded import Coded, Codes
from gateway.formats.model import Op, Transform
from gateway.formats.transforms import (
    MASK,
    Unreadable,
    changer,
    currency,
    intervals,
    kept_by,
    multiple,
    step_of,
    text_in,
    texts_in,
)

# Three digits behind up to three others are the reference's to judge: a thousand, or a fraction?
_PLAIN = r"^-?(?:[0-9]{1,9}(?:\.(?:[0-9]{1,2}|[0-9]{4,9}))?|[0-9]{4,9}\.[0-9]{3})$"
_PLACES = 9
_BILLION = 10**_PLACES
_LARGEST = 1 << 61


def changed(transform: Transform, value_type: str, cells: pl.Series) -> Coded:
    """`cells` under `transform`; blank ones empty, a missing cell where one is unreadable. Raises `ValueError`.

    Not for pseudonyms, nor for what withholds.
    """
    change = changer(transform, value_type)
    match transform.op:
        case Op.ALLOW if value_type not in {"decimal", "integer", "date"}:
            return Coded.whole(cells.str.strip_chars())
        case Op.ALLOW if value_type != "date":
            return _by_plainness(cells, change, Coded.whole, amounts=False)
        case Op.MASK:
            return _masked(cells.str.strip_chars(), kept_by(transform.params))
        case Op.BUCKET:
            return _by_plainness(cells, change, _interval(transform))
        case Op.ROUND:
            return _by_plainness(cells, change, _rounded(transform))
    return _by_value(cells, change)


def _by_value(cells: pl.Series, change: Callable[[str], str], *, amounts: bool = False) -> Coded:
    # Amounts in two currencies cannot be compared: those that are not in the alphabetically first are unreadable.
    seen = min(filter(None, map(currency, cells)), default=None) if amounts else None

    def one(value: str) -> str | None:
        if amounts and currency(value) not in {None, seen}:
            return None
        try:
            return change(value) if value.strip() else ""
        except Unreadable:
            return None

    return Coded.of(cells).mapped(one)


def _by_plainness(
    cells: pl.Series,
    change: Callable[[str], str],
    fast: Callable[[pl.Series], Coded] | None,
    *,
    amounts: bool = True,
) -> Coded:
    if fast is None:
        return _by_value(cells, change, amounts=amounts)
    plain = cells.str.contains(_PLAIN)
    if plain.all():
        return fast(cells)
    others = _by_value(cells.filter(~plain), change, amounts=amounts)
    rows = plain.to_numpy()
    return Coded.merged([(rows, fast(cells.filter(plain))), (~rows, others)])


def _scaled(plain: pl.Series) -> NDArray[np.int64]:
    """Plain numbers in billionths."""
    return plain.cast(pl.Decimal(2 * _PLACES, _PLACES)).to_physical().cast(pl.Int64).to_numpy()


def _billionths(value: Decimal) -> int | None:
    scaled = value * _BILLION
    return int(scaled) if scaled == scaled.to_integral_value() and abs(scaled) < _LARGEST else None


def _interval(transform: Transform) -> Callable[[pl.Series], Coded] | None:
    bounds, labels = intervals(texts_in(transform.params, "edges"), text_in(transform.params, "unit"))
    scaled = [_billionths(bound) for bound in bounds]
    if None in scaled:
        return None
    edges, names = np.array(scaled, np.int64), pl.Series(labels)
    return lambda plain: Coded(names, np.searchsorted(edges, _scaled(plain), side="right").astype(np.uint32))


def _rounded(transform: Transform) -> Callable[[pl.Series], Coded] | None:
    step, unit = step_of(text_in(transform.params, "to")), text_in(transform.params, "unit")
    width = _billionths(step)
    if width is None:
        return None

    def rounded(plain: pl.Series) -> Coded:
        steps, rest = np.divmod(_scaled(plain), width)
        # Half way between two multiples the even one is taken.
        steps += (2 * rest > width) | ((2 * rest == width) & (steps % 2 == 1))
        distinct, codes = _ranked(steps)
        names = pl.Series([multiple(Decimal(one), step, unit) for one in distinct.tolist()], dtype=pl.String)
        return Coded(names, codes)

    return rounded


def _ranked(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], Codes]:
    """The distinct numbers in ascending order, and for every number its place among them."""
    low = int(numbers.min(initial=0))
    if int(numbers.max(initial=0)) - low > len(numbers):
        distinct, codes = np.unique(numbers, return_inverse=True)
        return distinct, codes.astype(np.uint32)
    offsets = numbers - low
    there = np.bincount(offsets) > 0
    return np.flatnonzero(there) + low, (np.cumsum(there, dtype=np.uint32) - np.uint32(1))[offsets]


def _masked(cells: pl.Series, keep: int) -> Coded:
    tails = Coded.where_repetitive(cells.str.tail(keep))
    masked, blank = tails.values.len(), tails.values.len() + 1
    shown = pl.select(pl.concat_str(pl.lit(MASK), tails.values)).to_series()
    lengths = cells.str.len_chars().to_numpy()
    codes = np.where(lengths >= 2 * keep, tails.codes, np.uint32(masked))
    codes[lengths == 0] = blank
    return Coded(pl.concat([shown, pl.Series([MASK, ""])]), codes)
