"""What third parties said about being named, and what was assessed before personal data leaves: recorded, and believed
only where the log says the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base.canon import Json, canonical
from gateway.base.clock import Clock
from gateway.base.ids import new_id
from gateway.base.problems import CheckFailed
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.matter import rules
from gateway.matter.model import Clearance, ClearanceDraft, ClearanceSort, ClearanceState, RecipientClass
from gateway.matter.service import Matters
from gateway.matter.tables import ClearanceRow
from gateway.people.model import Actor, Permission

_ENTRY = "clearance.recorded"
_MAY = {
    ClearanceSort.CONSENT: Permission.CONSENT_RECORD,
    ClearanceSort.ASSESSMENT: Permission.ASSESSMENT_RECORD,
}


class ClearancesChanged(CheckFailed):
    """What is stored of a matter's clearances is not what was recorded."""

    slug = "clearances-changed"
    title = "A matter's clearances differ from the log"


class Clearances:
    """The clearances of all matters; nothing of them is ever changed, a later one stands in an earlier one's place."""

    def __init__(self, units: Units, keyring: Keyring, log: Log, clock: Clock, matters: Matters) -> None:
        self._units = units
        self._keyring = keyring
        self._log = log
        self._clock = clock
        self._matters = matters

    def record(self, actor: Actor, matter_id: str, draft: ClearanceDraft) -> Clearance:
        """Keep what was said, with its entry; who may depends on what it is."""
        checked = rules.check_clearance(draft)
        sort = ClearanceSort(checked.sort)
        actor.require(_MAY[sort])
        self._matters.require(matter_id)
        clearance_id, told = new_id("clr"), _told(checked)
        with self._units.change() as session:
            earlier = session.scalar(select(func.count()).where(ClearanceRow.matter_id == matter_id)) or 0
            facts: dict[str, Json] = {"clearance": clearance_id, "sort": sort.value, "number": earlier + 1}
            row = ClearanceRow(
                id=clearance_id,
                matter_id=matter_id,
                sort=sort,
                sealed=self._keyring.seal_text(
                    session, owner=matter_id, context=f"clearance:{clearance_id}", text=canonical(told).decode()
                ),
                recorded_by=actor.person_id,
                recorded_at=self._clock.now(),
                entry=self._log.append(
                    session, Act(_ENTRY, actor.person_id, matter_id, matter_id, facts, {"clearance": told})
                ),
            )
            session.add(row)
            session.flush()
            return _clearance(row, told)

    def of_matter(self, matter_id: str) -> tuple[Clearance, ...]:
        """All that was recorded for a matter, oldest first."""
        self._matters.require(matter_id)
        with self._units.read() as session:
            return self.of_matter_in(session, matter_id)

    def of_matter_in(self, session: Session, matter_id: str) -> tuple[Clearance, ...]:
        """The same inside a caller's transaction. Raises `ClearancesChanged` where it is not what was recorded."""
        query = select(ClearanceRow).where(ClearanceRow.matter_id == matter_id).order_by(ClearanceRow.entry)
        rows = session.scalars(query).all()
        newest = self._log.newest_of(session, types=(_ENTRY,), subject=matter_id)
        if (newest[1]["facts"]["number"] if newest else 0) != len(rows):
            raise ClearancesChanged("A clearance of this matter is missing; restore the database from a backup.")
        return tuple(self._checked(session, row) for row in rows)

    def _checked(self, session: Session, row: ClearanceRow) -> Clearance:
        text = self._keyring.open_text(session, owner=row.matter_id, context=f"clearance:{row.id}", sealed=row.sealed)
        told: Mapping[str, Any] = json.loads(text)
        leaf: Mapping[str, Any] = json.loads(self._log.entry_in(session, row.entry))
        body = self._log.body(row.entry)
        said = leaf["facts"] if leaf["type"] == _ENTRY and leaf.get("subject") == row.matter_id else {}
        if body is None or body["clearance"] != told or (said.get("clearance"), said.get("sort")) != (row.id, row.sort):
            raise ClearancesChanged("A clearance is not what the log says was recorded; restore it from a backup.")
        return _clearance(row, told)


def _clearance(row: ClearanceRow, told: Mapping[str, Any]) -> Clearance:
    return Clearance(
        id=row.id,
        matter=row.matter_id,
        sort=ClearanceSort(row.sort),
        about=tuple(told["about"]),
        fields=tuple(told["fields"]),
        recipient_class=RecipientClass(told["recipient_class"]),
        state=ClearanceState(told["state"]),
        start=date.fromisoformat(told["start"]),
        end=date.fromisoformat(told["end"]),
        reference=told["reference"],
        evidence_sha256=told["evidence_sha256"],
        recorded_by=row.recorded_by,
        recorded_at=row.recorded_at,
        entry=row.entry,
    )


def _told(draft: ClearanceDraft) -> dict[str, Json]:
    return {
        "about": list(draft.about),
        "fields": list(draft.fields),
        "recipient_class": draft.recipient_class,
        "state": draft.state,
        "start": draft.start.isoformat(),
        "end": draft.end.isoformat(),
        "reference": draft.reference,
        "evidence_sha256": draft.evidence_sha256,
    }
