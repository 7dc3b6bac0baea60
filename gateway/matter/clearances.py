"""What third parties said about being named, what was assessed before personal data leaves, what originals are under
lists of controlled goods, and the licences for it: recorded, and believed only where the log says the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base.canon import Json, canonical
from gateway.base.clock import from_text, to_text
from gateway.base.ids import new_id
from gateway.base.problems import CheckFailed
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.matter import rules
from gateway.matter.model import (
    Clearance,
    ClearanceDraft,
    ClearanceSort,
    ClearanceState,
    ExportClass,
    ExportClassDraft,
    ExportControl,
    Licence,
    LicenceDraft,
    RecipientClass,
)
from gateway.matter.service import Matters
from gateway.matter.tables import ClearanceRow
from gateway.people.model import Actor, Permission

_ENTRY = "clearance.recorded"
_MAY = {
    ClearanceSort.CONSENT: Permission.CONSENT_RECORD,
    ClearanceSort.ASSESSMENT: Permission.ASSESSMENT_RECORD,
    ClearanceSort.EXPORT_CLASS: Permission.EXPORT_RECORD,
    ClearanceSort.LICENCE: Permission.EXPORT_RECORD,
}
_SAID = frozenset({ClearanceSort.CONSENT, ClearanceSort.ASSESSMENT})


class ClearancesChanged(CheckFailed):
    """What is stored of a matter's clearances is not what was recorded."""

    slug = "clearances-changed"
    title = "A matter's clearances differ from the log"


class Clearances:
    """The clearances of all matters; nothing of them is ever changed, a later one stands in an earlier one's place."""

    def __init__(self, units: Units, keyring: Keyring, log: Log, matters: Matters) -> None:
        self._units = units
        self._keyring = keyring
        self._log = log
        self._matters = matters

    def record(self, actor: Actor, matter_id: str, draft: ClearanceDraft) -> Clearance:
        """Keep what was said, with its entry; who may depends on what it is."""
        checked = rules.check_clearance(draft)
        sort = ClearanceSort(checked.sort)
        with self._kept(actor, matter_id, sort, _told(checked, without="sort")) as kept:
            return _clearance(*kept)

    def record_class(self, actor: Actor, matter_id: str, draft: ExportClassDraft) -> ExportClass:
        """Keep what an original is under a list of controlled goods; whoever records it approves nothing made of it."""
        told = _told(rules.check_export_class(draft))
        with self._kept(actor, matter_id, ClearanceSort.EXPORT_CLASS, told) as kept:
            return _export_class(*kept)

    def record_licence(self, actor: Actor, matter_id: str, draft: LicenceDraft) -> Licence:
        """Keep an export licence, or that it was withdrawn; whoever records it approves nothing that needs it."""
        told = _told(rules.check_licence(draft))
        with self._kept(actor, matter_id, ClearanceSort.LICENCE, told) as kept:
            return _licence(*kept)

    @contextmanager
    def _kept(
        self, actor: Actor, matter_id: str, sort: ClearanceSort, told: dict[str, Json]
    ) -> Iterator[tuple[ClearanceRow, Mapping[str, Any]]]:
        """A new row and its entry, in one unit."""
        actor.require(_MAY[sort])
        self._matters.require(matter_id)
        clearance_id = new_id("clr")
        with self._units.change() as session:
            earlier = session.scalar(select(func.count()).where(ClearanceRow.matter_id == matter_id)) or 0
            facts: dict[str, Json] = {"clearance": clearance_id, "sort": sort.value, "number": earlier + 1}
            index = self._log.append(
                session, Act(_ENTRY, actor.person_id, matter_id, matter_id, facts, {"clearance": told})
            )
            row = ClearanceRow(
                id=clearance_id,
                matter_id=matter_id,
                sort=sort,
                sealed=self._keyring.seal_text(
                    session, owner=matter_id, context=f"clearance:{clearance_id}", text=canonical(told).decode()
                ),
                recorded_by=actor.person_id,
                recorded_at=from_text(json.loads(self._log.entry_in(session, index))["at"]),
                entry=index,
            )
            session.add(row)
            session.flush()
            yield row, told

    def of_matter(self, matter_id: str) -> tuple[Clearance, ...]:
        """All consents and assessments that were recorded for a matter, oldest first."""
        self._matters.require(matter_id)
        with self._units.read() as session:
            return self.of_matter_in(session, matter_id)

    def of_matter_in(self, session: Session, matter_id: str) -> tuple[Clearance, ...]:
        """The same inside a caller's transaction. Raises `ClearancesChanged` where it is not what was recorded."""
        return tuple(_clearance(row, told) for row, told in self._recorded(session, matter_id) if row.sort in _SAID)

    def export_control(self, matter_id: str) -> ExportControl:
        """All classifications and licences that were recorded for a matter."""
        self._matters.require(matter_id)
        with self._units.read() as session:
            return self.export_control_in(session, matter_id)

    def export_control_in(self, session: Session, matter_id: str) -> ExportControl:
        """The same inside a caller's transaction. Raises `ClearancesChanged` where it is not what was recorded."""
        recorded = self._recorded(session, matter_id)
        return ExportControl(
            tuple(_export_class(row, told) for row, told in recorded if row.sort == ClearanceSort.EXPORT_CLASS),
            tuple(_licence(row, told) for row, told in recorded if row.sort == ClearanceSort.LICENCE),
        )

    def _recorded(self, session: Session, matter_id: str) -> tuple[tuple[ClearanceRow, Mapping[str, Any]], ...]:
        query = select(ClearanceRow).where(ClearanceRow.matter_id == matter_id).order_by(ClearanceRow.entry)
        rows = session.scalars(query).all()
        newest = self._log.newest_of(session, types=(_ENTRY,), subject=matter_id)
        if (newest[1]["facts"]["number"] if newest else 0) != len(rows):
            raise ClearancesChanged("A clearance of this matter is missing; restore the database from a backup.")
        return tuple((row, self._checked(session, row)) for row in rows)

    def _checked(self, session: Session, row: ClearanceRow) -> Mapping[str, Any]:
        """What a row holds, where the log says the same."""
        text = self._keyring.open_text(session, owner=row.matter_id, context=f"clearance:{row.id}", sealed=row.sealed)
        told: Mapping[str, Any] = json.loads(text)
        leaf: Mapping[str, Any] = json.loads(self._log.entry_in(session, row.entry))
        body = self._log.body(row.entry)
        said = leaf["facts"] if leaf["type"] == _ENTRY and leaf.get("subject") == row.matter_id else {}
        entered = (said.get("clearance"), said.get("sort"), leaf["actor"], leaf["at"])
        kept = (row.id, row.sort, row.recorded_by, to_text(row.recorded_at))
        if body is None or body["clearance"] != told or entered != kept:
            raise ClearancesChanged("A clearance is not what the log says was recorded; restore it from a backup.")
        return told


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


def _export_class(row: ClearanceRow, told: Mapping[str, Any]) -> ExportClass:
    return ExportClass(**_common(row, told), original=told["original"], regime=told["regime"], entry=told["entry"])


def _licence(row: ClearanceRow, told: Mapping[str, Any]) -> Licence:
    return Licence(
        **_common(row, told),
        regime=told["regime"],
        number=told["number"],
        entries=tuple(told["entries"]),
        recipient_classes=tuple(map(RecipientClass, told["recipient_classes"])),
        countries=tuple(told["countries"]),
        state=ClearanceState(told["state"]),
    )


def _common(row: ClearanceRow, told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "matter": row.matter_id,
        "start": date.fromisoformat(told["start"]),
        "end": date.fromisoformat(told["end"]),
        "reference": told["reference"],
        "evidence_sha256": told["evidence_sha256"],
        "recorded_by": row.recorded_by,
        "recorded_at": row.recorded_at,
        "index": row.entry,
    }


def _told(draft: ClearanceDraft | ExportClassDraft | LicenceDraft, *, without: str = "") -> dict[str, Json]:
    """A checked draft as it is sealed and entered."""
    told = {name: value for name, value in asdict(draft).items() if name != without}
    told |= {"start": draft.start.isoformat(), "end": draft.end.isoformat()}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}
