"""People, proposals and tokens."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.people.model import Permission, PersonState, Role
from gateway.web.schemas.common import In, Line, Out, Signature, Text, Time, example

_PERSON = "per_01kag5v3q8m2s7d9x4e6b0cfhn"
_KEY = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
Roles = Annotated[list[Role], Field(min_length=1, max_length=8)]


class TokenIn(In):
    """A token statement, and the signature of the person's own key over exactly these bytes."""

    model_config = example(
        statement='{"expires_at":"2026-01-31T18:00:00.000Z","issued_at":"2026-01-31T08:00:00.000Z",'
        f'"nonce":"c3VwZXItcmFuZG9t","person":"{_PERSON}","scopes":["matter.read"],'
        '"type":"disclosure-gateway/token/v1"}',
        signature="c2lnbmF0dXJlLi4u",
    )
    statement: Text
    signature: Signature


class TokenOut(Out):
    """A bearer token, told this once."""

    model_config = example(
        token="gwt_…",  # noqa: S106 an example
        person=_PERSON,
        scopes=["matter.read"],
        expires_at="2026-01-31T18:00:00.000Z",
    )
    token: str
    person: str
    scopes: list[Permission]
    expires_at: Time


class PersonIn(In):
    """A person to be brought in; a second person has to sign."""

    model_config = example(name="Wang Fang", roles=["legal"], public_key=_KEY)
    name: Line
    roles: Roles
    public_key: Line


class PersonOut(Out):
    """A person; `roles` are those held now: none while proposed or retired."""

    model_config = example(id=_PERSON, name="Wang Fang", roles=["legal"], public_key=_KEY, state="active")
    id: str
    name: str
    roles: list[Role]
    public_key: str
    state: PersonState


class PeopleOut(Out):
    """A page of people, oldest first."""

    people: list[PersonOut]
    next_cursor: str | None


class MeOut(Out):
    """Who the token stands for, and what it is good for now."""

    person: PersonOut
    scopes: list[Permission]


class StatementOut(Out):
    """The exact text to sign."""

    model_config = example(statement='{"at":"2026-01-31T08:00:00.000Z", …}')
    statement: str


class SignatureIn(In):
    """The signature over the statement."""

    model_config = example(signature="c2lnbmF0dXJlLi4u")
    signature: Signature


class RolesIn(In):
    """Roles to propose or to take away."""

    model_config = example(roles=["privacy"])
    roles: Roles


class ProposalOut(Out):
    """What waits for a second signature over `statement`."""

    model_config = example(
        id="prop_01kag5v3q8m2s7d9x4e6b0cfhn",
        person=_PERSON,
        roles=["privacy"],
        proposer=_PERSON,
        proposed_at="2026-01-31T08:00:00.000Z",
        statement='{"at":"2026-01-31T08:00:00.000Z", …}',
    )
    id: str
    person: str
    roles: list[Role]
    proposer: str
    proposed_at: Time
    statement: str


class ProposalsOut(Out):
    """A page of proposals, oldest first."""

    proposals: list[ProposalOut]
    next_cursor: str | None


class RevokedOut(Out):
    """How many tokens ended."""

    model_config = example(revoked=2)
    revoked: int
