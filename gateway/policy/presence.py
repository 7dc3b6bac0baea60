"""What must be present, checked twice: that it can leave when decisions are made, that it did after rendering.

Over-redaction is a defect too: an application without its end user is put aside.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gateway.base.text import comparable
from gateway.formats.coded import Cells, CellsApart, Rows
from gateway.formats.model import Case, Element
from gateway.policy.decisions import Decisions
from gateway.policy.problems import RequiredMissing


@dataclass(frozen=True, slots=True)
class RequiredOutput:
    """A column of the rendition in which `rule` must show a value, in some row or in every row that it decides.

    A value is shown where the cell is not empty and says more than the words of `not_only`.
    """

    field_id: str
    name: str
    title: str
    rule: str
    every_row: bool = False
    not_only: tuple[str, ...] = ()


def required_cases(decisions: Decisions) -> tuple[RequiredOutput, ...]:
    """Every rule that must show a value in a column of the rendition."""
    return tuple(
        RequiredOutput(item.field_id, item.name, item.output_title, ruling.rule, ruling.every_row, ruling.not_only)
        for item in decisions.items
        if item.element is Element.COLUMN and item.leaves and item.name
        for ruling in item.rulings
        if ruling.required
    )


def required_outputs(decisions: Decisions) -> tuple[str, ...]:
    """The titles of the columns in which at least one value that is not empty must stand after rendering."""
    return tuple(dict.fromkeys(required.title for required in required_cases(decisions)))


def require_shown(decisions: Decisions, cells: Cells | CellsApart, leaving: Rows | None = None) -> None:
    """Raise `RequiredMissing` unless every required rule decides cells that are not empty and not too vague.

    This is stricter than looking for any value in the output column: pseudonyms of other rows do not stand in for the
    one end user who must be named. `leaving` says of each row whether it leaves, where not all do.
    """
    cases = {item.field_id: item.cases for item in decisions.items}
    lacking = [
        one
        for one in required_cases(decisions)
        if not _shows(one, cases[one.field_id], cells.of(one.field_id), leaving)
    ]
    if lacking:
        raise RequiredMissing(
            f"The policy requires a value {_where(lacking)}, and the original does not give it; complete the original.",
            fields=sorted({one.title for one in lacking}),
        )


def _shows(required: RequiredOutput, cases: tuple[Case, ...], cells: Cells, leaving: Rows | None) -> bool:
    by_rule = [place for place, case in enumerate(cases) if case.rule == required.rule]
    decided = np.isin(cells.deciding(cases), by_rule)
    if leaving is not None:
        decided &= leaving
    filled = cells.filled(required.name)
    if required.not_only:
        filled &= cells.where(required.name, _saying_more(required.not_only))
    lacking = decided & ~filled
    return bool((decided & filled).any() and not (required.every_row and lacking.any()))


def _saying_more(phrases: Sequence[str]) -> Callable[[str], bool]:
    """Whether a letter is left of a value when these phrases are taken out of it, longest first."""
    words = sorted({comparable(phrase) for phrase in phrases}, key=len, reverse=True)
    vague = re.compile("|".join(map(re.escape, words)))
    return lambda value: any(map(str.isalpha, vague.sub(" ", comparable(value))))


def _where(lacking: Sequence[RequiredOutput]) -> str:
    """The titles, each with what is asked of its values."""
    asked = {(one.title, one.every_row, bool(one.not_only)) for one in lacking}
    return ", ".join(
        f"in {'every row of ' if every_row else ''}{title}{' that is not too vague' if vague else ''}"
        for title, every_row, vague in sorted(asked)
    )
