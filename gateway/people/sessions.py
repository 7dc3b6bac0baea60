"""Sessions: who signed in with a browser, kept as the digest of a cookie, over after idling and at a fixed end.

A session is told by its cookie alone; whoever reads the database cannot make one. The secret that pages send with
every change is derived from the cookie, so that it is good for this session and for no other.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.orm import Session as Transaction

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base import clock as times
from gateway.base.canon import Json, canonical
from gateway.base.clock import Clock
from gateway.base.ids import new_id
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.people import register, rules
from gateway.people.limits import TokenLimits
from gateway.people.model import (
    Actor,
    NoSuchPerson,
    OpenedSession,
    Permission,
    PersonState,
    Session,
    SessionNotValid,
    SignedIn,
)
from gateway.people.refusals import refusals_logged
from gateway.people.service import People
from gateway.people.tables import SessionRow

LIFETIME = timedelta(hours=12)
IDLE = timedelta(minutes=30)
# That somebody was here is written down no more often than this: a page asks for many things at once.
_SEEN_AGAIN = timedelta(minutes=1)
_OWNER = "deployment"
_PREFIX = "gws_"
_SHAPE = re.compile(r"gws_[A-Za-z0-9_-]{43}")
_SESSION = select(SessionRow.__table__).where(SessionRow.sha256 == bindparam("sha256"))
_REFUSED = "The session is over; sign in again."


class Sessions:
    """Opens sessions, says who comes with one, ends them."""

    def __init__(
        self,
        units: Units,
        keyring: Keyring,
        log: Log,
        clock: Clock,
        people: People,
        *,
        lifetime: timedelta = LIFETIME,
        idle: timedelta = IDLE,
    ) -> None:
        self._units = units
        self._keyring = keyring
        self._log = log
        self._clock = clock
        self._people = people
        self._lifetime = lifetime
        self._idle = idle
        self._limits = TokenLimits()

    def open_with_token(self, token: str) -> OpenedSession:
        """A session of whoever holds `token`: it may do no more than the token and ends no later."""
        actor, ends = self._people.token_ends(token)
        with refusals_logged(self._log, "session.refused", actor=actor.person_id), self._units.change() as session:
            return self.open_in(session, actor, "token", ends)

    def open_in(
        self, session: Transaction, actor: Actor, means: str, no_later_than: datetime | None = None
    ) -> OpenedSession:
        """A session of `actor` in the caller's unit, who has established by `means` that it is them."""
        self._limits.given(actor.person_id)
        now = self._clock.now()
        expires_at = now + self._lifetime
        if no_later_than is not None:
            expires_at = min(expires_at, no_later_than)
        cookie = _PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode("ascii")
        row = SessionRow(
            id=new_id("ses"),
            sha256=_digest(cookie),
            person_id=actor.person_id,
            means=means,
            scopes=" ".join(sorted(actor.scopes)),
            opened_at=now,
            seen_at=now,
            expires_at=expires_at,
        )
        row.terms_sealed = self._keyring.seal_bytes(session, owner=_OWNER, context=_context(row), data=_terms(row))
        session.add(row)
        facts: dict[str, Json] = {
            "person": actor.person_id,
            "means": means,
            "session": row.id,
            "expires_at": times.to_text(expires_at),
        }
        self._log.append(session, Act(type="session.opened", actor=actor.person_id, subject=row.id, facts=facts))
        return OpenedSession(cookie, SignedIn(actor, _session(row), _csrf(cookie)))

    def authenticate(self, untrusted_cookie: str) -> SignedIn:
        """Whoever signed in with this cookie, with the permissions that session *and* present roles hold."""
        if not _SHAPE.fullmatch(untrusted_cookie):
            raise SessionNotValid(_REFUSED)
        now = self._clock.now()
        with self._units.read() as session:
            row = session.connection().execute(_SESSION, {"sha256": _digest(untrusted_cookie)}).one_or_none()
            if row is None or row.ended_at is not None or row.expires_at <= now or row.seen_at + self._idle <= now:
                raise SessionNotValid(_REFUSED)
            if max(row.opened_at, row.seen_at) > now + rules.STATEMENT_AGE_MAX:
                raise SessionNotValid(_REFUSED)  # The clock was set back, and would make it last longer than it may.
            self._check_terms(session, row)
            standing = register.standing(session, row.person_id)
            register.check_granted(session, standing, self._log.entry_in)
            if standing.state is not PersonState.ACTIVE:
                raise SessionNotValid(_REFUSED)
            scopes = frozenset(Permission(scope) for scope in row.scopes.split())
            actor = Actor(standing.person_id, standing.roles, scopes & rules.permissions_of(standing.roles))
        if row.seen_at + _SEEN_AGAIN <= now:
            self._seen(row.id, now)
        return SignedIn(actor, _session(row), _csrf(untrusted_cookie))

    def of(self, actor: Actor, person_id: str) -> tuple[Session, ...]:
        """The sessions of a person that are not over, oldest first: one's own, or anybody's for an administrator."""
        if actor.person_id != person_id:
            actor.require(Permission.PEOPLE_PROPOSE)
        now = self._clock.now()
        open_ones = (
            select(SessionRow)
            .where(SessionRow.person_id == person_id, SessionRow.ended_at.is_(None))
            .where(SessionRow.expires_at > now, SessionRow.seen_at > now - self._idle)
            .order_by(SessionRow.id)
        )
        with self._units.read() as session:
            return tuple(_session(row) for row in session.scalars(open_ones))

    def end(self, actor: Actor, session_id: str) -> None:
        """End one session at once: one's own, or anybody's for an administrator."""
        with (
            refusals_logged(self._log, "session.refused", actor=actor.person_id, subject=session_id),
            self._units.change() as session,
        ):
            row = session.get(SessionRow, session_id)
            mine = row is not None and row.person_id == actor.person_id
            if row is None or row.ended_at is not None or not (mine or Permission.PEOPLE_PROPOSE in actor.scopes):
                raise NoSuchPerson("There is no session with this id.")
            if not mine:
                register.require_still(session, actor, Permission.PEOPLE_PROPOSE)
            row.ended_at = self._clock.now()
            facts: dict[str, Json] = {"person": row.person_id, "session": row.id}
            self._log.append(session, Act(type="session.ended", actor=actor.person_id, subject=row.id, facts=facts))

    def _seen(self, session_id: str, now: datetime) -> None:
        with self._units.bookkeeping() as session:
            seen = update(SessionRow).where(SessionRow.id == session_id, SessionRow.seen_at < now)
            session.execute(seen.values(seen_at=now), execution_options={"synchronize_session": False})

    def _check_terms(self, session: Transaction, row: Row[Any]) -> None:
        told = self._keyring.open_bytes(session, owner=_OWNER, context=_context(row), sealed=row.terms_sealed)
        if told != _terms(row):
            raise SessionNotValid(_REFUSED)


def _session(row: SessionRow | Row[Any]) -> Session:
    return Session(row.id, row.person_id, row.means, row.opened_at, row.seen_at, row.expires_at)


def _context(row: SessionRow | Row[Any]) -> str:
    return f"session/{row.id}"


def _terms(row: SessionRow | Row[Any]) -> bytes:
    return canonical(
        {
            "cookie_sha256": row.sha256,
            "person": row.person_id,
            "means": row.means,
            "scopes": row.scopes,
            "expires_at": times.to_text(row.expires_at),
        }
    )


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("ascii")).hexdigest()


def _csrf(cookie: str) -> str:
    told = hashlib.sha256(b"disclosure-gateway/csrf/v1\n" + cookie.encode("ascii")).digest()
    return base64.urlsafe_b64encode(told).rstrip(b"=").decode("ascii")
