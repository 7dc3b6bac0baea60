"""Numbers as multiples of a base: the row of the base period is 100, and the number that it stands for never leaves.

Exact arithmetic, rounded once, half to even; the reference for it is a page of schoolbook decimals in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

import numpy as np
import polars as pl

from gateway.base.canon import Json
from gateway.base.text import comparable
from gateway.formats.coded import Cells, Coded, Rows
from gateway.formats.keyed import normalised
from gateway.formats.transforms import Unreadable, currency, multiple, number, step_of, text_in

_WHOLE = 100

Key = tuple[str, ...]


def indexed(params: Mapping[str, Json], name: str, table: Cells, rows: Rows) -> Coded:
    """The index of every one of `rows` of the column `name`; blank ones empty, a missing cell where there is none.

    There is one where both the cell and its base are numbers of one currency, the base is more than zero, and exactly
    one row of the same `by` has the `base` period. Raises `ValueError` on bad parameters.
    """
    raw, over = _cells(table, name), _cells(table, text_in(params, "over"))
    by = params.get("by")
    owners = [_cells(table, str(field)) for field in by] if isinstance(by, list | tuple) else []
    step, wanted = step_of(text_in(params, "to")), comparable(text_in(params, "base"))
    keys = list(zip(*([normalised(cell) for cell in cells] for cells in owners), strict=True)) or [()] * len(raw)
    bases: dict[Key, list[str]] = {}
    for key, period, cell in zip(keys, over, raw, strict=True):
        if comparable(period) == wanted:
            bases.setdefault(key, []).append(cell)
    shown = [_index(raw[row], bases.get(keys[row], []), step) for row in np.flatnonzero(rows).tolist()]
    return Coded.whole(pl.Series(shown, dtype=pl.String))


def _cells(table: Cells, name: str) -> list[str]:
    cells = table.column(name)
    if cells is None:
        raise ValueError("an index needs a column that is not there")
    return cells.to_list()


def _index(cell: str, bases: list[str], step: Decimal) -> str | None:
    if not cell.strip():
        return ""
    try:
        if len(bases) != 1 or currency(cell) != currency(bases[0]):
            return None
        value, base = number(cell), number(bases[0])
    except Unreadable:
        return None
    if base <= 0:
        return None
    steps = Fraction(value) * _WHOLE / Fraction(base) / Fraction(step)
    return multiple(Decimal(round(steps)), step, "")
