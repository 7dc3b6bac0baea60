"""Who is named in a rendition, held against what they consented to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

import numpy as np

from gateway.formats.coded import Coded
from gateway.formats.model import Content, Element, Field, Op, Structured, Table
from gateway.policy.clearing import Consent, classes_of, consented, require_unnamed
from gateway.policy.conditions import Context
from gateway.policy.decisions import Decision, Decisions
from gateway.policy.gates import spoken
from gateway.policy.policy import Policy
from gateway.render.withheld import cells_of


def relied(
    policy: Policy,
    consents: Sequence[Consent] | None,
    context: Context,
    content: Content,
    fields: tuple[Field, ...],
    decisions: Decisions,
) -> tuple[str, ...]:
    """The ids of the consents that the rendition rests on. Raises `ConsentMissing`.

    Without a register, as in a rehearsal, which nobody can release, nothing is asked.
    """
    globs = {glob for gates in policy.gates if gates.consent for glob in gates.consent.fields}
    if not globs or consents is None:
        return ()
    recipients = classes_of(context)
    shown = [(item, rows) for item, rows in _shown(content, fields, decisions)]
    found: dict[str, None] = {}
    for item, rows in shown:
        if item.name is not None and any(fnmatchcase(item.name, glob) for glob in globs):
            found.update(dict.fromkeys(consented(consents, item.name, rows, recipients)))
    said = ("\n".join(line for _, line in order) for order in spoken(fields, decisions))
    require_unnamed(consents, recipients, (*said, *(value for _, rows in shown for value in rows)))
    return tuple(found)


def _shown(
    content: Content, fields: tuple[Field, ...], decisions: Decisions
) -> Iterator[tuple[Decision, dict[str, int]]]:
    """Every column of which something is shown as it is, with each value and the first data row that shows it."""
    if not isinstance(content, Table | Structured):
        return
    cells = cells_of(content, fields)
    for item in decisions.items:
        places = [place for place, case in enumerate(item.cases) if case.transform.op is Op.ALLOW]
        if item.element is not Element.COLUMN or not places:
            continue
        column = Coded.of(content.column(item.field_id))
        rows = np.flatnonzero(np.isin(cells.of(item.field_id).deciding(item.cases), places))
        codes, first = np.unique(column.codes[rows], return_index=True)
        values = column.values.to_list()
        found = {values[code]: int(rows[at]) + 1 for code, at in zip(codes.tolist(), first.tolist(), strict=True)}
        yield item, {value: row for value, row in found.items() if value.strip()}
