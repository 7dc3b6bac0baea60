"""Exact bounds of every unknown of a system of sums: the simplex method in fractions, by Bland's rule.

For tables of a few unknown cells. Nothing is rounded, so that a bound that meets the other is a cell solved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

MOST_UNKNOWNS = 24

Equation = tuple[Mapping[int, Fraction], Fraction]
Span = tuple[Fraction, Fraction | None]


def exact_bounds(spans: Sequence[Span], equations: Sequence[Equation]) -> list[Span]:
    """The least and the greatest that each unknown can be; None where it has no greatest.

    `spans` are the bounds that hold anyway; an equation is its factors by unknown, and the sum. Where nothing fulfils
    them all the spans come back as they were.
    """
    tableau = _Tableau(spans, equations)
    if not tableau.feasible():
        return list(spans)
    found: list[Span] = []
    for at, (low, _) in enumerate(spans):
        least, most = tableau.minimum({at: Fraction(1)}), tableau.minimum({at: Fraction(-1)})
        found.append((low + (least or 0), None if most is None else low - most))
    return found


class _Tableau:
    """`y = x - low` in standard form; a row per equation, and per upper bound with its slack."""

    def __init__(self, spans: Sequence[Span], equations: Sequence[Equation]) -> None:
        self._count = len(spans)
        capped = [at for at, (_, high) in enumerate(spans) if high is not None]
        self._width = self._count + len(capped)
        rows: list[list[Fraction]] = []
        for factors, total in equations:
            row = [Fraction(0)] * self._width
            for at, factor in factors.items():
                row[at] = factor
            rows.append([*row, total - sum((factor * spans[at][0] for at, factor in factors.items()), Fraction(0))])
        for slack, at in enumerate(capped, start=self._count):
            low, high = spans[at]
            row = [Fraction(0)] * self._width
            row[at] = row[slack] = Fraction(1)
            rows.append([*row, (high or Fraction(0)) - low])
        self._rows = [[-one for one in row] if row[-1] < 0 else row for row in rows]
        self._basis: list[int] = []

    def feasible(self) -> bool:
        """Find a corner, with an artificial unknown for each row, and drop those again."""
        height = len(self._rows)
        for at, row in enumerate(self._rows):
            units = [Fraction(int(at == other)) for other in range(height)]
            self._rows[at] = [*row[:-1], *units, row[-1]]
        self._basis = list(range(self._width, self._width + height))
        cost = {at: Fraction(1) for at in self._basis}
        if self.minimum(cost) != 0:
            return False
        self._leave_artificial()
        self._rows = [[*row[: self._width], row[-1]] for row in self._rows]
        return True

    def _leave_artificial(self) -> None:
        for at in range(len(self._basis) - 1, -1, -1):
            if self._basis[at] < self._width:
                continue
            entering = next((one for one in range(self._width) if self._rows[at][one]), None)
            if entering is None:
                # The row says nothing that the others do not.
                del self._rows[at], self._basis[at]
            else:
                self._pivot(at, entering)

    def minimum(self, cost: Mapping[int, Fraction]) -> Fraction | None:
        """The least of this sum from the present corner on; None where it has none."""
        while True:
            prices = self._reduced(cost)
            entering = next((one for one, price in enumerate(prices[:-1]) if price < 0), None)
            if entering is None:
                return -prices[-1]
            ratios = [
                (row[-1] / row[entering], self._basis[at], at) for at, row in enumerate(self._rows) if row[entering] > 0
            ]
            if not ratios:
                return None
            self._pivot(min(ratios)[2], entering)

    def _reduced(self, cost: Mapping[int, Fraction]) -> list[Fraction]:
        width = len(self._rows[0]) if self._rows else self._width + 1
        prices = [cost.get(at, Fraction(0)) for at in range(width - 1)] + [Fraction(0)]
        for at, row in zip(self._basis, self._rows, strict=True):
            price = cost.get(at, Fraction(0))
            if price:
                prices = [one - price * value for one, value in zip(prices, row, strict=True)]
        return prices

    def _pivot(self, at: int, entering: int) -> None:
        factor = self._rows[at][entering]
        pivot = [one / factor for one in self._rows[at]]
        self._rows[at] = pivot
        for other, row in enumerate(self._rows):
            if other != at and row[entering]:
                times = row[entering]
                self._rows[other] = [one - times * value for one, value in zip(row, pivot, strict=True)]
        self._basis[at] = entering
