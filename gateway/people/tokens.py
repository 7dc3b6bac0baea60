"""Tokens: given for a statement that the person signed with their own key, kept as a digest, refused twice."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base import clock as times
from gateway.base.canon import Json, canonical
from gateway.base.clock import Clock
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.people import register, rules
from gateway.people.limits import TokenLimits, TooManyRequests
from gateway.people.model import (
    Actor,
    IssuedToken,
    NoSuchPerson,
    Permission,
    PersonNotActive,
    PersonState,
    SignatureRefused,
    Standing,
    TokenNotValid,
    TokenReplayed,
)
from gateway.people.refusals import NOBODY, refusals_logged
from gateway.people.statements import TokenTerms, parse_token_statement
from gateway.people.tables import PersonRow, TokenRow
from gateway.seal import signature as ed25519

_OWNER = "deployment"
_PREFIX = "gwt_"
# Looked up with every request: built once, and read past the session, which would make objects of it.
_TOKEN = select(TokenRow.__table__).where(TokenRow.sha256 == bindparam("sha256"))
_SHAPE = re.compile(r"gwt_[A-Za-z0-9_-]{43}")


class Tokens:
    """Issues tokens and says who comes with one."""

    def __init__(self, units: Units, keyring: Keyring, log: Log, clock: Clock, *, lifetime_max: timedelta) -> None:
        self._units = units
        self._keyring = keyring
        self._log = log
        self._clock = clock
        self._lifetime_max = lifetime_max
        self._limits = TokenLimits()

    def issue(self, untrusted_statement: bytes, signature: bytes) -> IssuedToken:
        """A fresh token on the signed terms, told this once.

        1. The statement has its documented canonical form.
        2. Its person is active, and 3. their enrolled key signed it. So far nothing but reads.
        4. It was signed just now, for a lawful time, for permissions that the person's roles hold.
        5. No statement of this person used its nonce before, and 6. they were not given too many of late.

        What is refused has an entry within the bounds of `TokenLimits`.
        """
        terms = parse_token_statement(untrusted_statement)
        with refusals_logged(
            self._log, "token.refused", actor=NOBODY, subject=terms.person_id, room=lambda: self._room(terms)
        ):
            with self._units.read() as session:
                self._check_signed(session, terms, untrusted_statement, signature)
            with self._units.change() as session:
                token = self._given(session, terms)
        self.tell_unlogged()
        return IssuedToken(token, terms.person_id, terms.scopes, terms.expires_at)

    def tell_unlogged(self) -> None:
        """Write an entry that tells how many refusals had none since the last, if there were any."""
        unlogged = self._limits.unlogged()
        if unlogged:
            facts: dict[str, Json] = {"problem": TooManyRequests.slug, "unlogged": unlogged}
            self._log.refused(Act(type="token.refused", actor=NOBODY, facts=facts))

    def authenticate(self, untrusted_token: str) -> Actor:
        """Whoever this token was given to, with the permissions that token *and* present roles hold."""
        return self.held(untrusted_token)[0]

    def held(self, untrusted_token: str) -> tuple[Actor, datetime]:
        """The same, and when the token ends.

        Tokens are found by their SHA-256, so that the time a look-up takes tells nothing about a near miss.
        """
        refused = TokenNotValid("The token is unknown, expired or revoked; sign a new token statement.")
        if not _SHAPE.fullmatch(untrusted_token):
            raise refused
        now = self._clock.now()
        with self._units.read() as session:
            row = session.connection().execute(_TOKEN, {"sha256": _digest(untrusted_token)}).one_or_none()
            if row is None or row.revoked_at is not None or row.expires_at <= now:
                raise refused
            if row.issued_at > now + rules.STATEMENT_AGE_MAX:
                raise refused  # The clock was set back, and would make the token last longer than it may.
            self._check_terms(session, row)
            standing = register.standing(session, row.person_id)
            register.check_granted(session, standing, self._log.entry_in)
            if standing.state is not PersonState.ACTIVE:
                raise refused
            scopes = frozenset(Permission(scope) for scope in row.scopes.split())
            actor = Actor(standing.person_id, standing.roles, scopes & rules.permissions_of(standing.roles))
            return actor, row.expires_at

    def _room(self, terms: TokenTerms) -> int:
        with self._units.read() as session:
            known = session.get(PersonRow, terms.person_id) is not None
        return self._limits.refused(terms.person_id if known else NOBODY)

    def _check_signed(self, session: Session, terms: TokenTerms, statement: bytes, signature: bytes) -> None:
        standing = self._active(session, terms.person_id)
        try:
            ed25519.from_text(standing.public_key).verify(signature, statement)
        except ed25519.SignatureInvalid as error:
            raise SignatureRefused("The statement is not signed by the key enrolled for this person.") from error

    def _given(self, session: Session, terms: TokenTerms) -> str:
        standing = self._active(session, terms.person_id)
        register.check_granted(session, standing, self._log.entry_in)
        now = self._clock.now()
        rules.check_token_terms(
            terms, granted=rules.permissions_of(standing.roles), now=now, lifetime_max=self._lifetime_max
        )
        used = select(TokenRow.sha256).where(TokenRow.person_id == terms.person_id, TokenRow.nonce == terms.nonce)
        if session.scalar(used) is not None:
            raise TokenReplayed("This statement has given its token; sign a new one with a new nonce.")
        self._limits.given(terms.person_id)
        token = _PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode("ascii")
        row = TokenRow(
            sha256=_digest(token),
            person_id=terms.person_id,
            scopes=" ".join(sorted(terms.scopes)),
            nonce=terms.nonce,
            issued_at=now,
            expires_at=terms.expires_at,
        )
        row.terms_sealed = self._keyring.seal_bytes(session, owner=_OWNER, context=_context(row), data=_terms(row))
        session.add(row)
        facts: dict[str, Json] = {
            "person": terms.person_id,
            "scopes": sorted(scope.value for scope in terms.scopes),
            "expires_at": times.to_text(terms.expires_at),
        }
        self._log.append(session, Act(type="token.issued", actor=terms.person_id, subject=terms.person_id, facts=facts))
        return token

    @staticmethod
    def _active(session: Session, person_id: str) -> Standing:
        try:
            standing = register.standing(session, person_id)
        except NoSuchPerson as error:
            raise PersonNotActive("There is no active person with this id.") from error
        standing.require_active()
        return standing

    def _check_terms(self, session: Session, row: Row[Any]) -> None:
        told = self._keyring.open_bytes(session, owner=_OWNER, context=_context(row), sealed=row.terms_sealed)
        if told != _terms(row):
            raise TokenNotValid("The token is not on the terms it was given on; sign a new token statement.")


def _context(row: TokenRow | Row[Any]) -> str:
    return f"token/{row.sha256}"


def _terms(row: TokenRow | Row[Any]) -> bytes:
    return canonical({"person": row.person_id, "scopes": row.scopes, "expires_at": times.to_text(row.expires_at)})


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("ascii")).hexdigest()
