"""How many cells, tags and regions each rule decided: the `{count}` of the withheld index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from gateway.formats.model import Element, applied
from gateway.policy.decisions import DEFAULT_RULE, Decision, Decisions, WithheldItem


def tally(decisions: Decisions, rows: Iterable[Mapping[str, str]]) -> Mapping[tuple[str, str], int]:
    """(field id, rule) → how many it decided. `rows` map canonical names to raw cells; regions and tags count one.

    A withheld cell counts whether it is full or empty, so that the number does not say which; a changed or shown cell
    counts where it is not empty, as the rendition shows.
    """
    counts: Counter[tuple[str, str]] = Counter()
    columns = []
    for item in decisions.items:
        if item.element is Element.COLUMN:
            columns.append(item)
        else:
            counts[item.field_id, item.main.rule] += 1
    for row in rows:
        for item in columns:
            rule = _decider(item, row)
            if rule is not None:
                counts[item.field_id, rule] += 1
    return counts


def count_of(line: WithheldItem, counts: Mapping[tuple[str, str], int]) -> int:
    """The `{count}` of one line of the withheld index."""
    return sum(counts.get((field_id, line.rule), 0) for field_id in line.field_ids)


def _decider(item: Decision, row: Mapping[str, str]) -> str | None:
    case = applied(item.cases, row)
    if case is None:
        return DEFAULT_RULE
    if not case.withholds and not row.get(item.name or "", "").strip():
        return None
    return case.rule
