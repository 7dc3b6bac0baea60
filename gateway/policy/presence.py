"""What must be present, checked twice: that it can leave when decisions are made, that it did after rendering.

Over-redaction is a defect too: an application without its end user is put aside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gateway.formats.coded import Cells, CellsApart, Rows
from gateway.formats.model import Case, Element
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


def require_shown(decisions: Decisions, cells: Cells | CellsApart, leaving: Rows | None = None) -> None:
    """Raise `RequiredMissing` unless every required rule decides at least one cell that is not empty.

    This is stricter than looking for any value in the output column: pseudonyms of other rows do not stand in for the
    one end user who must be named. `leaving` says of each row whether it leaves, where not all do.
    """
    cases = {item.field_id: item.cases for item in decisions.items}
    lacking = (
        one
        for one in required_cases(decisions)
        if not _shows(one, cases[one.field_id], cells.of(one.field_id), leaving)
    )
    titles = sorted({one.title for one in lacking})
    if titles:
        raise RequiredMissing(
            f"The policy requires a value in {', '.join(titles)}, and no row of the original gives one; "
            "complete the original.",
            fields=titles,
        )


def _shows(required: RequiredOutput, cases: tuple[Case, ...], cells: Cells, leaving: Rows | None) -> bool:
    by_rule = [place for place, case in enumerate(cases) if case.rule == required.rule]
    shown = np.isin(cells.deciding(cases), by_rule) & cells.filled(required.name)
    return bool((shown if leaving is None else shown & leaving).any())
