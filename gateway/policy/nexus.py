"""Whether rows of a table touch a defence end use: as its own columns say, and unless they plainly say no."""

from __future__ import annotations

import unicodedata

import numpy as np

from gateway.base.problems import Refused
from gateway.base.text import comparable, counted
from gateway.formats.coded import Cells, CellsApart, Rows
from gateway.formats.model import Element
from gateway.policy.decisions import Decisions
from gateway.policy.gate_words import NexusGate
from gateway.policy.policy import Policy

_MOST_ROWS = 10
_HEADER = 2


class NexusFound(Refused):
    """Something would leave of a row that touches a defence end use, or does not say that it touches none."""

    slug = "nexus"
    title = "A row touches a defence end use"


def require_no_nexus(policy: Policy, decisions: Decisions, cells: Cells | CellsApart | None) -> None:
    """Raise `NexusFound` where anything leaves of a row that a gate of the policy does not find clear.

    Nobody can confirm it away: the row is withheld wholly, or the table stays here.
    """
    gates = [one.nexus for one in policy.gates if one.nexus]
    if not gates:
        return
    if not isinstance(cells, Cells):
        raise NexusFound(
            "The policy asks of each row whether it touches a defence end use; send the original as a table."
        )
    leaving = _leaving(decisions, cells)
    for gate in gates:
        touching = leaving & ~_clear(gate, cells)
        if touching.any():
            raise NexusFound(_sentence(gate, cells, touching), fields=list(gate.fields))


def _leaving(decisions: Decisions, cells: Cells) -> Rows:
    """For every row whether anything of it leaves, in whatever form."""
    leaving = np.zeros(cells.rows, np.bool_)
    for item in (one for one in decisions.items if one.element is Element.COLUMN):
        kept = [place for place, case in enumerate(item.cases) if not case.withholds]
        leaving |= np.isin(cells.of(item.field_id).deciding(item.cases), kept)
    return leaving


def _clear(gate: NexusGate, cells: Cells) -> Rows:
    """For every row whether each field of the gate says in plain words that nothing is there; a missing one never."""
    clear = np.ones(cells.rows, np.bool_)
    for name in gate.fields:
        clear &= cells.where(name, lambda cell: _says(cell, gate.clears))
    return clear


def _says(cell: str, words: frozenset[str]) -> bool:
    """Whether the cell is one of `words`. The numero sign is not No, nor is a word with something hidden in it."""
    told = comparable(cell)
    return told in words and len(told) == len(unicodedata.normalize("NFC", cell).strip())


def _sentence(gate: NexusGate, cells: Cells, touching: Rows) -> str:
    missing = [name for name in gate.fields if cells.column(name) is None]
    if missing:
        return (
            f"The table has no column {', '.join(missing)}, so that each of its rows may touch a defence end use; add "
            "the column, or leave the table out."
        )
    said = frozenset(map(comparable, gate.values))
    flagged = np.zeros(cells.rows, np.bool_)
    for name in gate.fields:
        flagged |= cells.where(name, lambda cell: comparable(cell) in said)
    found = np.flatnonzero(touching)
    first = ", ".join(str(row + _HEADER) for row in found[:_MOST_ROWS].tolist())
    more = " and others" if len(found) > _MOST_ROWS else ""
    return (
        f"{counted(len(found), 'row')} of which something would leave may touch a defence end use: "
        f"{int(np.count_nonzero(flagged & touching))} by their own word, the others because they do not plainly say "
        f"that they do not (see rows {first}{more}, the header being row 1); withhold these rows wholly, or leave the "
        "table out."
    )
