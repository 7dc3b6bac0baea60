"""How many cells, tags and regions each rule decided: the `{count}` of the withheld index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np

from gateway.formats.coded import NONE, Cells, CellsApart
from gateway.formats.model import Element
from gateway.policy.decisions import DEFAULT_RULE, Decision, Decisions, WithheldItem


def tally(decisions: Decisions, cells: Cells | CellsApart | None) -> Mapping[tuple[str, str], int]:
    """(field id, rule) → how many it decided; `cells` are a table's or document's, regions and tags count one.

    A withheld cell counts whether it is full or empty, so that the number does not say which; a changed or shown cell
    counts where it is not empty, as the rendition shows.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for item in decisions.items:
        if item.element is not Element.COLUMN:
            counts[item.field_id, item.main.rule] += 1
        elif cells is not None:
            for rule, count in _deciders(item, cells.of(item.field_id)):
                counts[item.field_id, rule] += count
    return +counts


def count_of(line: WithheldItem, counts: Mapping[tuple[str, str], int]) -> int:
    """The `{count}` of one line of the withheld index."""
    return sum(counts.get((field_id, line.rule), 0) for field_id in line.field_ids)


def _deciders(item: Decision, cells: Cells) -> Iterator[tuple[str, int]]:
    decided, filled = cells.deciding(item.cases), cells.filled(item.name)
    yield DEFAULT_RULE, int(np.count_nonzero(decided == NONE))
    for place, case in enumerate(item.cases):
        counted = decided == place
        yield case.rule, int(np.count_nonzero(counted if case.withholds else counted & filled))
