"""Who is named in a rendition, held against what they consented to.

1. Where every gate over a column lets it, the rows that name who refused are withheld wholly, in all columns.
2. Of whoever is still named in a column under a gate a consent must hold for everyone in custody.
3. Whoever refused, or whose consent has ended, may be named nowhere else in what leaves either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from gateway.formats.coded import Coded
from gateway.formats.model import Content, Element, Field, Op, Structured, Table
from gateway.policy.clearing import Consent, classes_of, consented, party, refusers, require_unnamed
from gateway.policy.conditions import Context
from gateway.policy.decide import withholding
from gateway.policy.decisions import Decision, Decisions
from gateway.policy.gates import spoken
from gateway.policy.model import Because
from gateway.policy.policy import Policy
from gateway.policy.words import Text
from gateway.render.withheld import cells_of

# A rule of a policy cannot have this name.
CONSENT_RULE = "consent_gate"
_REFUSED = Because(
    code="TP-NDA",
    reason=Text(en="A third party has refused to be named to this recipient.", zh="第三方不同意向该接收方披露其名称。"),
    no_summary_reason=Text(en="A summary would say who it is.", zh="任何摘要都会暴露该第三方的身份。"),
)


def without_refusers(
    policy: Policy,
    consents: Sequence[Consent] | None,
    context: Context,
    content: Content,
    fields: tuple[Field, ...],
    decisions: Decisions,
) -> Decisions:
    """The decisions with the rows withheld that would name who refused, where the gates over their column say so.

    Groups of rows are no rows: there the table is refused, as it is where only one of several gates says so.
    """
    if consents is None or not isinstance(content, Table) or decisions.grouping is not None:
        return decisions
    recipients = classes_of(context)
    rows = np.zeros(content.row_count, np.bool_)
    for item, _ in _shown(content, fields, decisions):
        gates = [one.consent for one in policy.gates if one.consent and one.consent.speaks_of(item.name or "")]
        if gates and all(gate.refused == "drop" for gate in gates):
            names = refusers(consents, item.name or "", recipients)
            rows |= Coded.of(content.column(item.field_id)).where(partial(_names, names))
    taken = frozenset(np.flatnonzero(rows).tolist())
    return withholding(decisions, taken, CONSENT_RULE, _REFUSED) if taken else decisions


def _names(names: frozenset[str], value: str) -> bool:
    return party(value) in names


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
    gates = [one.consent for one in policy.gates if one.consent]
    if not gates or consents is None:
        return ()
    recipients = classes_of(context)
    shown = [(item, rows) for item, rows in _shown(content, fields, decisions)]
    found: dict[str, None] = {}
    for item, rows in shown:
        if item.name is not None and any(gate.speaks_of(item.name) for gate in gates):
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
