"""Tokens, people and their roles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter
from starlette.responses import Response

from gateway.people.model import Actor, IssuedToken, NothingProposed, Permission, Person, PersonState, Proposal
from gateway.web.conditions import InKnown
from gateway.web.cursors import InPage
from gateway.web.deps import (
    Anybody,
    InChange,
    InGateway,
    InWrite,
    PersonId,
    ProposalId,
    holding,
    signature_of,
)
from gateway.web.schemas.people import (
    MeOut,
    PeopleOut,
    PersonIn,
    PersonOut,
    ProposalOut,
    ProposalsOut,
    RevokedOut,
    RolesIn,
    SignatureIn,
    StatementOut,
    TokenIn,
    TokenOut,
)
from gateway.web.security import API

router = APIRouter(prefix=API, tags=["people"])

Reader = Annotated[Actor, holding(Permission.PEOPLE_READ)]
Proposer = Annotated[Actor, holding(Permission.PEOPLE_PROPOSE)]
Countersigner = Annotated[Actor, holding(Permission.PEOPLE_COUNTERSIGN)]


@router.post("/tokens", operation_id="issueToken", status_code=201, summary="Get a token for a signed statement")
def issue_token(gateway: InGateway, body: TokenIn) -> TokenOut:
    """The statement's nonce works once, so that a repetition gives no second token; there is no Idempotency-Key."""
    return _token(gateway.people.issue_token(body.statement.encode(), signature_of(body.signature)))


@router.get("/me", operation_id="showMe", summary="Who am I, and what may I do")
def show_me(gateway: InGateway, actor: Anybody) -> MeOut:
    """The person of the token and its scopes."""
    return MeOut(person=_person(gateway.people.person(actor.person_id)), scopes=sorted(actor.scopes))


@router.get("/people", operation_id="listPeople", summary="Everybody")
def list_people(gateway: InGateway, _actor: Reader, page: InPage, state: PersonState | None = None) -> PeopleOut:
    """All people, oldest first, retired ones too; with `state` those in that state alone."""
    shown, cursor = page(
        lambda after, limit: gateway.people.everybody(state=state, after=after, limit=limit), lambda one: one.id
    )
    return PeopleOut(people=[_person(one) for one in shown], next_cursor=cursor)


@router.post(
    "/people", operation_id="proposePerson", status_code=201, response_model=PersonOut, summary="Propose a person"
)
def propose_person(gateway: InGateway, actor: Proposer, write: InWrite, body: PersonIn) -> Response:
    """The person can do nothing until a second person has signed their enrolment statement."""
    people = gateway.people
    return write(
        lambda: people.propose(actor, name=body.name, roles=body.roles, public_key=body.public_key),
        _person,
        entries="person.proposed",
        again=lambda entry: people.person(entry["subject"]),
        status=201,
        location=lambda one: f"{API}/people/{one.id}",
    )


@router.get("/people/{person_id}", operation_id="showPerson", response_model=PersonOut, summary="One person")
def show_person(gateway: InGateway, _actor: Reader, known: InKnown, person_id: PersonId) -> Response:
    """Name, roles, key and state."""
    return known.shown(_person(gateway.people.person(person_id)))


@router.get("/people/{person_id}/enrolment", operation_id="showEnrolment", summary="What a second person signs")
def show_enrolment(gateway: InGateway, _actor: Reader, person_id: PersonId) -> StatementOut:
    """The enrolment statement of a proposed person."""
    return StatementOut(statement=gateway.people.enrolment_statement(person_id).decode())


@router.post(
    "/people/{person_id}/countersignatures",
    operation_id="countersignPerson",
    status_code=201,
    response_model=PersonOut,
    summary="Enrol a proposed person",
)
def countersign_person(
    gateway: InGateway, actor: Countersigner, write: InChange, person_id: PersonId, body: SignatureIn
) -> Response:
    """Your signature over the enrolment statement; not by whoever proposed, nor by the person themselves."""
    people = gateway.people
    return write(
        lambda: people.countersign(actor, person_id, signature_of(body.signature)),
        _person,
        entries="person.enrolled",
        again=lambda entry: people.person(entry["subject"]),
        status=201,
        current=lambda: _person(people.person(person_id)),
    )


@router.post(
    "/people/{person_id}/role-proposals",
    operation_id="proposeRoles",
    status_code=201,
    response_model=ProposalOut,
    summary="Propose further roles",
)
def propose_roles(gateway: InGateway, actor: Proposer, write: InChange, person_id: PersonId, body: RolesIn) -> Response:
    """They hold once a second person has signed the proposal's statement."""
    people = gateway.people

    def waiting(entry: Mapping[str, Any]) -> Proposal:
        for one in people.proposals():
            if one.id == entry["facts"]["proposal"]:
                return one
        raise NothingProposed("These roles were proposed, and the proposal waits no longer; look at the person.")

    return write(
        lambda: people.propose_roles(actor, person_id, body.roles),
        _proposal,
        entries="roles.proposed",
        again=waiting,
        status=201,
        current=lambda: _person(people.person(person_id)),
    )


@router.post(
    "/people/{person_id}/role-removals",
    operation_id="removeRoles",
    status_code=201,
    response_model=PersonOut,
    summary="Take roles away",
)
def remove_roles(gateway: InGateway, actor: Proposer, write: InChange, person_id: PersonId, body: RolesIn) -> Response:
    """At once; one administrator is enough to take, never to give."""
    people = gateway.people
    return write(
        lambda: people.remove_roles(actor, person_id, body.roles),
        _person,
        entries="roles.removed",
        again=lambda entry: people.person(entry["subject"]),
        status=201,
        current=lambda: _person(people.person(person_id)),
    )


@router.post(
    "/people/{person_id}/retirement",
    operation_id="retirePerson",
    response_model=PersonOut,
    summary="Take a person out for good",
)
def retire_person(gateway: InGateway, actor: Proposer, write: InChange, person_id: PersonId) -> Response:
    """Key, roles and tokens end at once."""
    people = gateway.people
    return write(
        lambda: people.retire(actor, person_id),
        _person,
        entries="person.retired",
        again=lambda entry: people.person(entry["subject"]),
        current=lambda: _person(people.person(person_id)),
    )


@router.post(
    "/people/{person_id}/token-revocations",
    operation_id="revokeTokens",
    status_code=201,
    response_model=RevokedOut,
    summary="End all tokens of a person",
)
def revoke_tokens(gateway: InGateway, actor: Anybody, write: InWrite, person_id: PersonId) -> Response:
    """One's own, or anybody's for an administrator."""
    return write(
        lambda: gateway.people.revoke_tokens(actor, person_id),
        lambda revoked: RevokedOut(revoked=revoked),
        entries="token.revoked",
        again=lambda entry: int(entry["facts"]["tokens_revoked"]),
        status=201,
    )


@router.get("/role-proposals", operation_id="listProposals", summary="What waits for a second signature")
def list_proposals(gateway: InGateway, _actor: Reader, page: InPage) -> ProposalsOut:
    """Enrolments and roles, oldest first, each with the statement to sign."""
    shown, cursor = page(lambda after, limit: gateway.people.proposals(after=after, limit=limit), lambda one: one.id)
    return ProposalsOut(proposals=[_proposal(one) for one in shown], next_cursor=cursor)


@router.post(
    "/role-proposals/{proposal_id}/countersignatures",
    operation_id="countersignRoles",
    status_code=201,
    response_model=PersonOut,
    summary="Grant proposed roles",
)
def countersign_roles(
    gateway: InGateway, actor: Countersigner, write: InWrite, proposal_id: ProposalId, body: SignatureIn
) -> Response:
    """Your signature over the proposal's statement."""
    people = gateway.people
    return write(
        lambda: people.countersign_roles(actor, proposal_id, signature_of(body.signature)),
        _person,
        entries="roles.granted",
        again=lambda entry: people.person(entry["subject"]),
        status=201,
    )


def _person(one: Person) -> PersonOut:
    return PersonOut(id=one.id, name=one.name, roles=sorted(one.roles), public_key=one.public_key, state=one.state)


def _proposal(one: Proposal) -> ProposalOut:
    return ProposalOut(
        id=one.id,
        person=one.person_id,
        roles=sorted(one.roles),
        proposer=one.proposer,
        proposed_at=one.proposed_at,
        statement=one.statement.decode(),
    )


def _token(issued: IssuedToken) -> TokenOut:
    return TokenOut(
        token=issued.token, person=issued.person_id, scopes=sorted(issued.scopes), expires_at=issued.expires_at
    )
