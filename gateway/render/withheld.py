"""What a rendition must not hold, and the lines that say what is missing: both worked out from the decisions.

The withheld set is every value of a withheld or changed cell, every metadata value, every header that the survey could
not name, every passage of a document that is covered or on no page that leaves, and the original's file name. It is
made from the original and the decisions, not from the rebuild, so that a rebuild that lets something through is found
out. What the rendition lawfully shows and the gateway's own texts travel beside it, so that the gate can subtract and
count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from gateway.base.canon import Json
from gateway.formats.coded import NONE, Cells, CellsApart, Coded
from gateway.formats.columns import WITHHELD
from gateway.formats.grouped import Grouped
from gateway.formats.indexed import indexed
from gateway.formats.model import (
    Case,
    Content,
    Drawing,
    Element,
    Field,
    Instruction,
    Mark,
    Op,
    Pages,
    Structured,
    Table,
    Transform,
    applied,
)
from gateway.formats.ports import Format
from gateway.formats.transforms import changer, uncovered
from gateway.policy.decisions import DEFAULT_RULE, Decisions
from gateway.policy.tally import count_of
from gateway.render.passages import passages
from gateway.residue.model import WithheldSet, WithheldValue


def withheld_set(
    *,
    form: Format,
    content: Content,
    fields: tuple[Field, ...],
    decisions: Decisions,
    mark: Mark,
    file_name: str | None,
    own_words: frozenset[str] = frozenset(),
    terms: tuple[str, ...] = (),
    groups: Grouped | None = None,
) -> WithheldSet:
    """Everything that must not be in the rendition, with what it lawfully shows.

    `own_words` are the gateway's; `terms` are what a reviewer wants to see nowhere; `groups` are what the rows
    leave as.
    """
    plan = decisions.plan()
    titles = {one.title for one in plan.instructions if _aggregates(one)}
    orders = {one.field_id: one for one in plan.instructions}
    values: list[WithheldValue] = []
    sums = (one.cells.values for one in groups.columns if one.title in titles) if groups else ()
    shown: dict[str, None] = dict.fromkeys(text for texts in sums for text in texts if not text.startswith(WITHHELD))
    constants = frozenset({mark.text, *(one.title for one in plan.instructions)}) | _texts(decisions) | own_words
    cells = cells_of(content, fields) if isinstance(content, Table | Structured) else None
    for field in fields:
        order = orders.get(field.id)
        if isinstance(content, Table | Structured) and cells is not None and field.element is Element.COLUMN:
            decided = _distinct(content.column(field.id), order, cells.of(field.id), groups)
        else:
            decided = _each(form.values(content, field), order)
        if order is not None and cells is not None:
            shown |= dict.fromkeys(_indices(order, cells.of(field.id)))
        for value, case in decided:
            if case is not None and case.transform.op is Op.ALLOW:
                shown[value] = None
                continue
            values.append(WithheldValue(value, field.id))
            if case is not None and case.transform.op is Op.ROUND:
                shown[_rounded(case.transform, value)] = None
        if field.element is Element.COLUMN and field.name is None and field.label.strip():
            values.append(WithheldValue(field.label, f"{field.id} header"))
    if isinstance(content, Pages | Drawing):
        values = [*passages(values, shown, constants), *(WithheldValue(term, "term") for term in terms)]
    if file_name:
        values.append(WithheldValue(file_name, "file-name"))
    return WithheldSet(
        values=tuple(values),
        shown=frozenset(shown),
        constants=constants,
    )


def to_json(withheld: WithheldSet) -> dict[str, Json]:
    """A withheld set as kept, encrypted, for the gate over the documents of the release."""
    return {
        "values": [[value.text, value.place] for value in withheld.values],
        "shown": sorted(withheld.shown),
        "constants": sorted(withheld.constants),
    }


def from_json(told: Mapping[str, Any]) -> WithheldSet:
    """The inverse of `to_json`."""
    return WithheldSet(
        values=tuple(WithheldValue(text, place) for text, place in told["values"]),
        shown=frozenset(told["shown"]),
        constants=frozenset(told["constants"]),
    )


def withheld_lines(decisions: Decisions, counts: Mapping[tuple[str, str], int]) -> Iterator[dict[str, str]]:
    """The lines of the withheld index for one rendition, counted, free of values."""
    lines = decisions.withheld_items()
    fields = [line.field_ids for line in lines]
    for line in lines:
        count = count_of(line, counts)
        if line.rule == DEFAULT_RULE and count == 0 and fields.count(line.field_ids) > 1:
            continue
        summary = line.summary or line.no_summary_reason
        yield {
            "item": f"{line.title.en} / {line.title.zh}",
            "action": f"{line.done.en} / {line.done.zh}",
            "code": line.code,
            "basis": line.basis,
            "reason_en": line.reason.en,
            "reason_zh": line.reason.zh,
            "summary_en": summary.en.replace("{count}", str(count)) if summary else "",
            "summary_zh": summary.zh.replace("{count}", str(count)) if summary else "",
        }


def cells_of(content: Table | Structured, fields: tuple[Field, ...]) -> Cells | CellsApart:
    """The raw cells under the canonical names that survey and answers gave them: a table's rows, or path by path."""
    named = [field for field in fields if field.element is Element.COLUMN and field.name is not None]
    if isinstance(content, Table):
        return Cells({field.name or "": content.column(field.id) for field in named}, content.row_count)
    names = {field.id: field.name for field in named if field.name}
    return CellsApart(
        {
            cells.name: Cells({names[cells.name]: cells} if cells.name in names else {}, cells.len())
            for cells in content.columns
        }
    )


def _aggregates(order: Instruction) -> bool:
    return any(case.transform.op is Op.AGGREGATE for case in order.cases)


def _distinct(
    cells: pl.Series, order: Instruction | None, deciding: Cells, groups: Grouped | None
) -> Iterator[tuple[str, Case | None]]:
    """Every value of the column that is not blank, once for each case that decides cells with it.

    In rows whose group does not leave, none does.
    """
    column, cases = Coded.of(cells), order.cases if order else ()
    values, decided = column.values.to_list(), deciding.deciding(cases)
    if groups is not None:
        decided = np.where(groups.leaving, decided, NONE)
    for place in np.unique(decided).tolist():
        case = None if place == NONE else cases[place]
        for code in np.unique(column.codes[decided == place]).tolist():
            if values[code].strip():
                yield values[code], case


def _indices(order: Instruction, deciding: Cells) -> Iterator[str]:
    """What the recipient sees in place of the numbers of which only an index leaves: 104 is no secret any more."""
    for place, case in enumerate(order.cases):
        if case.transform.op is Op.INDEX:
            rows = deciding.deciding(order.cases) == place
            yield from filter(None, indexed(case.transform.params, order.name, deciding, rows).values)


def _each(values: tuple[str, ...], order: Instruction | None) -> Iterator[tuple[str, Case | None]]:
    case = applied(order.cases, {}) if order else None
    return ((value, case) for value in values if value.strip())


def _rounded(transform: Transform, value: str) -> str:
    """The bare multiple of the step that the recipient sees: 10 rounded to fives is 10, and no secret any more."""
    bare = Transform(Op.ROUND, {**transform.params, "unit": ""})
    return changer(bare, "decimal")(uncovered(value))


def _texts(decisions: Decisions) -> frozenset[str]:
    """The policy's own words, which come from nobody's original."""
    texts: set[str] = set()
    for line in decisions.withheld_items():
        for text in (line.title, line.done, line.reason, line.summary, line.no_summary_reason):
            if text is not None:
                texts |= {text.en, text.zh}
        texts |= {line.basis, line.code}
    for ruling in (ruling for item in decisions.items for ruling in item.rulings):
        if ruling.action.op == "generic_name":
            texts |= set(ruling.action.mapping("names").values())
    return frozenset(text for text in texts if text)
