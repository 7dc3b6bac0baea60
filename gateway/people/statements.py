"""The canonical bytes (RFC 8785) that people sign with their own keys. Pure: a client builds them without the server.

| type | fields |
|---|---|
| `disclosure-gateway/founding/v1` | deployment, founders: [{key, roles}, {key, roles}] as ordered, at |
| `disclosure-gateway/enrolment/v1` | person, key, roles (all newly given ones), proposer, at |
| `disclosure-gateway/token/v1` | person, scopes, nonce, issued_at, expires_at |
| `disclosure-gateway/passkey/v1` | person, passkey, key, origin, proposer, at |
| `disclosure-gateway/shredding/v1` | proposal, original, object, matter, proposer, at |
| `disclosure-gateway/restore/v1` | deployment, log, left, known: {size, root} each, replayed_checkpoint_sha256, at |

Roles are sorted names, keys have the form `ed25519:…`, a passkey's `passkey:…`, times the form of
`gateway.base.clock.to_text`. No statement holds a name: the entries must let a stranger rebuild it without learning who
works here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.base import clock
from gateway.base.canon import NotCanonical, canonical, parse_canonical
from gateway.base.ids import is_id
from gateway.people.model import Permission, Role, StatementMalformed, role_names

FOUNDING_TYPE = "disclosure-gateway/founding/v1"
ENROLMENT_TYPE = "disclosure-gateway/enrolment/v1"
TOKEN_TYPE = "disclosure-gateway/token/v1"  # noqa: S105 the name of a statement, no secret
PASSKEY_TYPE = "disclosure-gateway/passkey/v1"
SHREDDING_TYPE = "disclosure-gateway/shredding/v1"
STATEMENT_BYTES_MAX = 4096

_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_TOKEN_FIELDS = frozenset({"type", "person", "scopes", "nonce", "issued_at", "expires_at"})


@dataclass(frozen=True, slots=True)
class TokenTerms:
    """What a person asks a token to be good for."""

    person_id: str
    scopes: frozenset[Permission]
    nonce: str
    issued_at: datetime
    expires_at: datetime


def founding_statement(*, deployment: str, founders: Sequence[tuple[str, Collection[Role]]], at: datetime) -> bytes:
    """What both founders sign; `founders` are (public key, roles) in the order of the ceremony."""
    return canonical(
        {
            "type": FOUNDING_TYPE,
            "deployment": deployment,
            "founders": [{"key": key, "roles": role_names(roles)} for key, roles in founders],
            "at": clock.to_text(at),
        }
    )


def enrolment_statement(*, person: str, key: str, roles: Collection[Role], proposer: str, at: datetime) -> bytes:
    """What the second person signs: that this key belongs to this person and that they get these roles."""
    return canonical(
        {
            "type": ENROLMENT_TYPE,
            "person": person,
            "key": key,
            "roles": role_names(roles),
            "proposer": proposer,
            "at": clock.to_text(at),
        }
    )


def token_statement(
    *, person: str, scopes: Collection[Permission], nonce: str, issued_at: datetime, expires_at: datetime
) -> bytes:
    """What a person signs to get a token; `nonce` is 16 to 64 characters of base64url, never used twice."""
    return canonical(
        {
            "type": TOKEN_TYPE,
            "person": person,
            "scopes": sorted(scope.value for scope in scopes),
            "nonce": nonce,
            "issued_at": clock.to_text(issued_at),
            "expires_at": clock.to_text(expires_at),
        }
    )


def passkey_statement(*, person: str, passkey: str, key: str, origin: str, proposer: str, at: datetime) -> bytes:
    """What the second person signs: that this passkey belongs to this person, for use at this origin."""
    return canonical(
        {
            "type": PASSKEY_TYPE,
            "person": person,
            "passkey": passkey,
            "key": key,
            "origin": origin,
            "proposer": proposer,
            "at": clock.to_text(at),
        }
    )


def shredding_statement(
    *, proposal: str, original: str, object_id: str, matter: str, proposer: str, at: datetime
) -> bytes:
    """What the second person signs: that this original is to be destroyed for good."""
    return canonical(
        {
            "type": SHREDDING_TYPE,
            "proposal": proposal,
            "original": original,
            "object": object_id,
            "matter": matter,
            "proposer": proposer,
            "at": clock.to_text(at),
        }
    )


def parse_token_statement(untrusted_statement: bytes) -> TokenTerms:
    """The terms in `untrusted_statement`, or `StatementMalformed` naming the field that does not fit."""
    if len(untrusted_statement) > STATEMENT_BYTES_MAX:
        raise StatementMalformed(f"A token statement has at most {STATEMENT_BYTES_MAX} bytes.")
    try:
        fields = parse_canonical(untrusted_statement)
    except NotCanonical as error:
        raise StatementMalformed("A token statement is canonical JSON (RFC 8785).") from error
    if not isinstance(fields, dict) or fields.keys() != _TOKEN_FIELDS or fields["type"] != TOKEN_TYPE:
        raise StatementMalformed(f"A token statement has the type {TOKEN_TYPE} and exactly its six fields.")
    return TokenTerms(
        person_id=_person(fields["person"]),
        scopes=_scopes(fields["scopes"]),
        nonce=_nonce(fields["nonce"]),
        issued_at=_time(fields["issued_at"], "issued_at"),
        expires_at=_time(fields["expires_at"], "expires_at"),
    )


def _person(value: Any) -> str:
    if not isinstance(value, str) or not is_id(value, "per"):
        raise StatementMalformed("The field person is not a person's id.")
    return value


def _nonce(value: Any) -> str:
    if not isinstance(value, str) or not _NONCE.fullmatch(value):
        raise StatementMalformed("The field nonce is not 16 to 64 characters of base64url.")
    return value


def _scopes(value: Any) -> frozenset[Permission]:
    known = {permission.value for permission in Permission}
    if not isinstance(value, list) or not value or not all(isinstance(item, str) and item in known for item in value):
        raise StatementMalformed("The field scopes is not a list of one or more known permissions.")
    if value != sorted(set(value)):
        raise StatementMalformed("The field scopes is not sorted, or names a permission twice.")
    return frozenset(Permission(item) for item in value)


def _time(value: Any, field: str) -> datetime:
    try:
        moment = clock.from_text(value)
    except (TypeError, ValueError) as error:
        raise StatementMalformed(f"The field {field} is not a time such as 2026-01-31T08:00:00.000Z.") from error
    if clock.to_text(moment) != value:
        raise StatementMalformed(f"The field {field} is not a time such as 2026-01-31T08:00:00.000Z.")
    return moment
