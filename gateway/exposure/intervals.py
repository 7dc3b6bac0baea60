"""What solves back: the bounds of every number of a table, drawn together until nothing moves any more.

Each relation between the numbers of a row, and each total row of a column, gives for each of its cells bounds from the
bounds of the others. These are the bounds that a recipient reaches by arithmetic; where a table is small enough,
`simplex` makes them exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gateway.exposure.numbers import Numbers
from gateway.exposure.relations import Linear, Product

_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Total:
    """In `column` the cell of `row` is the sum of those of `parts`."""

    column: int
    row: int
    parts: np.ndarray[tuple[int], np.dtype[np.intp]]


@dataclass(slots=True, eq=False)
class Bounds:
    """Between what each cell lies: a row of `low` and `high` per column."""

    low: Numbers
    high: Numbers

    def narrow(self, linear: Sequence[Linear], products: Sequence[Product], totals: Sequence[Total]) -> None:
        """Draw them together by everything that is known."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            for _ in range(_ROUNDS):
                for relation in linear:
                    self._linear(relation)
                for product in products:
                    self._product(product)
                for total in totals:
                    self._total(total)

    def _set(self, column: int, rows: np.ndarray[tuple[int], np.dtype[np.bool_]], low: Numbers, high: Numbers) -> None:
        # What cannot be said bounds nothing.
        self.low[column, rows] = np.fmax(self.low[column, rows], np.where(np.isnan(low), -np.inf, low))
        self.high[column, rows] = np.fmin(self.high[column, rows], np.where(np.isnan(high), np.inf, high))

    def _linear(self, relation: Linear) -> None:
        rows = relation.rows
        for column, weight in relation.terms:
            low = np.full(int(rows.sum()), relation.constant)
            high = low.copy()
            for other, factor in relation.terms:
                if other != column:
                    ends = factor * self.low[other, rows], factor * self.high[other, rows]
                    low -= np.maximum(*ends)
                    high -= np.minimum(*ends)
            ends = low / weight, high / weight
            self._set(column, rows, np.minimum(*ends), np.maximum(*ends))

    def _product(self, product: Product) -> None:
        rows = product.rows & (self.low[[product.one, product.other, product.result]] >= 0).all(axis=0)
        # Added to zero no bound is minus zero, by which infinity would turn its sign.
        one, other, result = (
            (self.low[at, rows] + 0.0, self.high[at, rows]) for at in (product.one, product.other, product.result)
        )
        self._set(product.result, rows, one[0] * other[0], one[1] * other[1])
        self._set(product.one, rows, result[0] / other[1], result[1] / other[0])
        self._set(product.other, rows, result[0] / one[1], result[1] / one[0])

    def _total(self, total: Total) -> None:
        at, parts = total.column, total.parts
        low, high = self.low[at, parts], self.high[at, parts]
        whole = self.low[at, total.row], self.high[at, total.row]
        self.low[at, total.row] = max(whole[0], low.sum())
        self.high[at, total.row] = min(whole[1], high.sum())
        # With one part unbounded the others say something of it alone.
        upper, lower = _others(high), _others(low)
        self.low[at, parts] = np.fmax(low, whole[0] - upper)
        self.high[at, parts] = np.fmin(high, whole[1] - lower)


def _others(values: Numbers) -> Numbers:
    """For each the sum of all others."""
    unbounded = ~np.isfinite(values)
    rest = np.where(unbounded, 0, values)
    sums = rest.sum() - rest
    endless = values[unbounded][0] if unbounded.any() else 0.0
    return np.where(unbounded.sum() - unbounded > 0, endless, sums)


def totals(column: int, values: Numbers, labelled: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[Total]:
    """The row of a column that is the sum of all others; `labelled` are the rows that call themselves a total.

    Without such a word the sum must be of so many rows that it is none by chance.
    """
    rows = np.flatnonzero(np.isfinite(values))
    if len(rows) < 3:
        return []
    whole = values[rows].sum()
    halves = rows[np.abs(2 * values[rows] - whole) <= 1e-9 * max(1.0, abs(whole))]
    sums = [row for row in halves if values[row] and (labelled[row] or len(rows) >= 8)]
    return [Total(column, int(row), rows[rows != row]) for row in sums[:1]]
