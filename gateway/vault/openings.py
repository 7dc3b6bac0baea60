"""Openings: ten minutes of one person's access to one object, each an entry that is durable before the first byte."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base.clock import Clock
from gateway.base.ids import new_id
from gateway.db.metadata import Base, UtcTime
from gateway.db.unit import Units
from gateway.vault.model import Shredded
from gateway.vault.service import Opened, Vault

LASTS = timedelta(minutes=10)


class OpeningRow(Base):
    """The newest opening of one object by one person."""

    __tablename__ = "opening"
    __table_args__ = (UniqueConstraint("person", "object_id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    person: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[str] = mapped_column(String(40))
    expires_at: Mapped[datetime] = mapped_column(UtcTime)


class Openings:
    """Grants openings and opens objects under them."""

    def __init__(self, units: Units, log: Log, clock: Clock, vault: Vault) -> None:
        self._units = units
        self._log = log
        self._clock = clock
        self._vault = vault

    @contextmanager
    def open(self, person: str, object_id: str, subject: str) -> Iterator[Opened]:
        """The object, opened for `person`; `subject` is what it is (an original's or rendition's id) in the log.

        An opening that has not run out is used again, so that the ranges of one viewing are one entry. One that was
        granted later than now is none: the clock was set back, and would make it last longer than it may.
        """
        self._grant(person, object_id, subject)
        with self._units.read() as session:
            opened = self._vault.open(session, object_id)
        with opened:
            yield opened

    def _grant(self, person: str, object_id: str, subject: str) -> None:
        now = self._clock.now()
        newest = select(OpeningRow).where(OpeningRow.person == person, OpeningRow.object_id == object_id)
        with self._units.read() as session:
            row = session.scalar(newest)
            if row is not None and row.expires_at - LASTS <= now < row.expires_at:
                return
        with self._units.change() as session:
            stored = self._vault.object(session, object_id)
            if stored.shredded_at is not None:
                raise Shredded("This was shredded on purpose; nobody can open it again.")
            row = session.scalar(newest)
            if row is None:
                row = OpeningRow(id=new_id("opn"), person=person, object_id=object_id)
                session.add(row)
            row.expires_at = now + LASTS
            self._log.append(
                session,
                Act(
                    type="object.opened",
                    actor=person,
                    matter=stored.matter,
                    subject=subject,
                    facts={"object": object_id, "role": stored.role, "opening": row.id},
                ),
            )
