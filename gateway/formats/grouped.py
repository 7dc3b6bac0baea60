"""Rows that leave as groups: those that read alike become one, and numbers become sums, means or counts of it.

1. Rows belong together whose leaving cells, as the rendition shows them, are the same. 2. A group with fewer than `k`
different contributors does not leave, and with it whatever only it would have shown. 3. In one that leaves an
aggregate is withheld where fewer than `k` contribute to this very column, where one gives more than the share
`dominance` of it, where all of it is nothing, or where a stricter rule takes out one of its cells. 4. There are no
totals, so that nothing withheld is the rest of anything. Values that belong to nobody count as one contributor's and
never towards `k`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import numpy as np
import polars as pl

from gateway.formats.coded import Cells, Coded, Rows
from gateway.formats.columns import WITHHELD, CellKind, Column, OutColumn, Redactions, rendered
from gateway.formats.keyed import normalised
from gateway.formats.model import Case, Grouping, Op
from gateway.formats.problems import CellUnreadable, NothingNamed, PlanUnfit
from gateway.formats.transforms import Unreadable, amount, currency, multiple, step_of, text_in

_PRECISION = 60
_HOW = frozenset({"sum", "mean", "count"})


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """The columns of a grouped rendition, how many groups leave, and for every row of the original whether its does."""

    columns: list[OutColumn]
    count: int
    leaving: Rows


def grouped(columns: list[Column], grouping: Grouping, secret: bytes, digest: bytes, redactions: Redactions) -> Grouped:
    """The groups of a table. Raises `NothingNamed` where none is large enough, `CellUnreadable`, `PlanUnfit`."""
    rows = columns[0].cells.len() if columns else 0
    table = Cells({column.instruction.name: column.cells for column in columns}, rows)
    summed = [column for column in columns if _aggregate(column) is not None]
    if not {grouping.entity, *grouping.by} <= {column.instruction.name for column in columns}:
        raise PlanUnfit(
            "The original lacks a column by which its rows are grouped, or that says whose they are; complete it, or "
            "answer which column it is."
        )
    others = [column for column in columns if _aggregate(column) is None]
    kept = rendered(others, secret, digest, redactions, table=table)
    if not {column.title for column in kept} <= {one.instruction.title for one in others if _is_key(one, grouping)}:
        raise PlanUnfit("A column that is not grouped by would leave row by row; have the policy withhold it.")
    entities = [normalised(cell) for cell in _raw(table, grouping.entity)]
    groups = [group for group in _groups(kept, rows) if len(_named(entities, group)) >= grouping.k]
    if not groups:
        raise NothingNamed(
            f"No group of this table has {grouping.k} contributors; group more coarsely, or leave the table out of the "
            "release."
        )
    firsts = np.array([group[0] for group in groups], np.intp)
    out = [OutColumn(one.title, one.kind, Coded(one.cells.values, one.cells.codes[firsts])) for one in kept]
    out += [_Summed(column, grouping, table, entities, redactions).out(groups) for column in summed]
    leaving = np.zeros(rows, np.bool_)
    leaving[np.concatenate([np.array(group, np.intp) for group in groups])] = True
    order = {column.instruction.title: place for place, column in enumerate(columns)}
    return Grouped(sorted(out, key=lambda one: order[one.title]), len(groups), leaving)


def _aggregate(column: Column) -> int | None:
    """The place of the case that aggregates the column."""
    cases = column.instruction.cases
    return next((place for place, case in enumerate(cases) if case.transform.op is Op.AGGREGATE), None)


def _is_key(column: Column, grouping: Grouping) -> bool:
    return column.instruction.name in grouping.by


def _raw(table: Cells, name: str) -> list[str]:
    cells = table.column(name)
    return cells.to_list() if cells is not None else []


def _groups(kept: Sequence[OutColumn], rows: int) -> list[list[int]]:
    """Rows that are shown alike, in the order in which each group comes first."""
    keys = zip(*(column.cells.cells().to_list() for column in kept), strict=True) if kept else [()] * rows
    found: dict[tuple[str, ...], list[int]] = {}
    for row, key in enumerate(keys):
        found.setdefault(tuple(key), []).append(row)
    return list(found.values())


def _named(entities: Sequence[str], group: Sequence[int]) -> frozenset[str]:
    return frozenset(entities[row] for row in group) - {""}


class _Summed:
    """One column whose numbers leave only as those of groups."""

    def __init__(
        self, column: Column, grouping: Grouping, table: Cells, entities: list[str], redactions: Redactions
    ) -> None:
        place = _aggregate(column)
        cases = column.instruction.cases
        self._title = column.instruction.title
        self._grouping, self._entities, self._redactions = grouping, entities, redactions
        self._case: Case = cases[place or 0]
        self._raw = column.cells.to_list()
        self._taken_out = (table.deciding(cases) != place).tolist()
        params = self._case.transform.params
        try:
            self._how, self._step = text_in(params, "how"), step_of(text_in(params, "to"))
            self._unit = text_in(params, "unit")
        except (ValueError, ArithmeticError) as error:
            raise self._unfit() from error
        if self._how not in _HOW:
            raise self._unfit()
        self._currency = next(filter(None, map(currency, self._raw)), None) if self._how != "count" else None

    def _unfit(self) -> PlanUnfit:
        return PlanUnfit(f"The rule {self._case.rule} has parameters that cannot be carried out; correct the policy.")

    def out(self, groups: Sequence[Sequence[int]]) -> OutColumn:
        """The column, a cell for every group."""
        withheld = f"{WITHHELD}: {self._case.code}]"
        shown = [self._shown(group) for group in groups]
        self._redactions.add(self._case.rule, len(shown))
        cells = pl.Series([withheld if one is None else one for one in shown], dtype=pl.String)
        return OutColumn(self._title, CellKind.DECIMAL, Coded.of(cells))

    def _shown(self, group: Sequence[int]) -> str | None:
        """The aggregate of one group, or None where it would say something of one contributor or of few."""
        if any(self._taken_out[row] for row in group):
            return None
        parts = list(self._parts(group))
        shares: dict[str, Decimal] = {}
        with localcontext(prec=_PRECISION):
            for entity, value in parts:
                shares[entity] = shares.get(entity, Decimal(0)) + abs(value)
            all_of_it = sum(shares.values(), Decimal(0))
            few = len(shares.keys() - {""}) < self._grouping.k
            if few or not all_of_it or max(shares.values()) > self._grouping.dominance * all_of_it:
                return None
            total = sum((value for _, value in parts), Decimal(0))
            number = total / len(parts) if self._how == "mean" else total
            steps = (number / self._step).quantize(Decimal(1), ROUND_HALF_EVEN)
        return multiple(steps, self._step, "")

    def _parts(self, group: Sequence[int]) -> Iterator[tuple[str, Decimal]]:
        """Who contributes, and what, cell by cell; empty cells are nobody's."""
        for row in group:
            cell = self._raw[row]
            if cell.strip():
                yield self._entities[row], Decimal(1) if self._how == "count" else self._number(row, cell)

    def _number(self, row: int, cell: str) -> Decimal:
        try:
            if currency(cell) in {None, self._currency}:
                return amount(cell, self._unit)
        except Unreadable:
            pass
        raise CellUnreadable(
            f"Row {row + 2} of the column “{self._title}” cannot be read as a number with one meaning; write it "
            "without a thousands separator or a percent sign, and send the table again.",
            row=row + 2,
        )
