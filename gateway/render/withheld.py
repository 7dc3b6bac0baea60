"""What a rendition must not hold: worked out from the original and the decisions, not from the rebuild.

The withheld set is every value of a withheld or changed cell, every metadata value, every header the survey could
not name, and the original's file name; minus nothing. What the rendition lawfully shows and the constants of the
policy travel beside it, so that the gate can subtract and count.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.base.canon import Json
from gateway.formats.model import Content, Element, Field, Instruction, Mark, Op, Plan, Table, applied
from gateway.formats.ports import Format
from gateway.policy.decide import Decisions
from gateway.render.model import Outcome
from gateway.residue.model import WithheldSet, WithheldValue


def withheld_set(
    *,
    form: Format,
    content: Content,
    fields: tuple[Field, ...],
    decisions: Decisions,
    mark: Mark,
    file_name: str | None,
) -> WithheldSet:
    """Everything that must not be in the rendition, with what it lawfully shows."""
    plan = decisions.plan()
    orders = {one.field_id: one for one in plan.instructions}
    values: list[WithheldValue] = []
    shown: set[str] = set()
    rows = _rows(form, content, fields, plan)
    for field in fields:
        order = orders.get(field.id)
        for number, value in enumerate(form.values(content, field), start=1):
            if not value.strip():
                continue
            if _shows(order, rows[number - 1] if rows else {}):
                shown.add(value)
            else:
                values.append(WithheldValue(value, f"{field.id} row {number}" if rows else field.id))
        if field.name is None and field.label.strip():
            values.append(WithheldValue(field.label, f"{field.id} header"))
    if file_name:
        values.append(WithheldValue(file_name, "file name"))
    constants = frozenset({mark.text, *(one.title for one in plan.instructions)})
    return WithheldSet(values=tuple(values), shown=frozenset(shown), constants=constants)


def _rows(form: Format, content: Content, fields: tuple[Field, ...], plan: Plan) -> list[dict[str, str]]:
    """Per row, the cells that a `where` may ask for, by canonical name. Empty for anything but a table."""
    if not isinstance(content, Table):
        return []
    asked = {name for one in plan.instructions for case in one.cases for name, _ in case.where}
    columns = {f.name: form.values(content, f) for f in fields if f.name in asked and f.element is Element.COLUMN}
    return [
        {name: column[number] for name, column in columns.items() if name is not None}
        for number in range(content.row_count)
    ]


def _shows(order: Instruction | None, row: dict[str, str]) -> bool:
    if order is None:
        return False
    case = applied(order.cases, row)
    return case is not None and case.transform.op is Op.ALLOW


def withheld_lines(outcome: Outcome) -> Iterator[dict[str, Json]]:
    """The lines of the withheld index for one clean rendition, counted, free of values."""
    if outcome.decisions is None:
        return
    counts = outcome.rebuilt.redactions if outcome.rebuilt else {}
    for item in outcome.decisions.withheld_items(counts):
        yield {
            "item": item.item,
            "action": item.action,
            "code": item.code,
            "basis": item.basis,
            "reason_en": item.reason_en,
            "reason_zh": item.reason_zh,
            "summary_en": item.summary_en,
            "summary_zh": item.summary_zh,
        }
