"""Claim, renew and check by lease and fence, on one clock: the database's own rows decide, a worker only asks."""

from __future__ import annotations

import time

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from gateway.base.problems import Conflict
from gateway.db.unit import Units
from gateway.render.model import Claim, State
from gateway.render.tables import LeaseRow, RenditionRow

# No worker holds or gives back a rendition for longer.
_LONGEST_S = 600.0


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
            )
            .returning(LeaseRow.rendition, LeaseRow.fence, LeaseRow.attempt)
            .execution_options(synchronize_session=False)
        )
        with self._units.bookkeeping() as session:
            row = session.execute(taking).one_or_none()
        return None if row is None else Claim(*row)

    def renew(self, claim: Claim) -> None:
        """Hold on for another lease; raises `FencedOut` if somebody else holds it."""
        renewing = (
            update(LeaseRow)
            .where(LeaseRow.rendition == claim.rendition, LeaseRow.fence == claim.fence)
            .values(lease_until=time.time() + self.lease_s)
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
        mine = (LeaseRow.rendition == claim.rendition, LeaseRow.fence == claim.fence, LeaseRow.owner.is_not(None))
        giving = (
            update(LeaseRow)
            .where(*mine)
            .values(owner=None, lease_until=time.time() + after_s, attempt=LeaseRow.attempt - int(not counts))
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

    @staticmethod
    def enqueue(session: Session, rendition_id: str) -> None:
        """Make a rendition claimable, in the transaction that creates it."""
        session.add(LeaseRow(rendition=rendition_id, owner=None, lease_until=0.0, fence=0, attempt=0))

    @staticmethod
    def held(session: Session, rendition_id: str) -> bool:
        """Whether some worker holds it now."""
        until = session.scalar(select(LeaseRow.lease_until).where(LeaseRow.rendition == rendition_id))
        return until is not None and until > time.time()
