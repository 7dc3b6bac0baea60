"""What leaves beside what is true: every column of an original with its cells, and what of them a recipient sees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gateway.formats.coded import NONE, Cells, Coded, Places, Rows
from gateway.formats.keyed import normalised
from gateway.formats.model import Case, Element, Field, Op, Plan, Rebuilt, Table
from gateway.policy.risk import Risk
from gateway.render.withheld import cells_of


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One column of the original. `shown` are its cells in the rendition, in the original's order; None where nothing
    of it leaves. `decided` gives for every row the place of the deciding case among `cases`.
    """

    place: str
    name: str
    value_type: str
    truth: pl.Series
    shown: pl.Series | None
    decided: Places
    cases: tuple[Case, ...]

    def done(self, *ops: Op) -> Rows:
        """For every row whether one of these was done to the cell."""
        if self.shown is None:
            return np.zeros(len(self.decided), np.bool_)
        return np.isin(self.decided, [place for place, case in enumerate(self.cases) if case.transform.op in ops])

    @property
    def as_it_is(self) -> bool:
        """Whether every cell leaves as it is."""
        return bool(self.done(Op.ALLOW).all())

    @property
    def title(self) -> str:
        """What a finding calls it: never a word of the original."""
        return self.name or self.place


@dataclass(frozen=True, eq=False)
class Disclosure:
    """An original and its rendition, column by column; `order` says which row stands at each place of the rendition."""

    columns: tuple[Seen, ...]
    order: NDArray[np.intp]

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.order)

    @cached_property
    def by_name(self) -> dict[str, Seen]:
        """The columns by canonical name."""
        return {one.name: one for one in self.columns if one.name}

    @cached_property
    def leaving(self) -> tuple[Seen, ...]:
        """The columns of which something leaves."""
        return tuple(one for one in self.columns if one.shown is not None)

    def shown(self, names: tuple[str, ...]) -> list[Seen]:
        """Those of these fields that leave."""
        return [one for name in names if (one := self.by_name.get(name)) is not None and one.shown is not None]


def disclosure(table: Table, fields: tuple[Field, ...], plan: Plan, rebuilt: Rebuilt) -> Disclosure:
    """Both side by side. `fields` have their canonical names, `rebuilt` its table."""
    if rebuilt.released is None:
        raise ValueError("the rendition was made without its table")
    order = np.asarray(rebuilt.released.order, np.intp)
    back = np.argsort(order)
    orders = {one.field_id: one for one in plan.instructions if one.element is Element.COLUMN}
    cells = cells_of(table, fields)
    columns = []
    for field in fields:
        if field.element is not Element.COLUMN or not isinstance(cells, Cells):
            continue
        one = orders.get(field.id)
        shown = None
        if one is not None and one.title in rebuilt.released.frame.columns and not all(c.withholds for c in one.cases):
            shown = rebuilt.released.frame.get_column(one.title).gather(back)
        decided = cells.deciding(one.cases) if one else np.full(table.row_count, NONE, np.int16)
        columns.append(
            Seen(
                place=field.id.replace("/", " "),
                name=field.name or "",
                value_type=one.value_type if one else "text",
                truth=table.column(field.id),
                shown=shown,
                decided=decided,
                cases=one.cases if one else (),
            )
        )
    return Disclosure(tuple(columns), order)


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """The rows whose entity is not told on purpose, and whose each is; `rows` are their numbers from 0."""

    rows: NDArray[np.intp]
    entities: pl.Series | None

    def frame(self, columns: list[Seen]) -> pl.DataFrame:
        """What these columns show in the rows of the crowd, as `0`, `1`, …, with `entity` and `row`."""
        shown = {str(n): one.shown.gather(self.rows) for n, one in enumerate(columns) if one.shown is not None}
        entity = {} if self.entities is None else {"entity": self.entities}
        return pl.DataFrame({**shown, **entity, "row": pl.Series(self.rows, dtype=pl.UInt32)})


def crowd(seen: Disclosure, risk: Risk) -> Crowd | None:
    """Who must not be singled out; None where the original does not say who is who."""
    if risk.entity is None:
        return Crowd(np.arange(seen.rows), None)
    entity = seen.by_name.get(risk.entity)
    if entity is None:
        return None
    rows = np.flatnonzero(~entity.done(Op.ALLOW))
    who = Coded.of(entity.truth)
    # Two spellings of one name are one entity, as they are under a pseudonym.
    numbers: dict[str, int] = {}
    codes = np.array([numbers.setdefault(normalised(name), len(numbers)) for name in who.values], np.uint32)
    return Crowd(rows, pl.Series(codes[who.codes[rows]], dtype=pl.UInt32))
