"""What people said of headers, remembered within a matter, and believed only where the log says that they said it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base import clock
from gateway.base.canon import Json, canonical
from gateway.base.ids import new_id
from gateway.base.problems import CheckFailed, NotFound, Refused
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.matter.model import HeaderName
from gateway.matter.service import Matters
from gateway.matter.tables import NameRow
from gateway.people.model import Actor, Permission

LIVING_MAX = 1000
_REMEMBERED, _FORGOTTEN = "name.remembered", "name.forgotten"


class NamesChanged(CheckFailed):
    """What is stored of the names that a matter remembers is not what was said."""

    slug = "names-changed"
    title = "A matter's remembered names differ from the log"


class NoSuchName(NotFound):
    """No name that the matter remembers has this id."""

    slug = "no-such-name"
    title = "No such remembered name"


class TooManyNames(Refused):
    """A matter remembers no more names than can be looked over."""

    slug = "too-many-names"
    title = "The matter remembers too many names"


@dataclass(frozen=True, slots=True)
class NameDraft:
    """A header, as compared, and the field that it is said to be, or `drop`."""

    kind: str
    header: str
    field: str


class Names:
    """The remembered names of all matters; none is ever changed, a later row ends an earlier one."""

    def __init__(self, units: Units, keyring: Keyring, log: Log, matters: Matters) -> None:
        self._units = units
        self._keyring = keyring
        self._log = log
        self._matters = matters

    def remember(
        self, session: Session, actor: Actor, matter_id: str, rendition_id: str, drafts: Sequence[NameDraft]
    ) -> None:
        """Keep what `actor` answered about headers of this rendition's original, each with its entry.

        What is remembered already is not remembered twice.
        """
        living = [one for one in self._known(session, matter_id) if one.forgotten is None]
        said = {(one.kind, one.header, one.field) for one in living}
        new = [one for one in drafts if (one.kind, one.header, one.field) not in said]
        if len(living) + len(new) > LIVING_MAX:
            raise TooManyNames(f"A matter remembers at most {LIVING_MAX} names; have some forgotten first.")
        for draft in new:
            name_id, told = new_id("nam"), _told(draft)
            facts: dict[str, Json] = {"name": name_id}
            act = Act(_REMEMBERED, actor.person_id, matter_id, rendition_id, facts, {"name": told})
            text = canonical(told).decode()
            sealed = self._keyring.seal_text(session, owner=matter_id, context=_context(name_id), text=text)
            entry = self._log.append(session, act)
            session.add(NameRow(id=name_id, matter_id=matter_id, rendition=rendition_id, sealed=sealed, entry=entry))
        session.flush()

    def forget(self, actor: Actor, matter_id: str, name_id: str) -> HeaderName:
        """Have a name no longer hold: what is rendered asks again, and what rests on it does not leave."""
        actor.require(Permission.NAME_FORGET)
        self._matters.require(matter_id)
        with self._units.change() as session:
            if self._one(session, matter_id, name_id).forgotten is not None:
                raise NoSuchName("This name was forgotten already.")
            facts: dict[str, Json] = {"name": name_id}
            entry = self._log.append(session, Act(_FORGOTTEN, actor.person_id, matter_id, matter_id, facts))
            session.add(NameRow(id=new_id("nam"), matter_id=matter_id, forgets=name_id, entry=entry))
        return self.get(matter_id, name_id)

    def get(self, matter_id: str, name_id: str) -> HeaderName:
        """One name, or `NoSuchName`."""
        with self._units.read() as session:
            return self._one(session, matter_id, name_id)

    def of_matter(self, matter_id: str) -> tuple[HeaderName, ...]:
        """All that a matter remembers or forgot, oldest first, but for what was shredded with its original.

        Raises `NamesChanged` where it is not what was said.
        """
        self._matters.require(matter_id)
        with self._units.read() as session:
            return self._known(session, matter_id)

    def living_in(self, session: Session, matter_id: str) -> tuple[HeaderName, ...]:
        """Those that hold, inside a caller's transaction."""
        return tuple(one for one in self._known(session, matter_id) if one.forgotten is None)

    def shred(self, session: Session, renditions: Sequence[str]) -> None:
        """Overwrite what was said of the original that these were made of; the caller erases what the log says."""
        session.execute(update(NameRow).where(NameRow.rendition.in_(renditions)).values(sealed=None))

    def _one(self, session: Session, matter_id: str, name_id: str) -> HeaderName:
        for one in self._known(session, matter_id):
            if one.id == name_id:
                return one
        raise NoSuchName("This matter remembers no name with this id.")

    def _known(self, session: Session, matter_id: str) -> tuple[HeaderName, ...]:
        rows = session.scalars(select(NameRow).where(NameRow.matter_id == matter_id).order_by(NameRow.entry)).all()
        entered = self._log.indexes_of(session, types=(_REMEMBERED, _FORGOTTEN), matter=matter_id)
        if [row.entry for row in rows] != list(entered):
            raise NamesChanged("A remembered name of this matter is missing or was added; restore it from a backup.")
        leaves = {row.id: self._leaf(session, row) for row in rows}
        forgotten = {row.forgets: row.entry for row in rows if row.forgets is not None}
        told = ((row, self._said(session, row)) for row in rows if row.forgets is None)
        return tuple(
            HeaderName(
                id=row.id,
                matter=matter_id,
                **said,
                by=leaves[row.id]["actor"],
                at=clock.from_text(leaves[row.id]["at"]),
                entry=row.entry,
                forgotten=forgotten.get(row.id),
            )
            for row, said in told
            if said is not None
        )

    def _leaf(self, session: Session, row: NameRow) -> Mapping[str, Any]:
        """The entry's leaf, which says who and when. Raises unless it speaks of just this row."""
        leaf: Mapping[str, Any] = json.loads(self._log.entry_in(session, row.entry))
        expected = {
            "type": _REMEMBERED if row.forgets is None else _FORGOTTEN,
            "matter": row.matter_id,
            "subject": row.rendition if row.forgets is None else row.matter_id,
            "facts": {"name": row.forgets or row.id},
        }
        if any(leaf.get(key) != value for key, value in expected.items()):
            raise NamesChanged("A remembered name is filed under another entry of the log; restore it from a backup.")
        return leaf

    def _said(self, session: Session, row: NameRow) -> dict[str, str] | None:
        """What was said, or None where it was shredded and the log says so."""
        body = self._log.body(row.entry)
        if body is None and row.sealed is None:
            return None
        told: dict[str, str] = {}
        if row.sealed is not None:
            text = self._keyring.open_text(session, owner=row.matter_id, context=_context(row.id), sealed=row.sealed)
            told = json.loads(text)
        if body is None or body["name"] != told:
            raise NamesChanged("A remembered name is not what the log says was said; restore it from a backup.")
        return told


def _told(draft: NameDraft) -> dict[str, Json]:
    return {"kind": draft.kind, "header": draft.header, "field": draft.field}


def _context(name_id: str) -> str:
    return f"header_name:{name_id}"
