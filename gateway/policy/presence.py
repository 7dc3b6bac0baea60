"""What must be present, checked twice: that it can leave when decisions are made, that it did after rendering.

Over-redaction is a defect too: an application without its end user is put aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.formats.model import Element, applied
from gateway.policy.decisions import Decisions
from gateway.policy.problems import RequiredMissing


@dataclass(frozen=True, slots=True)
class RequiredOutput:
    """A column of the rendition in which `rule` must show at least one value that is not empty."""

    field_id: str
    name: str
    title: str
    rule: str


def required_cases(decisions: Decisions) -> tuple[RequiredOutput, ...]:
    """Every rule that must show a value in a column of the rendition."""
    return tuple(
        RequiredOutput(item.field_id, item.name, item.output_title, ruling.rule)
        for item in decisions.items
        if item.element is Element.COLUMN and item.leaves and item.name
        for ruling in item.rulings
        if ruling.required
    )


def required_outputs(decisions: Decisions) -> tuple[str, ...]:
    """The titles of the columns in which at least one value that is not empty must stand after rendering."""
    return tuple(dict.fromkeys(required.title for required in required_cases(decisions)))


def require_shown(decisions: Decisions, rows: Iterable[Mapping[str, str]]) -> None:
    """Raise `RequiredMissing` unless every required rule decides at least one cell that is not empty.

    `rows` map canonical names to raw cells, as the formats use them. This is stricter than looking for any value in
    the output column: pseudonyms of other rows do not stand in for the one end user who must be named.
    """
    cases = {item.field_id: item.cases for item in decisions.items}
    wanted = set(required_cases(decisions))
    for row in rows:
        wanted -= {
            one
            for one in wanted
            if row.get(one.name, "").strip() and (case := applied(cases[one.field_id], row)) and case.rule == one.rule
        }
        if not wanted:
            return
    titles = sorted({one.title for one in wanted})
    if titles:
        raise RequiredMissing(
            f"The policy requires a value in {', '.join(titles)}, and no row of the original gives one; "
            "complete the original.",
            fields=titles,
        )
