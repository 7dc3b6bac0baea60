"""Columns taken apart into their distinct values and, for every row, the number of its value.

What is done to a value is then done once, however many rows show it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gateway.base.text import comparable
from gateway.formats.model import Case

Codes = NDArray[np.intp]
NONE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """Distinct values, in no promised order, and for every row the place of its value among them."""

    values: list[str]
    codes: Codes

    @classmethod
    def of(cls, cells: pl.Series) -> Coded:
        """The column taken apart."""
        # Categories of their own: shared ones would keep every table's values for as long as the process lives.
        categories = cells.cast(pl.Categorical(pl.Categories.random()))
        distinct = categories.unique()
        numbers = distinct.to_physical().to_numpy()
        place = np.zeros(int(numbers.max(initial=0)) + 1, np.intp)
        place[numbers] = np.arange(len(numbers))
        return cls(distinct.cast(pl.String).to_list(), place[categories.to_physical().to_numpy()])

    def mapped(self, change: Callable[[str], str | None]) -> pl.Series:
        """The column with every value changed; a missing cell where `change` gives None."""
        return pl.Series([change(value) for value in self.values], dtype=pl.String).gather(self.codes)

    def where(self, holds: Callable[[str], bool]) -> NDArray[np.bool_]:
        """For every row whether its value is one of those for which `holds`."""
        return np.fromiter(map(holds, self.values), np.bool_, len(self.values))[self.codes]


def deciding(cases: tuple[Case, ...], columns: Mapping[str, Coded], rows: int) -> Codes:
    """For every row the place in `cases` of the strictest one that holds, `NONE` where none does: dropped by default.

    The same as `model.applied` row by row. `columns` are the raw cells by canonical name.
    """
    decided = np.full(rows, NONE, np.intp)
    strictest_last = sorted(range(len(cases)), key=lambda place: (-cases[place].rank, -place))
    for place in strictest_last:
        decided[_holding(cases[place], columns, rows)] = place
    return decided


def asked(cases: Iterable[Case]) -> frozenset[str]:
    """The canonical names on which it depends which case holds."""
    return frozenset(name for case in cases for name, _ in case.where)


def _holding(case: Case, columns: Mapping[str, Coded], rows: int) -> NDArray[np.bool_]:
    holding = np.ones(rows, np.bool_)
    for name, wanted in case.where:
        if name not in columns:
            return holding if case.withholds else np.zeros(rows, np.bool_)
        holding &= columns[name].where(lambda value, wanted=wanted: comparable(value) in wanted)
    return holding
