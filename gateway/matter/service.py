"""Opening matters and reading them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base.clock import Clock
from gateway.base.ids import new_id
from gateway.db import keyset
from gateway.db.unit import Units
from gateway.keys.model import KeyRole, KeyShredded
from gateway.keys.service import Keyring
from gateway.matter import rules
from gateway.matter.model import (
    DemandItem,
    Language,
    LegalBasis,
    Matter,
    MatterDraft,
    MatterSummary,
    NoSuchMatter,
    Profile,
    Purpose,
    Recipient,
    RecipientClass,
)
from gateway.matter.tables import DemandRow, MatterRow, RecipientRow
from gateway.people.model import Actor, Permission
from gateway.seal.recipient import recipient_fingerprint

_NO_SUCH_MATTER = "There is no matter with this id."
# Asked before each upload: built once.
_THERE = select(MatterRow.id).where(MatterRow.id == bindparam("matter"))


class Matters:
    """All matters of the deployment; each has a key of its own, so that shredding it ends everything under it."""

    def __init__(self, units: Units, keyring: Keyring, log: Log, clock: Clock) -> None:
        self._units = units
        self._keyring = keyring
        self._log = log
        self._clock = clock

    def open(self, actor: Actor, draft: MatterDraft) -> Matter:
        """Check `draft` whole, then make the matter, its key and the entry `matter.opened` in one unit."""
        actor.require(Permission.MATTER_CREATE)
        checked = rules.check_matter(draft)
        ids = {hop: new_id("rcp") for hop in rules.check_hops(draft.recipients)}
        recipients = rules.check_chain(draft.recipients, ids, checked.jurisdiction)
        demands = rules.check_demands(draft.demands)
        matter_id = new_id("mat")
        with self._units.change() as session:
            self._keyring.create(session, role=KeyRole.MATTER_KEK, owner=matter_id)
            entry = self._log.append(session, _opened(actor, matter_id, checked, recipients, demands))
            session.add(
                MatterRow(
                    id=matter_id,
                    title_sealed=self._seal(session, matter_id, "title", checked.title),
                    authority=checked.authority,
                    regime=checked.regime,
                    purpose=checked.purpose,
                    jurisdiction=checked.jurisdiction,
                    round=checked.round,
                    deadline=checked.deadline.isoformat() if checked.deadline else None,
                    created_by=actor.person_id,
                    created_at=self._clock.now(),
                    entry=entry,
                )
            )
            session.flush()
            session.add_all(self._recipient_row(session, matter_id, recipient) for recipient in recipients)
            session.add_all(
                self._demand_row(session, matter_id, place, item) for place, item in enumerate(demands, start=1)
            )
        return self.get(matter_id)

    def get(self, matter_id: str) -> Matter:
        """The matter with its texts opened, or `NoSuchMatter`."""
        with self._units.read() as session:
            row = session.get(MatterRow, matter_id)
            if row is None:
                raise NoSuchMatter(_NO_SUCH_MATTER)
            return self._to_matter(session, row)

    def require(self, matter_id: str) -> None:
        """Raise `NoSuchMatter` unless there is a matter with this id; nothing of it is opened."""
        with self._units.read() as session:
            if session.connection().scalar(_THERE, {"matter": matter_id}) is None:
                raise NoSuchMatter(_NO_SUCH_MATTER)

    def list(
        self, *, purpose: Purpose | None = None, after: str | None = None, limit: int | None = None
    ) -> tuple[MatterSummary, ...]:
        """At most `limit` matters, newest first, that were opened before the one with the id `after`."""
        query = keyset.part(select(MatterRow), MatterRow.id, after=after, limit=limit, newest_first=True)
        if purpose is not None:
            query = query.where(MatterRow.purpose == purpose)
        with self._units.read() as session:
            return tuple(self._to_summary(session, row) for row in session.scalars(query).all())

    def recipient(self, matter_id: str, recipient_id: str) -> Recipient:
        """The recipient of this matter with this id, or `NoSuchMatter`."""
        return self.get(matter_id).recipient(recipient_id)

    def context(self, matter: Matter, recipient: Recipient, profile: str, on: date) -> Mapping[str, str | int]:
        """The attributes by which a policy decides about a release to `recipient` in `profile` on the day `on`."""
        return rules.attributes(matter, matter.recipient(recipient.id), profile, on)

    def _recipient_row(self, session: Session, matter_id: str, recipient: Recipient) -> RecipientRow:
        return RecipientRow(
            id=recipient.id,
            matter_id=matter_id,
            hop=recipient.hop,
            name_sealed=self._seal(session, matter_id, f"recipient/{recipient.id}/name", recipient.name),
            recipient_class=recipient.recipient_class,
            jurisdiction=recipient.jurisdiction,
            language=recipient.language,
            profiles=" ".join(recipient.profiles),
            age_key=recipient.age_key,
            custody=" ".join(recipient.custody),
        )

    def _demand_row(self, session: Session, matter_id: str, place: int, item: DemandItem) -> DemandRow:
        context = f"demand/{item.number}"
        return DemandRow(
            matter_id=matter_id,
            number=item.number,
            place=place,
            text_sealed=self._seal(session, matter_id, f"{context}/text", item.text),
            legal_basis=item.legal_basis,
            citation_sealed=(
                None if item.citation is None else self._seal(session, matter_id, f"{context}/citation", item.citation)
            ),
            kinds=" ".join(item.kinds),
        )

    def _to_summary(self, session: Session, row: MatterRow) -> MatterSummary:
        title: str | None
        try:
            title = self._open(session, row.id, "title", row.title_sealed)
        except KeyShredded:
            title = None
        return MatterSummary(
            id=row.id,
            title=title,
            authority=row.authority,
            regime=row.regime,
            purpose=Purpose(row.purpose),
            round=row.round,
            deadline=_deadline(row),
            created_at=row.created_at,
        )

    def _to_matter(self, session: Session, row: MatterRow) -> Matter:
        recipients = session.scalars(
            select(RecipientRow).where(RecipientRow.matter_id == row.id).order_by(RecipientRow.hop)
        ).all()
        demands = session.scalars(
            select(DemandRow).where(DemandRow.matter_id == row.id).order_by(DemandRow.place)
        ).all()
        return Matter(
            id=row.id,
            title=self._open(session, row.id, "title", row.title_sealed),
            authority=row.authority,
            regime=row.regime,
            purpose=Purpose(row.purpose),
            jurisdiction=row.jurisdiction,
            round=row.round,
            deadline=_deadline(row),
            recipients=tuple(self._to_recipient(session, item) for item in recipients),
            demands=tuple(self._to_demand(session, item) for item in demands),
            created_by=row.created_by,
            created_at=row.created_at,
            entry=row.entry,
        )

    def _to_recipient(self, session: Session, row: RecipientRow) -> Recipient:
        return Recipient(
            id=row.id,
            hop=row.hop,
            name=self._open(session, row.matter_id, f"recipient/{row.id}/name", row.name_sealed),
            recipient_class=RecipientClass(row.recipient_class),
            jurisdiction=row.jurisdiction,
            language=Language(row.language),
            profiles=tuple(Profile(profile) for profile in row.profiles.split()),
            age_key=row.age_key,
            custody=tuple(row.custody.split()),
        )

    def _to_demand(self, session: Session, row: DemandRow) -> DemandItem:
        context = f"demand/{row.number}"
        sealed = row.citation_sealed
        return DemandItem(
            number=row.number,
            text=self._open(session, row.matter_id, f"{context}/text", row.text_sealed),
            legal_basis=LegalBasis(row.legal_basis),
            citation=None if sealed is None else self._open(session, row.matter_id, f"{context}/citation", sealed),
            kinds=tuple(row.kinds.split()),
        )

    def _seal(self, session: Session, matter_id: str, context: str, text: str) -> bytes:
        return self._keyring.seal_text(session, owner=matter_id, context=context, text=text)

    def _open(self, session: Session, matter_id: str, context: str, sealed: bytes) -> str:
        return self._keyring.open_text(session, owner=matter_id, context=context, sealed=sealed)


def _deadline(row: MatterRow) -> date | None:
    return None if row.deadline is None else date.fromisoformat(row.deadline)


def _opened(
    actor: Actor, matter_id: str, draft: MatterDraft, recipients: Sequence[Recipient], demands: Sequence[DemandItem]
) -> Act:
    """The entry of the opening: the chain by ids in the leaf, words and names in the sealed body."""
    return Act(
        type="matter.opened",
        actor=actor.person_id,
        matter=matter_id,
        facts={
            "demands": len(demands),
            "recipients": [
                {
                    "recipient": recipient.id,
                    "hop": recipient.hop,
                    "custody": recipient.custody,
                    "key": recipient_fingerprint(recipient.age_key) if recipient.age_key else None,
                }
                for recipient in recipients
            ],
        },
        body={
            "title": draft.title,
            "authority": draft.authority,
            "regime": draft.regime,
            "purpose": draft.purpose,
            "jurisdiction": draft.jurisdiction,
            "round": draft.round,
            "recipients": {
                recipient.id: {
                    "name": recipient.name,
                    "class": recipient.recipient_class.value,
                    "jurisdiction": recipient.jurisdiction,
                }
                for recipient in recipients
            },
            "demands": {
                item.number: {"text": item.text, "legal_basis": item.legal_basis.value, "citation": item.citation}
                for item in demands
            },
        },
    )
