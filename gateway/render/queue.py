"""Claim, renew and end by lease and fence, on one clock: the database's own rows decide, a worker only asks."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from gateway.base.problems import Conflict
from gateway.base.progress import Progress, Stage
from gateway.db.unit import Units
from gateway.render.model import Claim, Held, State
from gateway.render.tables import LeaseRow, RenditionRow

# No worker holds or gives back a rendition for longer.
_LONGEST_S = 600.0
_NOTHING_TOLD: dict[str, None] = dict.fromkeys(("stage", "done", "total", "told_at"))


class FencedOut(Conflict):
    """Another worker took this rendition over; this one's result is discarded."""

    slug = "fenced-out"
    title = "Another worker took over"


def _run_out(now: float, lease_s: float) -> ColumnElement[bool]:
    return or_(LeaseRow.lease_until < now, LeaseRow.lease_until > now + max(_LONGEST_S, 2 * lease_s))


class Queue:
    """Renditions waiting for a worker. Nothing is lost when a worker dies: its lease runs out."""

    def __init__(self, units: Units, lease_s: float) -> None:
        self._units = units
        self.lease_s = lease_s

    def claim(self, owner: str) -> Claim | None:
        """The oldest rendition that nobody holds, or None.

        A lease far in the future was written before the clock was set back, and holds nothing.
        """
        now = time.time()
        ready = (
            select(LeaseRow.rendition)
            .join(RenditionRow, RenditionRow.id == LeaseRow.rendition)
            .where(RenditionRow.state == State.QUEUED, _run_out(now, self.lease_s))
            .order_by(LeaseRow.rendition)
            .limit(1)
        )
        with self._units.read() as session:
            if session.scalar(ready) is None:
                return None  # Workers ask all the time; only one that may find something queues among the writers.
        taking = (
            update(LeaseRow)
            .where(LeaseRow.rendition == ready.scalar_subquery())
            .values(
                owner=owner,
                lease_until=now + self.lease_s,
                fence=LeaseRow.fence + 1,
                attempt=LeaseRow.attempt + 1,
                **_NOTHING_TOLD,
            )
            .returning(LeaseRow.rendition, LeaseRow.fence, LeaseRow.attempt)
            .execution_options(synchronize_session=False)
        )
        with self._units.bookkeeping() as session:
            row = session.execute(taking).one_or_none()
        return None if row is None else Claim(*row)

    def renew(self, claim: Claim, progress: Progress | None = None) -> None:
        """Hold on for another lease, and say how far it is; raises `FencedOut` where it is not held any more.

        What is said is bookkeeping: it has no entry, and no word of it comes from an original.
        """
        told = _NOTHING_TOLD if progress is None else _told(progress)
        renewing = (
            update(LeaseRow)
            .where(*_held_by(claim))
            .values(lease_until=time.time() + self.lease_s, **told)
            .returning(LeaseRow.rendition)
            .execution_options(synchronize_session=False)
        )
        with self._units.bookkeeping() as session:
            if session.execute(renewing).one_or_none() is None:
                raise FencedOut("Another worker has taken this rendition over.")

    def give_back(self, claim: Claim, after_s: float, *, counts: bool = False) -> None:
        """Let another try begin in `after_s`; this one counts only where the original may be at fault.

        Does nothing the second time, so that it can be repeated where the answer was lost.
        """
        giving = (
            update(LeaseRow)
            .where(*_held_by(claim))
            .values(
                owner=None,
                lease_until=time.time() + after_s,
                attempt=LeaseRow.attempt - int(not counts),
                **_NOTHING_TOLD,
            )
            .execution_options(synchronize_session=False)
        )
        with self._units.bookkeeping() as session:
            session.execute(giving)

    @staticmethod
    def check(session: Session, claim: Claim) -> None:
        """Inside the finishing transaction: the claim is still the newest one."""
        fence = session.scalar(select(LeaseRow.fence).where(LeaseRow.rendition == claim.rendition))
        if fence != claim.fence:
            raise FencedOut("Another worker has taken this rendition over.")

    def end(self, session: Session, claim: Claim) -> None:
        """The same, and nothing is left of how far it was."""
        self.check(session, claim)
        ending = (
            update(LeaseRow)
            .where(LeaseRow.rendition == claim.rendition)
            .values(owner=None, lease_until=0.0, **_NOTHING_TOLD)
            .execution_options(synchronize_session=False)
        )
        session.execute(ending)

    @staticmethod
    def enqueue(session: Session, rendition_id: str) -> None:
        """Make a rendition claimable, in the transaction that creates it."""
        session.add(LeaseRow(rendition=rendition_id, owner=None, lease_until=0.0, fence=0, attempt=0))

    @staticmethod
    def held(session: Session, rendition_id: str) -> Held | None:
        """That some worker holds it now, or None."""
        row = session.get(LeaseRow, rendition_id)
        if row is None or row.lease_until <= time.time():
            return None
        if row.stage is None or row.told_at is None:
            return Held(None)
        return Held(Progress(Stage(row.stage), row.done or 0, row.total or 0, row.told_at))


def _held_by(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return LeaseRow.rendition == claim.rendition, LeaseRow.fence == claim.fence, LeaseRow.owner.is_not(None)


def _told(progress: Progress) -> dict[str, Any]:
    return {"stage": progress.stage, "done": progress.done, "total": progress.total, "told_at": progress.told_at}
