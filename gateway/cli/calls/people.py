"""People, their roles and tokens."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.base.canon import Json, canonical
from gateway.base.clock import to_text
from gateway.cli.line import Line, base64_of
from gateway.cli.shapes import Me, Person, Proposal, Token
from gateway.seal.signature import SigningKey


@dataclass(frozen=True, slots=True)
class _Statement:
    statement: str


@dataclass(frozen=True, slots=True)
class _Revoked:
    revoked: int


class PeopleCalls(Line):
    """Who may act."""

    def issue_token(
        self, key: SigningKey, person: str, scopes: Sequence[str], *, lifetime: timedelta = timedelta(hours=8)
    ) -> Token:
        """A token for `person`, who signs for it with their own key here.

        Where the line breaks after the token was given, it is lost with its statement: ask for another one.
        """
        now = datetime.now(UTC).replace(microsecond=0)
        statement = canonical(
            {
                "type": "disclosure-gateway/token/v1",
                "person": person,
                "scopes": sorted(set(scopes)),
                "nonce": secrets.token_urlsafe(24),
                "issued_at": to_text(now),
                "expires_at": to_text(now + lifetime),
            }
        )
        body: dict[str, Json] = {"statement": statement.decode(), "signature": base64_of(key.sign(statement))}
        return self._write(Token, "POST", "/tokens", body, once=True)

    def me(self) -> Me:
        """Who the token stands for."""
        return self._get(Me, "/me")

    def people(self, *, state: str | None = None) -> Iterator[Person]:
        """Everybody, oldest first; with `state` those in that state alone."""
        return self._pages(Person, "/people", "people", state=state)

    def person(self, person: str) -> Person:
        """One person."""
        return self._get(Person, f"/people/{person}")

    def propose_person(self, name: str, roles: Sequence[str], public_key: str) -> Person:
        """Bring somebody in; a second person has to sign."""
        return self._write(Person, "POST", "/people", {"name": name, "roles": list(roles), "public_key": public_key})

    def enrolment_statement(self, person: str) -> bytes:
        """What the second person signs."""
        return self._get(_Statement, f"/people/{person}/enrolment").statement.encode()

    def countersign(self, person: str, signature: bytes, *, if_match: str | None = None) -> Person:
        """Make a proposed person active by a second person's signature."""
        body: dict[str, Json] = {"signature": base64_of(signature)}
        return self._write(Person, "POST", f"/people/{person}/countersignatures", body, if_match=if_match)

    def propose_roles(self, person: str, roles: Sequence[str], *, if_match: str | None = None) -> Proposal:
        """Propose further roles; they hold once a second person has signed the proposal's statement."""
        body: dict[str, Json] = {"roles": list(roles)}
        return self._write(Proposal, "POST", f"/people/{person}/role-proposals", body, if_match=if_match)

    def proposals(self) -> Iterator[Proposal]:
        """What waits for a second signature, oldest first."""
        return self._pages(Proposal, "/role-proposals", "proposals")

    def countersign_roles(self, proposal: str, signature: bytes) -> Person:
        """Grant proposed roles by a second person's signature over the proposal's statement."""
        body: dict[str, Json] = {"signature": base64_of(signature)}
        return self._write(Person, "POST", f"/role-proposals/{proposal}/countersignatures", body)

    def remove_roles(self, person: str, roles: Sequence[str], *, if_match: str | None = None) -> Person:
        """Take roles away at once."""
        body: dict[str, Json] = {"roles": list(roles)}
        return self._write(Person, "POST", f"/people/{person}/role-removals", body, if_match=if_match)

    def retire(self, person: str, *, if_match: str | None = None) -> Person:
        """Take a person out for good."""
        return self._write(Person, "POST", f"/people/{person}/retirement", if_match=if_match)

    def revoke_tokens(self, person: str) -> int:
        """End all tokens of a person; how many there were."""
        return self._write(_Revoked, "POST", f"/people/{person}/token-revocations").revoked
