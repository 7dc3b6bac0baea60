"""Sums that others give away: a linear audit over the cells of an aggregate (Chin and Özsoyoğlu), by row reduction.

Every released sum is over some rows; rows that are in all the same sums are one atom. An atom that a combination of
the sums isolates is known exactly, and must not be of too few entities. Modulo a prime, so that nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_PRIME = (1 << 31) - 1
MOST_SUMS = 2_000


@dataclass(frozen=True, slots=True)
class Isolated:
    """A sum that follows from the released ones: over these rows, of so many entities."""

    rows: tuple[int, ...]
    entities: int


def isolated(sums: Sequence[Sequence[int]], entities: Sequence[Hashable], fewest: int) -> Iterator[Isolated]:
    """Every atom whose sum can be computed, of fewer than `fewest` entities.

    `sums` are the rows that each released sum is over; `entities` says whose every row is. Raises `ValueError` for more
    sums than can be looked at.
    """
    if len(sums) > MOST_SUMS:
        raise ValueError("too many sums to audit")
    atoms = _atoms(sums)
    system = np.zeros((len(sums), len(atoms)), np.int64)
    for at, (members, _) in enumerate(atoms):
        system[list(members), at] = 1
    reduced, pivots = _reduced(system)
    for row, pivot in zip(reduced, pivots, strict=True):
        rows = atoms[pivot][1]
        if np.count_nonzero(row) == 1 and (whose := len({entities[one] for one in rows})) < fewest:
            yield Isolated(tuple(rows), whose)


def _atoms(sums: Sequence[Sequence[int]]) -> list[tuple[tuple[int, ...], list[int]]]:
    """The rows in any sum, grouped by the sums that they are in."""
    within: dict[int, list[int]] = {}
    for number, rows in enumerate(sums):
        for row in set(rows):
            within.setdefault(row, []).append(number)
    atoms: dict[tuple[int, ...], list[int]] = {}
    for row in sorted(within):
        atoms.setdefault(tuple(within[row]), []).append(row)
    return list(atoms.items())


def _reduced(system: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[int]]:
    """The reduced row echelon form, and the column of each row's leading one."""
    system, rank, pivots = system % _PRIME, 0, []
    for column in range(system.shape[1]):
        if rank == len(system):
            break
        candidates = np.flatnonzero(system[rank:, column])
        if not len(candidates):
            continue
        at = rank + int(candidates[0])
        system[[rank, at]] = system[[at, rank]]
        system[rank] = system[rank] * pow(int(system[rank, column]), -1, _PRIME) % _PRIME
        others = np.flatnonzero(system[:, column])
        others = others[others != rank]
        # Factor and row stay below 2³¹, their product below 2⁶².
        system[others] = (system[others] - system[others, column][:, None] * system[rank][None, :] % _PRIME) % _PRIME
        pivots.append(column)
        rank += 1
    return system[:rank], pivots
