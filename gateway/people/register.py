"""The register's rows, read and written inside a unit that the caller opened."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from gateway.people import rules
from gateway.people.model import (
    Actor,
    KeyTaken,
    NoSuchPerson,
    NothingProposed,
    NotPermitted,
    Permission,
    PersonState,
    Proposal,
    RegisterChanged,
    Role,
    Standing,
    role_names,
)
from gateway.people.statements import enrolment_statement
from gateway.people.tables import PasskeyRow, PersonRoleRow, PersonRow, ProposalRow, SessionRow, TokenRow

_GRANTING = frozenset({"deployment.founded", "person.enrolled", "roles.granted"})

# Whoever asks for anything is looked up by it first: it is built once.
_STANDING = (
    select(PersonRow.state, PersonRow.public_key, PersonRoleRow.role, PersonRoleRow.entry)
    .outerjoin(PersonRoleRow, PersonRoleRow.person_id == PersonRow.id)
    .where(PersonRow.id == bindparam("person"))
)


def person_row(session: Session, person_id: str) -> PersonRow:
    """The row of this person, or `NoSuchPerson`."""
    row = session.get(PersonRow, person_id)
    if row is None:
        raise NoSuchPerson("There is no person with this id.")
    return row


def standing(session: Session, person_id: str) -> Standing:
    """What this person's signature is worth in the state that `session` sees."""
    session.flush()
    rows = session.connection().execute(_STANDING, {"person": person_id}).all()
    if not rows:
        raise NoSuchPerson("There is no person with this id.")
    state = PersonState(rows[0].state)
    held = [(row.role, row.entry) for row in rows if row.role is not None and state is PersonState.ACTIVE]
    entries = {Role(role): entry for role, entry in held}
    return Standing(person_id, state, frozenset(entries), rows[0].public_key, entries)


def check_granted(session: Session, held: Standing, entry: Callable[[Session, int], bytes]) -> None:
    """Raise `RegisterChanged` unless the log gave this active person their key and every role held.

    `entry` reads a log entry that the gateway wrote; rows of the register alone prove nothing.
    """
    if held.state is not PersonState.ACTIVE:
        return
    granted: dict[int, set[str]] = {}
    for role, index in held.entries.items():
        granted.setdefault(index, set()).add(role)
    for index, roles in granted.items():
        said = json.loads(entry(session, index))
        people = said["facts"].get("people", [said["facts"]]) if said["type"] in _GRANTING else []
        mine = [one for one in people if one["person"] == held.person_id and one["key"] == held.public_key]
        if not mine or not roles <= set(mine[0]["roles"]):
            raise RegisterChanged("Key or roles of this person are not those in the log; restore the register.")


def enrolment_entries(session: Session, person_id: str) -> list[int]:
    """The audit indexes, ascending, that prove this person's key and roles to somebody who knows nobody here.

    1. The entries that bind the key, the passkeys and grant the roles held (also those of a retired person).
    2. For each of them that a second person signed, the entry that binds that person's key, and so on
       down to the founding, which needs no other.
    """
    found = set(session.scalars(select(PersonRoleRow.entry).where(PersonRoleRow.person_id == person_id)))
    found |= _key_entries(session, [person_id])
    passkeys = select(PasskeyRow.entry).where(PasskeyRow.person_id == person_id, PasskeyRow.entry.is_not(None))
    found |= {entry for entry in session.scalars(passkeys) if entry is not None}
    latest = found
    while latest:
        seconds = [
            *session.scalars(select(ProposalRow.countersigner).where(ProposalRow.entry.in_(latest))),
            *session.scalars(select(PasskeyRow.countersigner).where(PasskeyRow.entry.in_(latest))),
        ]
        latest = _key_entries(session, [second for second in seconds if second is not None]) - found
        found |= latest
    return sorted(found)


def _key_entries(session: Session, person_ids: Collection[str]) -> set[int]:
    entries = session.scalars(select(PersonRow.key_entry).where(PersonRow.id.in_(person_ids)))
    return {entry for entry in entries if entry is not None}


def require_still(session: Session, actor: Actor, permission: Permission) -> Standing:
    """The actor's standing in this unit, or a problem: a token can be older than a retirement or a removal."""
    current = standing(session, actor.person_id)
    current.require_active()
    if permission not in rules.permissions_of(current.roles):
        raise NotPermitted(f"Your roles no longer hold the permission {permission.value}.")
    return current


def require_free_key(session: Session, public_key: str) -> None:
    """Raise `KeyTaken` where this key was ever proposed for anybody."""
    if session.scalar(select(PersonRow.id).where(PersonRow.public_key == public_key)) is not None:
        raise KeyTaken("This key belongs to somebody already, or did; every person makes a key of their own.")


def active_roles(session: Session) -> dict[str, frozenset[Role]]:
    """The roles of every active person."""
    rows = session.execute(
        select(PersonRoleRow.person_id, PersonRoleRow.role)
        .join(PersonRow, PersonRow.id == PersonRoleRow.person_id)
        .where(PersonRow.state == PersonState.ACTIVE)
    )
    roles: dict[str, set[Role]] = {}
    for person_id, role in rows:
        roles.setdefault(person_id, set()).add(Role(role))
    return {person_id: frozenset(held) for person_id, held in roles.items()}


def give_roles(session: Session, person_id: str, roles: Collection[Role], entry: int) -> None:
    """Record that the entry with this index granted `roles`."""
    session.add_all(PersonRoleRow(person_id=person_id, role=name, entry=entry) for name in role_names(roles))


def take_roles(session: Session, person_id: str, roles: Collection[Role]) -> None:
    """Drop `roles`."""
    for role in roles:
        row = session.get(PersonRoleRow, (person_id, role.value))
        if row is not None:
            session.delete(row)


def waiting(session: Session, proposal_id: str) -> ProposalRow:
    """The proposal with this id while it waits for its second signature, or a problem."""
    row = session.get(ProposalRow, proposal_id)
    if row is None:
        raise NoSuchPerson("There is no proposal with this id.")
    if row.entry is not None:
        raise NothingProposed("This proposal was countersigned already.")
    return row


def waiting_enrolment(session: Session, person_id: str) -> ProposalRow:
    """The proposal that would enrol this person, or a problem."""
    person = person_row(session, person_id)
    row = session.scalar(
        select(ProposalRow).where(ProposalRow.person_id == person_id, ProposalRow.entry.is_(None)).limit(1)
    )
    if person.state != PersonState.PROPOSED or row is None:
        raise NothingProposed("This person does not wait for a second signature.")
    return row


def to_proposal(session: Session, row: ProposalRow) -> Proposal:
    """The proposal with the statement that its second person signs."""
    roles = proposed_roles(row)
    return Proposal(
        id=row.id,
        person_id=row.person_id,
        roles=roles,
        proposer=row.proposer,
        proposed_at=row.proposed_at,
        statement=enrolment_statement(
            person=row.person_id,
            key=person_row(session, row.person_id).public_key,
            roles=roles,
            proposer=row.proposer,
            at=row.proposed_at,
        ),
    )


def proposed_roles(row: ProposalRow) -> frozenset[Role]:
    """The roles that `row` proposes."""
    return frozenset(Role(name) for name in row.roles.split())


def revoke_tokens(session: Session, person_id: str, at: datetime) -> int:
    """Revoke every token of this person that was not revoked before; how many."""
    rows = session.scalars(select(TokenRow).where(TokenRow.person_id == person_id, TokenRow.revoked_at.is_(None))).all()
    for row in rows:
        row.revoked_at = at
    return len(rows)


def end_sessions(session: Session, person_id: str, at: datetime) -> int:
    """End every session of this person that was not ended before; how many."""
    rows = session.scalars(
        select(SessionRow).where(SessionRow.person_id == person_id, SessionRow.ended_at.is_(None))
    ).all()
    for row in rows:
        row.ended_at = at
    return len(rows)
