"""What can be worked out: numbers that are withheld or made coarse and that arithmetic gives back all the same.

1. The relations between the numbers of the original are found (`relations`, `intervals.totals`). 2. What the rendition
shows bounds every cell. 3. The bounds are drawn together by all relations; in a small table exactly. 4. A cell that
comes out narrower than its own form says, and narrower than the protection, is worked out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from gateway.exposure.disclosure import Disclosure, Seen
from gateway.exposure.findings import Found, few, share
from gateway.exposure.intervals import Bounds, Total, totals
from gateway.exposure.numbers import Numbers, bounds, is_date, numbers
from gateway.exposure.relations import Linear, Product, linear, products
from gateway.exposure.simplex import MOST_UNKNOWNS, Equation, exact_bounds
from gateway.policy.risk import Risk

# What a row calls itself that is the sum of others.
_TOTAL = (
    "total", "totals", "grand total", "subtotal", "sum", "summe", "gesamt", "gesamtsumme", "insgesamt", "zwischensumme",
    "合计", "总计", "小计", "总和", "合計", "総計", "小計",
)  # fmt: skip
_YEAR_DAYS = 365
_TINY = 1e-9
_MOST_ADVISED = 2_000
_DENOMINATOR = 10**6

Rows = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True, eq=False)
class _System:
    """The numbers of a table, what hangs together among them, and what a recipient knows of them."""

    columns: tuple[Seen, ...]
    values: Numbers
    own: Bounds
    linear: tuple[Linear, ...]
    products: tuple[Product, ...]
    totals: tuple[Total, ...]

    def narrowed(self, hidden: Sequence[tuple[int, int]] = ()) -> Bounds:
        """The bounds drawn together, were these cells (column, row) withheld as well."""
        found = Bounds(self.own.low.copy(), self.own.high.copy())
        for cell in hidden:
            found.low[cell], found.high[cell] = min(0.0, self.values[cell]), np.inf
        found.narrow(self.linear, self.products, self.totals)
        _make_exact(self, found)
        return found

    def solved(self, found: Bounds, column: int, protection: float) -> Rows:
        """The rows in which this column's cell is worked out."""
        own = self.own.high[column] - self.own.low[column]
        width = found.high[column] - found.low[column]
        if is_date(self.columns[column]):
            needed = np.full(len(width), protection * _YEAR_DAYS)
        else:
            needed = protection * np.abs(self.values[column])
        size = np.maximum(1.0, np.abs(self.values[column]))
        with np.errstate(invalid="ignore"):
            narrower = (width < own - _TINY * size) & (width <= np.maximum(needed, _TINY * size))
            solved: Rows = narrower & np.isfinite(self.values[column])
        return solved


def reconstruct(seen: Disclosure, risk: Risk) -> Iterator[Found]:
    """Every column of which cells are worked out."""
    system = _system(seen)
    if system is None:
        return
    found, protection = system.narrowed(), float(risk.limits.protection)
    for at, column in enumerate(system.columns):
        rows = np.flatnonzero(system.solved(found, at, protection))
        if len(rows):
            yield Found(
                "protection", risk.limits.protection, share(len(rows) / seen.rows), (column.title,),
                f"What is withheld or made coarse in {column.title} can be worked out from what else is shown.",
                few(rows[:5]), _advice(system, at, int(rows[0]), protection),
            )  # fmt: skip


def _system(seen: Disclosure) -> _System | None:
    pairs = [(one, values) for one in seen.columns if (values := numbers(one)) is not None]
    if all(one.as_it_is for one, _ in pairs) or seen.rows < 2:
        return None
    columns = tuple(one for one, _ in pairs)
    each = [values for _, values in pairs]
    spans = [bounds(one, values) for one, values in pairs]
    labelled = _labelled(seen)
    # A total row is no row like the others.
    rest = [np.where(labelled, np.nan, values) for values in each]
    system = _System(
        columns=columns,
        values=np.array(each),
        own=Bounds(np.array([low for low, _ in spans]), np.array([high for _, high in spans])),
        linear=tuple(_everywhere(one, each) for one in linear(rest, [one.as_it_is for one in columns])),
        products=tuple(products(rest)),
        totals=tuple(
            total
            for at, values in enumerate(each)
            if not is_date(columns[at])
            for total in totals(at, values, labelled)
        ),
    )
    return system if system.linear or system.products or system.totals else None


def _everywhere(found: Linear, values: Sequence[Numbers]) -> Linear:
    """The relation in every row in which it holds, total rows among them."""
    left = sum((weight * values[at] for at, weight in found.terms), np.zeros(len(values[0]))) - found.constant
    size = sum((np.abs(weight * values[at]) for at, weight in found.terms), np.ones(len(values[0])))
    return Linear(found.terms, found.constant, found.rows | (np.abs(left) <= 1e-7 * size))


def _labelled(seen: Disclosure) -> Rows:
    """The rows that call themselves a total."""
    rows = np.zeros(seen.rows, np.bool_)
    for one in seen.columns:
        rows |= one.truth.str.strip_chars(" :\u3000").str.to_lowercase().is_in(_TOTAL).to_numpy()
    return rows if rows.sum() <= max(1, seen.rows // 3) else np.zeros(seen.rows, np.bool_)


def _make_exact(system: _System, found: Bounds) -> None:
    """Exact bounds for the cells of a table of few unknown ones."""
    low, high = found.low, found.high
    unknown = {(int(at), int(row)): number for number, (at, row) in enumerate(_unknown(system, low, high))}
    if (
        not 0 < len(unknown) <= MOST_UNKNOWNS
        or not system.totals
        or not np.isfinite([low[one] for one in unknown]).all()
    ):
        return
    spans = [(_fraction(low[one]), None if np.isinf(high[one]) else _fraction(high[one])) for one in unknown]
    equations = [equation for equation in _equations(system, unknown) if equation[0]]
    for cell, (least, most) in zip(unknown, exact_bounds(spans, equations), strict=True):
        low[cell] = max(low[cell], float(least))
        high[cell] = min(high[cell], np.inf if most is None else float(most))


def _unknown(system: _System, low: Numbers, high: Numbers) -> list[tuple[int, int]]:
    open_cells = np.argwhere(np.isfinite(system.values) & (high - low > _TINY))
    if len(open_cells) > MOST_UNKNOWNS:
        return []
    return [(int(at), int(row)) for at, row in open_cells]


def _equations(system: _System, unknown: dict[tuple[int, int], int]) -> Iterator[Equation]:
    sums = [
        ([((at, int(row)), weight) for at, weight in one.terms], one.constant)
        for one in system.linear
        for row in np.flatnonzero(one.rows)
        if any((at, int(row)) in unknown for at, _ in one.terms)
    ]
    for one in system.totals:
        parts = [((one.column, int(row)), -1.0) for row in one.parts]
        sums.append(([((one.column, one.row), 1.0), *parts], 0.0))
    for terms, constant in sums:
        factors = {unknown[cell]: _fraction(weight) for cell, weight in terms if cell in unknown}
        # The sum is taken from what is true, so that no rounding makes it unfulfillable.
        total = sum(
            (_fraction(weight) * _fraction(system.values[cell]) for cell, weight in terms if cell in unknown),
            Fraction(0),
        )
        del constant
        yield factors, total


def _fraction(value: float) -> Fraction:
    return Fraction(value).limit_denominator(_DENOMINATOR)


def _advice(system: _System, column: int, row: int, protection: float) -> str:
    """What withholding as well would protect this cell: complementary suppression, the smallest cells first."""
    others = sorted({at for one in system.linear if column in dict(one.terms) for at, _ in one.terms} - {column})
    if others:
        names = " or ".join(system.columns[at].title for at in others)
        return f"Withhold {names} as well, or show this in wider bands."
    if system.values.size > _MOST_ADVISED:
        return "Withhold the total as well."
    hidden: list[tuple[int, int]] = []
    total = next((one for one in system.totals if one.column == column), None)
    parts = [] if total is None else sorted(map(int, total.parts), key=lambda part: abs(system.values[column, part]))
    for part in parts:
        if part == row or not system.values[column, part]:
            continue
        hidden.append((column, part))
        if not system.solved(system.narrowed(hidden), column, protection)[row]:
            rows = ", ".join(str(one + 2) for _, one in hidden)
            return f"Withhold {system.columns[column].title} in the rows {rows} as well, or the total."
    return "Withhold the total as well."
