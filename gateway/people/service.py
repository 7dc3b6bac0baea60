"""The register of people: founding, enrolment by a second signature, roles, tokens, retirement."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base import clock as times
from gateway.base.canon import Json
from gateway.base.clock import Clock
from gateway.base.ids import new_id
from gateway.base.text import clean_line
from gateway.db import keyset
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.people import register, rules, statements
from gateway.people.model import (
    Actor,
    AlreadyFounded,
    Founder,
    FoundingRefused,
    IssuedToken,
    NothingProposed,
    Permission,
    Person,
    PersonState,
    Proposal,
    Role,
    SignatureRefused,
    Standing,
    role_names,
)
from gateway.people.refusals import NOBODY, refusals_logged
from gateway.people.tables import FoundingRow, PersonRow, ProposalRow
from gateway.people.tokens import Tokens
from gateway.seal import signature as ed25519
from gateway.seal.signature import PublicKey

TOKEN_LIFETIME_MAX = timedelta(hours=12)
_OWNER = "deployment"


class People:
    """Everybody who may act here. No method takes or keeps a private key."""

    def __init__(
        self,
        units: Units,
        keyring: Keyring,
        log: Log,
        clock: Clock,
        *,
        token_lifetime_max: timedelta = TOKEN_LIFETIME_MAX,
    ) -> None:
        self._units = units
        self._keyring = keyring
        self._log = log
        self._clock = clock
        self._deployment = keyring.tenant
        self._tokens = Tokens(units, keyring, log, clock, lifetime_max=token_lifetime_max)

    def founding_statement(
        self, first: tuple[str, Collection[Role]], second: tuple[str, Collection[Role]], at: datetime
    ) -> bytes:
        """What both founders sign, each given as (public key, roles)."""
        return statements.founding_statement(deployment=self._deployment, founders=(first, second), at=at)

    def found(self, first: Founder, second: Founder, *, at: datetime) -> tuple[Person, Person]:
        """Make the two founders active: once, together, each by their own signature over the same statement.

        The log's first checkpoint is signed over it, so that from here on a log put back is noticed.
        """
        statement = self.founding_statement((first.public_key, first.roles), (second.public_key, second.roles), at)
        founders = {new_id("per"): founder for founder in (first, second)}
        names = {person_id: clean_line(founder.name, what="name") for person_id, founder in founders.items()}
        with refusals_logged(self._log, "founding.refused", actor=NOBODY), self._units.change() as session:
            if session.scalar(select(PersonRow.id).limit(1)) is not None:
                raise AlreadyFounded("This deployment is founded; an administrator proposes further people.")
            rules.check_founders(first.roles, second.roles)
            rules.check_founding_time(at, self._clock.now())
            if first.public_key == second.public_key:
                raise FoundingRefused("Two founders sign with two keys.")
            for founder in founders.values():
                _check_signature(founder.public_key, founder.signature, statement)
            entry = self._log.append(session, self._founded(founders, names, at))
            session.add(FoundingRow(deployment=self._deployment, at=at, entry=entry))
            for person_id, founder in founders.items():
                row = self._add_person(session, person_id, names[person_id], founder.public_key)
                row.state = PersonState.ACTIVE
                row.key_entry = entry
                session.flush()
                register.give_roles(session, person_id, founder.roles, entry)
        self._log.checkpoint()
        one, other = (self.person(person_id) for person_id in founders)
        return one, other

    def propose(self, actor: Actor, *, name: str, roles: Collection[Role], public_key: str) -> Person:
        """Bring in a person who can do nothing until a second person signs `enrolment_statement`."""
        actor.require(Permission.PEOPLE_PROPOSE)
        name = clean_line(name, what="name")
        key = ed25519.to_text(ed25519.from_text(public_key))
        person_id = new_id("per")
        with refusals_logged(self._log, "person.refused", actor=actor.person_id), self._units.change() as session:
            register.require_still(session, actor, Permission.PEOPLE_PROPOSE)
            rules.check_roles(roles)
            register.require_free_key(session, key)
            self._add_person(session, person_id, name, key)
            session.flush()
            proposal = self._add_proposal(session, actor, person_id, roles)
            facts = {"person": person_id, "key": key, "roles": role_names(roles), "proposal": proposal.id}
            self._log.append(
                session,
                Act(
                    type="person.proposed",
                    actor=actor.person_id,
                    subject=person_id,
                    facts=facts,
                    body={"name": name},
                ),
            )
        return self.person(person_id)

    def enrolment_statement(self, person_id: str) -> bytes:
        """What a second person signs to make this proposed person active."""
        with self._units.read() as session:
            return register.to_proposal(session, register.waiting_enrolment(session, person_id)).statement

    def countersign(self, actor: Actor, person_id: str, signature: bytes) -> Person:
        """Make a proposed person active by the signature of a second person over `enrolment_statement`."""
        actor.require(Permission.PEOPLE_COUNTERSIGN)
        with (
            refusals_logged(self._log, "person.refused", actor=actor.person_id, subject=person_id),
            self._units.change() as session,
        ):
            proposal = register.waiting_enrolment(session, person_id)
            entry = self._countersigned(session, actor, proposal, signature, act_type="person.enrolled")
            row = register.person_row(session, person_id)
            row.state = PersonState.ACTIVE
            row.key_entry = entry
        return self.person(person_id)

    def propose_roles(self, actor: Actor, person_id: str, roles: Collection[Role]) -> Proposal:
        """Propose further roles for an active person; they hold once a second person signs the statement."""
        actor.require(Permission.PEOPLE_PROPOSE)
        with (
            refusals_logged(self._log, "roles.refused", actor=actor.person_id, subject=person_id),
            self._units.change() as session,
        ):
            register.require_still(session, actor, Permission.PEOPLE_PROPOSE)
            held = self._active(session, person_id).roles
            wanted = frozenset(roles) - held
            if not wanted:
                raise NothingProposed("This person holds these roles already.")
            rules.check_roles(held | wanted)
            row = self._add_proposal(session, actor, person_id, wanted)
            facts: dict[str, Json] = {"person": person_id, "roles": role_names(wanted), "proposal": row.id}
            self._log.append(session, Act(type="roles.proposed", actor=actor.person_id, subject=person_id, facts=facts))
            return register.to_proposal(session, row)

    def countersign_roles(self, actor: Actor, proposal_id: str, signature: bytes) -> Person:
        """Grant proposed roles by the signature of a second person over the proposal's statement."""
        actor.require(Permission.PEOPLE_COUNTERSIGN)
        with (
            refusals_logged(self._log, "roles.refused", actor=actor.person_id, subject=proposal_id),
            self._units.change() as session,
        ):
            proposal = register.waiting(session, proposal_id)
            self._active(session, proposal.person_id)
            self._countersigned(session, actor, proposal, signature, act_type="roles.granted")
            person_id = proposal.person_id
        return self.person(person_id)

    def remove_roles(self, actor: Actor, person_id: str, roles: Collection[Role]) -> Person:
        """Take roles away at once; one administrator is enough to take, never to give."""
        actor.require(Permission.PEOPLE_PROPOSE)
        with (
            refusals_logged(self._log, "roles.refused", actor=actor.person_id, subject=person_id),
            self._units.change() as session,
        ):
            register.require_still(session, actor, Permission.PEOPLE_PROPOSE)
            held = self._active(session, person_id).roles
            gone = held & frozenset(roles)
            if not gone:
                raise NothingProposed("This person holds none of these roles.")
            if gone == held:
                raise NothingProposed("This would leave the person without a role; retire them instead.")
            rules.check_remaining((register.active_roles(session) | {person_id: held - gone}).values())
            register.take_roles(session, person_id, gone)
            facts: dict[str, Json] = {"person": person_id, "roles": role_names(gone)}
            self._log.append(session, Act(type="roles.removed", actor=actor.person_id, subject=person_id, facts=facts))
        return self.person(person_id)

    def retire(self, actor: Actor, person_id: str) -> Person:
        """Take a person, or a proposal of one, out for good and at once: key, roles, tokens and sessions end here."""
        actor.require(Permission.PEOPLE_PROPOSE)
        with (
            refusals_logged(self._log, "person.refused", actor=actor.person_id, subject=person_id),
            self._units.change() as session,
        ):
            register.require_still(session, actor, Permission.PEOPLE_PROPOSE)
            row = register.person_row(session, person_id)
            if row.state == PersonState.RETIRED:
                raise NothingProposed("This person was retired already.")
            remaining = register.active_roles(session)
            if remaining.pop(person_id, None):
                rules.check_remaining(remaining.values())
            row.state = PersonState.RETIRED
            row.retired_at = self._clock.now()
            revoked = register.revoke_tokens(session, person_id, row.retired_at)
            ended = register.end_sessions(session, person_id, row.retired_at)
            facts: dict[str, Json] = {"person": person_id, "tokens_revoked": revoked, "sessions_ended": ended}
            self._log.append(session, Act(type="person.retired", actor=actor.person_id, subject=person_id, facts=facts))
        return self.person(person_id)

    def issue_token(self, statement: bytes, signature: bytes) -> IssuedToken:
        """A token for a `token_statement` that its person signed; see `Tokens.issue`."""
        return self._tokens.issue(statement, signature)

    def tell_unlogged(self) -> None:
        """Write an entry about refused requests for tokens that had none; see `TokenLimits`."""
        self._tokens.tell_unlogged()

    def authenticate(self, token: str) -> Actor:
        """Whoever comes with this token, or `TokenNotValid`."""
        return self._tokens.authenticate(token)

    def token_ends(self, token: str) -> tuple[Actor, datetime]:
        """The same, and when the token ends."""
        return self._tokens.held(token)

    def revoke_tokens(self, actor: Actor, person_id: str) -> int:
        """End all tokens and sessions of a person: one's own, or anybody's for an administrator; how many tokens."""
        if actor.person_id != person_id:
            actor.require(Permission.PEOPLE_PROPOSE)
        with (
            refusals_logged(self._log, "token.refused", actor=actor.person_id, subject=person_id),
            self._units.change() as session,
        ):
            if actor.person_id != person_id:
                register.require_still(session, actor, Permission.PEOPLE_PROPOSE)
            register.person_row(session, person_id)
            now = self._clock.now()
            revoked = register.revoke_tokens(session, person_id, now)
            ended = register.end_sessions(session, person_id, now)
            facts: dict[str, Json] = {"person": person_id, "tokens_revoked": revoked, "sessions_ended": ended}
            self._log.append(session, Act(type="token.revoked", actor=actor.person_id, subject=person_id, facts=facts))
        return revoked

    def person(self, person_id: str) -> Person:
        """This person, with their name opened."""
        with self._units.read() as session:
            return self._to_person(session, register.person_row(session, person_id))

    def everybody(
        self, *, state: PersonState | None = None, after: str | None = None, limit: int | None = None
    ) -> tuple[Person, ...]:
        """At most `limit` people, oldest first, retired ones too, from behind the one with the id `after` on."""
        query = keyset.part(select(PersonRow), PersonRow.id, after=after, limit=limit)
        if state is not None:
            query = query.where(PersonRow.state == state)
        with self._units.read() as session:
            return tuple(self._to_person(session, row) for row in session.scalars(query).all())

    def proposals(self, *, after: str | None = None, limit: int | None = None) -> tuple[Proposal, ...]:
        """What waits for a second signature, oldest first, from behind the proposal with the id `after` on."""
        waiting = (
            select(ProposalRow)
            .join(PersonRow, PersonRow.id == ProposalRow.person_id)
            .where(ProposalRow.entry.is_(None), PersonRow.state != PersonState.RETIRED)
        )
        query = keyset.part(waiting, ProposalRow.id, after=after, limit=limit)
        with self._units.read() as session:
            return tuple(register.to_proposal(session, row) for row in session.scalars(query).all())

    def standing(self, session: Session, person_id: str) -> Standing:
        """Key, roles and state as the caller's own unit sees them: what an approval is re-checked against."""
        return register.standing(session, person_id)

    def require_still(self, session: Session, actor: Actor, permission: Permission) -> Standing:
        """The actor's standing in the caller's unit, if roles that the log gave them hold `permission` still."""
        held = register.require_still(session, actor, permission)
        register.check_granted(session, held, self._log.entry_in)
        return held

    def public_key(self, person_id: str) -> PublicKey:
        """The key of an active person, or `PersonNotActive`."""
        with self._units.read() as session:
            standing = register.standing(session, person_id)
            standing.require_active()
            register.check_granted(session, standing, self._log.entry_in)
        return ed25519.from_text(standing.public_key)

    def enrolment_entries(self, person_id: str, session: Session | None = None) -> list[int]:
        """The audit indexes, ascending, whose leaves prove key and roles from the founding on, without this server."""
        if session is not None:
            return register.enrolment_entries(session, person_id)
        with self._units.read() as own:
            return register.enrolment_entries(own, person_id)

    def _founded(self, founders: dict[str, Founder], names: dict[str, str], at: datetime) -> Act:
        return Act(
            type="deployment.founded",
            actor=next(iter(founders)),
            facts={
                "deployment": self._deployment,
                "at": times.to_text(at),
                "people": [
                    {
                        "person": person_id,
                        "key": founder.public_key,
                        "roles": role_names(founder.roles),
                        "signature": founder.signature.hex(),
                    }
                    for person_id, founder in founders.items()
                ],
            },
            body={"names": names},
        )

    def _countersigned(
        self, session: Session, actor: Actor, proposal: ProposalRow, signature: bytes, *, act_type: str
    ) -> int:
        """Check the second signature and grant the proposal's roles; the index of the entry that says so."""
        second = register.require_still(session, actor, Permission.PEOPLE_COUNTERSIGN)
        register.check_granted(session, second, self._log.entry_in)
        rules.check_second_person(
            countersigner=second.person_id, roles=second.roles, proposer=proposal.proposer, subject=proposal.person_id
        )
        if Permission.PEOPLE_PROPOSE not in rules.permissions_of(register.standing(session, proposal.proposer).roles):
            raise NothingProposed("Who proposed this is no longer administrator; propose it again.")
        subject = register.standing(session, proposal.person_id)
        roles = register.proposed_roles(proposal)
        rules.check_roles(subject.roles | roles)
        statement = register.to_proposal(session, proposal).statement
        _check_signature(second.public_key, signature, statement)
        facts = {
            "person": subject.person_id,
            "key": subject.public_key,
            "roles": role_names(roles),
            "proposer": proposal.proposer,
            "at": times.to_text(proposal.proposed_at),
            "countersigner": second.person_id,
            "statement_sha256": hashlib.sha256(statement).hexdigest(),
            "signature": signature.hex(),
        }
        entry = self._log.append(
            session, Act(type=act_type, actor=second.person_id, subject=subject.person_id, facts=facts)
        )
        proposal.entry = entry
        proposal.countersigner = second.person_id
        register.give_roles(session, subject.person_id, roles - subject.roles, entry)
        return entry

    def _active(self, session: Session, person_id: str) -> Standing:
        standing = register.standing(session, person_id)
        if standing.state is not PersonState.ACTIVE:
            raise NothingProposed("Roles are given to and taken from active people alone.")
        return standing

    def _add_person(self, session: Session, person_id: str, name: str, public_key: str) -> PersonRow:
        row = PersonRow(
            id=person_id,
            name_sealed=self._keyring.seal_text(session, owner=_OWNER, context=_name_context(person_id), text=name),
            public_key=public_key,
            state=PersonState.PROPOSED,
            created_at=self._clock.now(),
        )
        session.add(row)
        return row

    def _add_proposal(self, session: Session, actor: Actor, person_id: str, roles: Collection[Role]) -> ProposalRow:
        row = ProposalRow(
            id=new_id("prop"),
            person_id=person_id,
            roles=" ".join(role_names(roles)),
            proposer=actor.person_id,
            proposed_at=self._clock.now(),
        )
        session.add(row)
        return row

    def _to_person(self, session: Session, row: PersonRow) -> Person:
        name = self._keyring.open_text(session, owner=_OWNER, context=_name_context(row.id), sealed=row.name_sealed)
        standing = register.standing(session, row.id)
        return Person(row.id, name, standing.roles, row.public_key, standing.state)


def _name_context(person_id: str) -> str:
    return f"person/{person_id}/name"


def _check_signature(public_key: str, signature: bytes, statement: bytes) -> None:
    try:
        ed25519.from_text(public_key).verify(signature, statement)
    except ed25519.SignatureInvalid as error:
        raise SignatureRefused("The signature was not made by this person's key over this statement.") from error
