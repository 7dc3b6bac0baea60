"""Columns taken apart into values and, for every row, the place of its value among them.

What is done to a value is then done once, however many rows show it, and a rendition's cells are not made before they
are written.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gateway.base.text import comparable
from gateway.formats.model import Case

Codes = NDArray[np.uint32]
Places = NDArray[np.int16]
Rows = NDArray[np.bool_]
NONE = -1

_SAMPLED_ROWS = 4_096


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """Values, in no promised order, and for every row the place of its value among them."""

    values: pl.Series
    codes: Codes

    @classmethod
    def of(cls, cells: pl.Series) -> Coded:
        """The column taken apart, every value once."""
        # Categories of their own: shared ones would keep every table's values for as long as the process lives.
        sort = pl.Categorical(pl.Categories.random())
        categories = cells.cast(sort)
        numbers = categories.to_physical().to_numpy()
        distinct = np.flatnonzero(np.bincount(numbers)).astype(np.uint32)
        place = np.zeros(int(distinct.max(initial=0)) + 1, np.uint32)
        place[distinct] = np.arange(len(distinct), dtype=np.uint32)
        return cls(pl.Series(distinct).cat.to(sort).cast(pl.String), place[numbers])

    @classmethod
    def whole(cls, cells: pl.Series) -> Coded:
        """The column as it stands, a value for every row."""
        return cls(cells, np.arange(cells.len(), dtype=np.uint32))

    @classmethod
    def where_repetitive(cls, cells: pl.Series) -> Coded:
        """The column taken apart where its first rows say that it has few values, else as it stands."""
        return cls.of(cells) if repetitive(cells) else cls.whole(cells)

    @classmethod
    def merged(cls, parts: Sequence[tuple[Rows, Coded]]) -> Coded:
        """One column of several: beside each the rows that are its own."""
        if len(parts) == 1:
            return parts[0][1]
        codes = np.empty(sum(len(part.codes) for _, part in parts), np.uint32)
        offset = 0
        for rows, part in parts:
            codes[rows] = part.codes + np.uint32(offset)
            offset += part.values.len()
        return cls(pl.concat([part.values for _, part in parts]), codes)

    def cells(self) -> pl.Series:
        """The column put together again."""
        return self.values.gather(self.codes)

    def missing(self) -> int | None:
        """The first row whose cell is missing."""
        if not self.values.has_nulls():
            return None
        rows = self.values.is_null().to_numpy()[self.codes]
        return int(rows.argmax()) if rows.any() else None

    def mapped(self, change: Callable[[str], str | None]) -> Coded:
        """The column with every value changed; a missing cell where `change` gives None."""
        return Coded(pl.Series([change(value) for value in self.values], dtype=pl.String), self.codes)

    def where(self, holds: Callable[[str], bool]) -> Rows:
        """For every row whether its value is one of those for which `holds`."""
        return np.fromiter(map(holds, self.values), np.bool_, self.values.len())[self.codes]


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

    def deciding(self, cases: tuple[Case, ...]) -> Places:
        """For every row the place in `cases` of the strictest one that holds, `NONE` where none does.

        The same as `model.applied` row by row, for cases that pick none.
        """
        decided = np.full(self.rows, NONE, np.int16)
        for place in sorted(range(len(cases)), key=lambda place: (-cases[place].rank, -place)):
            decided[self._holding(cases[place])] = place
        return decided

    def column(self, name: str) -> pl.Series | None:
        """The cells of the column of this name."""
        return self._columns.get(name)

    def filled(self, name: str | None) -> Rows:
        """For every row whether the column of this name shows something."""
        if name is None or name not in self._columns:
            return np.zeros(self.rows, np.bool_)
        return (self._columns[name].str.strip_chars() != "").to_numpy()

    def where(self, name: str, holds: Callable[[str], bool]) -> Rows:
        """For every row whether the value in the column of this name is one of those for which `holds`."""
        if name not in self._columns:
            return np.zeros(self.rows, np.bool_)
        if name not in self._coded:
            self._coded[name] = Coded.of(self._columns[name])
        return self._coded[name].where(holds)

    def _holding(self, case: Case) -> Rows:
        holding = np.full(self.rows, not case.rows)
        holding[[row for row in case.rows if row < self.rows]] = True
        for name, wanted in case.where:
            if name not in self._columns:
                return holding if case.withholds else np.zeros(self.rows, np.bool_)
            holding &= self.where(name, partial(_is_one_of, wanted))
        return holding


class CellsApart:
    """The raw cells of fields that have no rows in common: each is decided about alone."""

    def __init__(self, fields: Mapping[str, Cells]) -> None:
        self._fields = fields

    def of(self, field_id: str) -> Cells:
        """The cells of this field; none where it has none."""
        return self._fields.get(field_id, _NO_CELLS)


_NO_CELLS = Cells({}, 0)


def _is_one_of(wanted: Container[str], value: str) -> bool:
    return comparable(value) in wanted
