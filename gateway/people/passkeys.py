"""Passkeys: registered by their person, good once a second person signed for them, revoked by either.

A passkey signs in, and it approves: its assertion over the SHA-256 of an approval's statement is a signature that a
stranger checks offline. What the log says of a passkey counts; its row alone proves nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session as Transaction

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base import clock as times
from gateway.base.canon import Json, canonical
from gateway.base.clock import Clock
from gateway.base.ids import new_id
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.people import ceremony, register, rules
from gateway.people.challenges import Challenges
from gateway.people.limits import TokenLimits
from gateway.people.model import (
    Actor,
    Invitation,
    InvitationNotValid,
    KeyTaken,
    NoSuchPerson,
    NothingProposed,
    OpenedSession,
    Passkey,
    PasskeyCopied,
    PasskeyNotValid,
    PasskeyRevoked,
    Permission,
    PersonState,
    RegisterChanged,
    SignatureRefused,
)
from gateway.people.refusals import NOBODY, refusals_logged
from gateway.people.service import People
from gateway.people.sessions import Sessions
from gateway.people.statements import passkey_statement
from gateway.people.tables import InvitationRow, PasskeyRow, PersonRow
from gateway.seal import assertion as webauthn
from gateway.seal import signature as ed25519
from gateway.seal.assertion import Assertion

INVITATION_LIFETIME = timedelta(hours=24)
PASSKEYS_EACH = 16
_OWNER = "deployment"
_PREFIX = "gwi_"
_SHAPE = re.compile(r"gwi_[A-Za-z0-9_-]{43}")
_SIGN_IN = "sign-in"


class Passkeys:
    """Everybody's passkeys, at the one origin of this gateway. No method takes or keeps a private key."""

    def __init__(
        self, units: Units, keyring: Keyring, log: Log, clock: Clock, people: People, sessions: Sessions
    ) -> None:
        self._units = units
        self._keyring = keyring
        self._log = log
        self._clock = clock
        self._people = people
        self._sessions = sessions
        self._challenges = Challenges(clock)
        self._limits = TokenLimits()

    def invite(self, actor: Actor, person_id: str) -> Invitation:
        """A one-time secret, good for a day, with which a person registers a passkey without a token."""
        actor.require(Permission.PEOPLE_PROPOSE)
        with (
            refusals_logged(self._log, "passkey.refused", actor=actor.person_id, subject=person_id),
            self._units.change() as session,
        ):
            register.require_still(session, actor, Permission.PEOPLE_PROPOSE)
            self._require_active(session, person_id)
            secret = _PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode("ascii")
            row = InvitationRow(
                sha256=_digest(secret),
                person_id=person_id,
                inviter=actor.person_id,
                expires_at=self._clock.now() + INVITATION_LIFETIME,
            )
            row.terms_sealed = self._keyring.seal_bytes(
                session, owner=_OWNER, context=f"invitation/{row.sha256}", data=_terms(row)
            )
            session.add(row)
            facts: dict[str, Json] = {"person": person_id, "expires_at": times.to_text(row.expires_at)}
            act = Act(type="passkey.invited", actor=actor.person_id, subject=person_id, facts=facts)
            self._log.append(session, act)
        return Invitation(secret, person_id, row.expires_at)

    def registration(self, person_id: str, origin: str, bound: str) -> dict[str, Json]:
        """Options to register a passkey of this person; `bound` is the session, token's person or invitation."""
        person = self._people.person(person_id)
        with self._units.read() as session:
            self._require_active(session, person_id)
            known = [one.credential for one in self._rows(session, person_id) if one.revoked_at is None]
        challenge = self._challenges.fresh(f"register {person_id} {bound}")
        return ceremony.creation_options(origin, challenge, person_id=person_id, name=person.name, known=known)

    def invited(self, untrusted_secret: str) -> tuple[str, str]:
        """Whom this invitation is for and who invited, or `InvitationNotValid`."""
        with self._units.read() as session:
            row = self._invitation(session, untrusted_secret)
            return row.person_id, row.inviter

    def register(
        self,
        person_id: str,
        origin: str,
        bound: str,
        *,
        credential: str,
        client_data: bytes,
        attestation: bytes,
        invitation: str | None = None,
    ) -> Passkey:
        """Take a new passkey in; it is good for nothing until a second person signs its statement."""
        with (
            refusals_logged(self._log, "passkey.refused", actor=person_id, subject=person_id),
            self._units.change() as session,
        ):
            self._require_active(session, person_id)
            challenge = webauthn.challenge_of(client_data)
            self._challenges.spend(challenge, f"register {person_id} {bound}")
            made = ceremony.registered(
                origin, challenge, credential=credential, client_data=client_data, attestation=attestation
            )
            proposer = person_id if invitation is None else self._use(session, invitation, person_id)
            self._require_free(session, person_id, made)
            row = PasskeyRow(
                id=new_id("psk"),
                person_id=person_id,
                credential=made.credential,
                key=made.key,
                origin=origin,
                backup_eligible=made.backup_eligible,
                backed_up=made.backed_up,
                sign_count=made.sign_count,
                proposer=proposer,
                proposed_at=self._clock.now(),
            )
            session.add(row)
            facts: dict[str, Json] = {"person": person_id, "passkey": row.id, "key": row.key, "proposer": proposer}
            act = Act(type="passkey.proposed", actor=person_id, subject=row.id, facts=facts)
            self._log.append(session, act)
            return _passkey(row)

    def countersign(self, actor: Actor, passkey_id: str, signature: bytes) -> Passkey:
        """Make a passkey good: a second person, neither its own nor who invited, signed its `statement`."""
        actor.require(Permission.PEOPLE_COUNTERSIGN)
        with (
            refusals_logged(self._log, "passkey.refused", actor=actor.person_id, subject=passkey_id),
            self._units.change() as session,
        ):
            row = self._row(session, passkey_id)
            if row.entry is not None or row.revoked_at is not None:
                raise NothingProposed("This passkey does not wait for a second signature.")
            self._require_active(session, row.person_id)
            second = self._people.require_still(session, actor, Permission.PEOPLE_COUNTERSIGN)
            rules.check_second_person(
                countersigner=second.person_id, roles=second.roles, proposer=row.proposer, subject=row.person_id
            )
            statement = _statement(row)
            try:
                ed25519.from_text(second.public_key).verify(signature, statement)
            except ed25519.SignatureInvalid as error:
                raise SignatureRefused(
                    "The signature was not made by your key over the passkey's statement."
                ) from error
            facts: dict[str, Json] = {
                **_bound(row),
                "countersigner": second.person_id,
                "statement_sha256": hashlib.sha256(statement).hexdigest(),
                "signature": signature.hex(),
            }
            act = Act(type="passkey.enrolled", actor=second.person_id, subject=row.id, facts=facts)
            row.entry = self._log.append(session, act)
            row.countersigner = second.person_id
            return _passkey(row)

    def revoke(self, actor: Actor, passkey_id: str) -> Passkey:
        """Take a passkey out of use for good, with its person's sessions: one's own, or anybody's as administrator."""
        with (
            refusals_logged(self._log, "passkey.refused", actor=actor.person_id, subject=passkey_id),
            self._units.change() as session,
        ):
            row = self._row(session, passkey_id)
            if row.person_id != actor.person_id:
                actor.require(Permission.PEOPLE_PROPOSE)
                register.require_still(session, actor, Permission.PEOPLE_PROPOSE)
            if row.revoked_at is not None:
                raise NothingProposed("This passkey was revoked already.")
            row.revoked_at = self._clock.now()
            ended = register.end_sessions(session, row.person_id, row.revoked_at)
            facts: dict[str, Json] = {"person": row.person_id, "passkey": row.id, "sessions_ended": ended}
            self._log.append(session, Act(type="passkey.revoked", actor=actor.person_id, subject=row.id, facts=facts))
            return _passkey(row)

    def of(self, actor: Actor, person_id: str) -> tuple[Passkey, ...]:
        """The passkeys of a person, oldest first: one's own, or anybody's for those who read the register."""
        if actor.person_id != person_id:
            actor.require(Permission.PEOPLE_READ)
        with self._units.read() as session:
            register.person_row(session, person_id)
            return tuple(_passkey(row) for row in self._rows(session, person_id))

    def waiting(self, actor: Actor) -> tuple[Passkey, ...]:
        """The passkeys of active people that wait for a second person's signature, oldest first."""
        actor.require(Permission.PEOPLE_READ)
        waits = (
            select(PasskeyRow)
            .join(PersonRow, PersonRow.id == PasskeyRow.person_id)
            .where(PasskeyRow.entry.is_(None), PasskeyRow.revoked_at.is_(None), PersonRow.state == PersonState.ACTIVE)
            .order_by(PasskeyRow.id)
        )
        with self._units.read() as session:
            return tuple(_passkey(row) for row in session.scalars(waits))

    def sign_in_options(self, origin: str) -> dict[str, Json]:
        """Options to sign in with whatever passkey the authenticator has for this gateway; nothing is kept of them."""
        return ceremony.request_options(origin, self._challenges.fresh(_SIGN_IN))

    def sign_in(self, credential: str, assertion: Assertion, origin: str) -> OpenedSession:
        """A session of the person whose passkey answered the gateway's challenge."""
        with (
            refusals_logged(self._log, "session.refused", actor=NOBODY, room=lambda: self._limits.refused(NOBODY)),
            self._units.change() as session,
        ):
            row = self._good(session, credential)
            webauthn.check_challenge(row.key, assertion, assertion.challenge, origin)
            self._challenges.spend(assertion.challenge, _SIGN_IN)
            self._count(row, assertion)
            held = register.standing(session, row.person_id)
            actor = Actor(held.person_id, held.roles, rules.permissions_of(held.roles))
            return self._sessions.open_in(session, actor, "passkey")

    def ask(self, session_id: str, person_id: str, statement: bytes, origin: str) -> dict[str, Json]:
        """Options to sign `statement` with a passkey of this person, in this session, within five minutes, once."""
        with self._units.read() as session:
            rows = [row for row in self._rows(session, person_id) if row.entry is not None and row.revoked_at is None]
            if not rows:
                raise PasskeyNotValid(
                    "You have no passkey that a second person signed for; register one, or approve with your key."
                )
            known = [row.credential for row in rows if row.origin == origin]
        challenge = hashlib.sha256(statement).digest()
        self._challenges.hold(challenge, session_id, person_id)
        return ceremony.request_options(origin, challenge, known)

    def answer(
        self, session: Transaction, session_id: str, person_id: str, statement: bytes, credential: str, given: Assertion
    ) -> str:
        """The key that signed `statement`, which `ask` asked for in this session, or a problem saying what differs."""
        row = self._good(session, credential)
        if row.person_id != person_id:
            raise PasskeyNotValid("This passkey is somebody else's; use your own.")
        webauthn.check(row.key, given, statement, row.origin)
        self._challenges.release(given.challenge, session_id, person_id)
        self._count(row, given)
        return row.key

    def check_still(self, session: Transaction, person_id: str, key: str, statement: bytes, packed: bytes) -> None:
        """Raise unless this stored assertion holds by a passkey that is this person's and good now."""
        row = session.scalar(select(PasskeyRow).where(PasskeyRow.key == key))
        if row is None or row.person_id != person_id:
            raise PasskeyNotValid("An approver's passkey is not theirs; ask for the approval again.")
        self._require_good(session, row)
        webauthn.check(row.key, Assertion.unpack(packed), statement, row.origin)

    def _good(self, session: Transaction, credential: str) -> PasskeyRow:
        row = session.scalar(select(PasskeyRow).where(PasskeyRow.credential == credential))
        if row is None:
            raise PasskeyNotValid("This passkey is not known here; register it first.")
        self._require_good(session, row)
        return row

    def _require_good(self, session: Transaction, row: PasskeyRow) -> None:
        # The row alone could have been put back.
        if row.revoked_at is not None or self._log.newest(session, type="passkey.revoked", subject=row.id) is not None:
            raise PasskeyRevoked("This passkey was revoked; use another one.")
        if row.entry is None:
            raise PasskeyNotValid("This passkey waits for a second person's signature; ask for it.")
        held = register.standing(session, row.person_id)
        held.require_active()
        register.check_granted(session, held, self._log.entry_in)
        said = json.loads(self._log.entry_in(session, row.entry))
        if said["type"] != "passkey.enrolled" or {**said["facts"], **_bound(row)} != said["facts"]:
            raise RegisterChanged("This passkey is not the one in the log; restore the register.")

    def _count(self, row: PasskeyRow, given: Assertion) -> None:
        if (given.count or row.sign_count) and given.count <= row.sign_count:
            raise PasskeyCopied("The passkey counts less than before: there may be a copy; revoke it and use another.")
        row.sign_count = given.count
        row.backed_up = given.backed_up

    def _require_active(self, session: Transaction, person_id: str) -> None:
        held = register.standing(session, person_id)
        if held.state is not PersonState.ACTIVE:
            raise NothingProposed("Passkeys are for active people alone.")
        register.check_granted(session, held, self._log.entry_in)

    def _require_free(self, session: Transaction, person_id: str, made: ceremony.Registered) -> None:
        taken = select(PasskeyRow.id).where((PasskeyRow.credential == made.credential) | (PasskeyRow.key == made.key))
        if session.scalar(taken.limit(1)) is not None:
            raise KeyTaken("This passkey is registered already, or was; make a new one.")
        if sum(row.revoked_at is None for row in self._rows(session, person_id)) >= PASSKEYS_EACH:
            raise NothingProposed(f"A person has at most {PASSKEYS_EACH} passkeys; revoke one first.")

    def _invitation(self, session: Transaction, untrusted_secret: str) -> InvitationRow:
        shaped = _SHAPE.fullmatch(untrusted_secret)
        row = session.get(InvitationRow, _digest(untrusted_secret)) if shaped else None
        if row is None or row.used_at is not None or row.expires_at <= self._clock.now():
            raise InvitationNotValid("The invitation is unknown, used or too old; ask the administrator for a new one.")
        told = self._keyring.open_bytes(
            session, owner=_OWNER, context=f"invitation/{row.sha256}", sealed=row.terms_sealed
        )
        if told != _terms(row):
            raise InvitationNotValid("The invitation is not as it was given; ask the administrator for a new one.")
        return row

    def _use(self, session: Transaction, untrusted_secret: str, person_id: str) -> str:
        row = self._invitation(session, untrusted_secret)
        if row.person_id != person_id:
            raise InvitationNotValid("The invitation is for somebody else.")
        row.used_at = self._clock.now()
        return row.inviter

    @staticmethod
    def _rows(session: Transaction, person_id: str) -> list[PasskeyRow]:
        return list(
            session.scalars(select(PasskeyRow).where(PasskeyRow.person_id == person_id).order_by(PasskeyRow.id))
        )

    @staticmethod
    def _row(session: Transaction, passkey_id: str) -> PasskeyRow:
        row = session.get(PasskeyRow, passkey_id)
        if row is None:
            raise NoSuchPerson("There is no passkey with this id.")
        return row


def _bound(row: PasskeyRow) -> dict[str, Any]:
    return {
        "person": row.person_id,
        "passkey": row.id,
        "key": row.key,
        "origin": row.origin,
        "proposer": row.proposer,
        "at": times.to_text(row.proposed_at),
    }


def _statement(row: PasskeyRow) -> bytes:
    return passkey_statement(
        person=row.person_id,
        passkey=row.id,
        key=row.key,
        origin=row.origin,
        proposer=row.proposer,
        at=row.proposed_at,
    )


def _passkey(row: PasskeyRow) -> Passkey:
    return Passkey(
        id=row.id,
        person_id=row.person_id,
        key=row.key,
        origin=row.origin,
        backup_eligible=row.backup_eligible,
        backed_up=row.backed_up,
        proposer=row.proposer,
        proposed_at=row.proposed_at,
        entry=row.entry,
        revoked_at=row.revoked_at,
        statement=_statement(row),
    )


def _terms(row: InvitationRow) -> bytes:
    return canonical({"person": row.person_id, "inviter": row.inviter, "expires_at": times.to_text(row.expires_at)})


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("ascii")).hexdigest()
