"""What a change of policy does to one original: exactly the cells that would read otherwise, and what else would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.base.canon import Json
from gateway.formats.columns import WITHHELD, Column, Redactions, rendered
from gateway.formats.model import Content, Element, Table
from gateway.policy.decisions import Decision, Decisions


@dataclass(frozen=True, slots=True)
class CellChange:
    """One cell. `row` counts as a spreadsheet does, the header being row 1; None is a cell that does not leave."""

    place: str
    row: int
    before: str | None
    after: str | None

    def to_json(self) -> dict[str, Json]:
        """Canonical."""
        return {"field": self.place.replace(" ", "/"), "row": self.row, "before": self.before, "after": self.after}

    def __str__(self) -> str:
        before, after = ("withheld" if one is None else f"“{one}”" for one in (self.before, self.after))
        return f"{self.place}, row {self.row}: {before} → {after}"


@dataclass(frozen=True, slots=True)
class Others:
    """How many things of one sort would be decided otherwise, leave that did not, and leave no longer."""

    otherwise: int = 0
    released: int = 0
    withheld: int = 0

    def to_json(self) -> dict[str, Json]:
        """Canonical."""
        return {"otherwise": self.otherwise, "released": self.released, "withheld": self.withheld}


@dataclass(frozen=True, slots=True)
class Effect:
    """Cells that would read otherwise, and what becomes of other things, by their sort."""

    cells: tuple[CellChange, ...]
    others: Mapping[str, Others]

    @property
    def released(self) -> int:
        """How many cells and other things would leave that did not."""
        return sum(one.before is None for one in self.cells) + sum(one.released for one in self.others.values())

    @property
    def withheld(self) -> int:
        """How many cells and other things would no longer leave."""
        return sum(one.after is None for one in self.cells) + sum(one.withheld for one in self.others.values())


def effect(old: Decisions, new: Decisions, content: Content, secret: bytes) -> Effect:
    """What would be otherwise in a rendition of `content` decided by `new`, beside one decided by `old`.

    Both are over the same fields. `secret` makes the pseudonyms of both. Raises as rendering does.
    """
    before, after = ({item.field_id: item for item in one.items} for one in (old, new))
    # Groups are made of many rows: no cell of theirs stands for one of the original.
    grouped = old.grouping is not None or new.grouping is not None
    table = content if isinstance(content, Table) and not grouped else None
    others: dict[str, Others] = {}
    for name in {**before, **after}:
        was, now = before.get(name), after.get(name)
        element = (was or after[name]).element
        if _done(was) == _done(now) or (table and element is Element.COLUMN):
            continue
        left, leaves = (one is not None and one.leaves for one in (was, now))
        so_far = others.get(element.value, Others())
        others[element.value] = Others(
            so_far.otherwise + 1, so_far.released + (leaves and not left), so_far.withheld + (left and not leaves)
        )
    cells = tuple(_cells(old, new, table, secret)) if table else ()
    return Effect(cells, dict(sorted(others.items())))


def _done(item: Decision | None) -> Json:
    """What is done to a field, whichever rule says so."""
    return [[one.action.to_json(), sorted(map(str, one.where))] for one in item.rulings] if item else None


def _cells(old: Decisions, new: Decisions, content: Table, secret: bytes) -> Iterator[CellChange]:
    before, after = _shown(old, content, secret), _shown(new, content, secret)
    nothing = [None] * content.row_count
    for item in new.items:
        was, now = before.get(item.field_id, nothing), after.get(item.field_id, nothing)
        pairs = enumerate(zip(was, now, strict=True), start=2)
        yield from (CellChange(item.place, row, one, other) for row, (one, other) in pairs if one != other)


def _shown(decisions: Decisions, content: Table, secret: bytes) -> dict[str, list[str | None]]:
    """The cells of every column of which something leaves, as they would leave; None where one does not."""
    items = [item for item in decisions.items if item.element is Element.COLUMN]
    # Those that stay are there too: rules ask for them row by row.
    columns = [Column(item.instruction(), content.column(item.field_id)) for item in items]
    shown = rendered(columns, secret, content.digest, Redactions())
    return {
        item.field_id: [None if cell.startswith(WITHHELD) else cell for cell in column.cells.cells()]
        for item, column in zip((item for item in items if item.leaves), shown, strict=True)
    }
