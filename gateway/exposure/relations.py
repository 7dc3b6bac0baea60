"""How the numbers of a row hang together: what a recipient who knows the trade will guess, found in the original.

Linear: a column is a fixed sum of multiples of others, or of one and a constant (a total of parts, a number in two
units, a day some days after another). Products: a column is that of two others (quantity, price, value). A relation
counts when it holds in nearly every row and there are more rows than it could fit by chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from gateway.exposure.numbers import Numbers, finite

_SAMPLE = 400
_SPARE_ROWS = 4
_DISTINCT = 4
_HOLDS = 0.95
_EXACT = 1e-7
_CENT = 0.0051
_MOST_PRODUCTS = 14


@dataclass(frozen=True, slots=True)
class Linear:
    """`sum(weight · column) = constant`, in these rows."""

    terms: tuple[tuple[int, float], ...]
    constant: float
    rows: np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Product:
    """`columns[one] · columns[other] = columns[result]`, to the cent, in these rows."""

    one: int
    other: int
    result: int
    rows: np.ndarray[tuple[int], np.dtype[np.bool_]]


def linear(columns: Sequence[Numbers], known: Sequence[bool]) -> Iterator[Linear]:
    """Every column that follows from better known ones; `known` says which leave as they are.

    Columns are taken in one by one, the known first: one that the earlier ones span gives a relation, any other joins
    them.
    """
    usable = [at for at, one in enumerate(columns) if len(np.unique(one[np.isfinite(one)])) >= _DISTINCT]
    taken: list[int] = []
    for at in sorted(usable, key=lambda at: not known[at]):
        found = _spanned(columns, taken, at)
        if found is None:
            taken.append(at)
        else:
            yield found


def _spanned(columns: Sequence[Numbers], taken: list[int], at: int) -> Linear | None:
    """Column `at` as a sum of few of those taken in: of one, of two, at last of all together."""
    whole = _fitted(columns, taken, at) if taken else None
    enough = finite(columns[at], *(columns[one] for one in taken)).sum() >= len(taken) + 1 + _SPARE_ROWS
    if whole is None and enough:
        # What all together do not give, no few of them do.
        return None
    for basis in (*([one] for one in taken), *map(list, combinations(taken, 2))):
        if found := _fitted(columns, basis, at):
            return found
    return whole


def _fitted(columns: Sequence[Numbers], basis: Sequence[int], at: int) -> Linear | None:
    rows = np.flatnonzero(finite(columns[at], *(columns[one] for one in basis)))
    if len(rows) < len(basis) + 1 + _SPARE_ROWS:
        return None
    sample = rows[np.linspace(0, len(rows) - 1, min(_SAMPLE, len(rows))).astype(np.intp)]
    system = np.column_stack([np.ones(len(sample)), *(columns[one][sample] for one in basis)])
    scale = np.abs(system).max(axis=0)
    scale[scale == 0] = 1
    wanted = columns[at][sample]
    solution = np.linalg.lstsq(system / scale, wanted, rcond=1e-12)[0] / scale
    size = np.abs(system * solution).max() + np.abs(wanted).max()
    if (np.abs(system @ solution - wanted) > _EXACT * size).mean() > 1 - _HOLDS:
        return None
    weights = [(one, -float(w)) for one, w in zip(basis, solution[1:], strict=True) if abs(w) > _EXACT]
    if not weights:
        return None
    holds = np.zeros(len(columns[at]), np.bool_)
    value = columns[at][rows] - solution[0] + sum(columns[one][rows] * w for one, w in weights)
    holds[rows] = np.abs(value) <= _EXACT * size
    if holds.sum() < _HOLDS * len(rows):
        return None
    return Linear(((at, 1.0), *weights), float(solution[0]) if abs(solution[0]) > _EXACT * size else 0.0, holds)


def products(columns: Sequence[Numbers]) -> Iterator[Product]:
    """Every column that is the product of two others."""
    usable = [at for at, one in enumerate(columns) if len(np.unique(one[np.isfinite(one)])) >= _DISTINCT]
    for one, other in combinations(usable[:_MOST_PRODUCTS], 2):
        for result in usable[:_MOST_PRODUCTS]:
            if result not in {one, other} and (found := _product(columns, one, other, result)):
                yield found


def _product(columns: Sequence[Numbers], one: int, other: int, result: int) -> Product | None:
    rows = np.flatnonzero(finite(columns[one], columns[other], columns[result]))
    if len(rows) <= _SPARE_ROWS:
        return None
    for some in (rows[:: max(1, len(rows) // _SAMPLE)], rows):
        made, said = columns[one][some] * columns[other][some], columns[result][some]
        close = np.abs(made - said) <= np.maximum(_CENT, _EXACT * np.abs(said))
        if close.sum() < _HOLDS * len(some) or not said.any():
            return None
    holds = np.zeros(len(columns[result]), np.bool_)
    holds[rows[close]] = True
    return Product(one, other, result, holds)
