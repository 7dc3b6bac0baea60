"""Columns taken apart into their distinct values and, for every row, the number of its value.

What is done to a value is then done once, however many rows show it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gateway.base.text import comparable
from gateway.formats.model import Case

Codes = NDArray[np.intp]
NONE = -1

_SAMPLED_ROWS = 4_096


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


def repetitive(cells: pl.Series) -> bool:
    """Whether the first rows say that the column has few values: then taking it apart costs less than it saves."""
    head = cells.head(_SAMPLED_ROWS)
    return head.n_unique() * 2 <= head.len()


class Cells:
    """The raw cells of a table by the canonical names of their columns; columns without a name are left out."""

    def __init__(self, columns: Mapping[str, pl.Series], rows: int) -> None:
        self._columns = columns
        self._coded: dict[str, Coded] = {}
        self.rows = rows

    @classmethod
    def of_rows(cls, rows: Sequence[Mapping[str, str]]) -> Cells:
        """The same from rows that all have the same names."""
        names = rows[0] if rows else ()
        return cls({name: pl.Series([row[name] for row in rows], dtype=pl.String) for name in names}, len(rows))

    def of(self, _field_id: str) -> Cells:
        """The cells that decide about this field: in a table they are the same for all."""
        return self

    def deciding(self, cases: tuple[Case, ...]) -> Codes:
        """For every row the place in `cases` of the strictest one that holds, `NONE` where none does.

        The same as `model.applied` row by row.
        """
        decided = np.full(self.rows, NONE, np.intp)
        for place in sorted(range(len(cases)), key=lambda place: (-cases[place].rank, -place)):
            decided[self._holding(cases[place])] = place
        return decided

    def filled(self, name: str | None) -> NDArray[np.bool_]:
        """For every row whether the column of this name shows something."""
        if name is None or name not in self._columns:
            return np.zeros(self.rows, np.bool_)
        return (self._columns[name].str.strip_chars() != "").to_numpy()

    def _holding(self, case: Case) -> NDArray[np.bool_]:
        holding = np.ones(self.rows, np.bool_)
        for name, wanted in case.where:
            if name not in self._columns:
                return holding if case.withholds else np.zeros(self.rows, np.bool_)
            if name not in self._coded:
                self._coded[name] = Coded.of(self._columns[name])
            holding &= self._coded[name].where(partial(_is_one_of, wanted))
        return holding


class CellsApart:
    """The raw cells of fields that have no rows in common: each is decided about alone."""

    def __init__(self, fields: Mapping[str, Cells]) -> None:
        self._fields = fields

    def of(self, field_id: str) -> Cells:
        """The cells of this field; none where it has none."""
        return self._fields.get(field_id, _NO_CELLS)


_NO_CELLS = Cells({}, 0)


def _is_one_of(wanted: frozenset[str], value: str) -> bool:
    return comparable(value) in wanted
