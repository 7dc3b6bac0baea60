"""A typed client of the gateway's HTTP interface, for the command line and for scripts.

Every write carries its own Idempotency-Key and is repeated under it when the line breaks, so that it is carried out
once. What the server refuses is raised as `ServerProblem`. Private keys stay here: the client signs statements, after
it has checked what they say, and sends signatures.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

import httpx

from gateway.base.canon import Json, canonical
from gateway.base.clock import to_text
from gateway.base.problems import Conflict
from gateway.cli.line import NoAnswer, ServerProblem
from gateway.cli.sending import Sender
from gateway.cli.shapes import (
    ApprovalRequest,
    Matter,
    MatterLine,
    Person,
    Receipt,
    Recipient,
    Release,
    Rendition,
    RequestDiffers,
    Token,
    checked_request,
    made,
    matter_of,
)
from gateway.seal.signature import SigningKey

__all__ = [
    "DEFAULT_URL",
    "ApprovalRequest",
    "Client",
    "Matter",
    "MatterLine",
    "NoAnswer",
    "Person",
    "Receipt",
    "Recipient",
    "Release",
    "Rendition",
    "RenditionUnfinished",
    "RequestDiffers",
    "ServerProblem",
    "Token",
    "checked_request",
]

DEFAULT_URL = "http://127.0.0.1:8470"
_SETTLED = frozenset({"clean", "waiting", "blocked", "refused", "reviewed", "superseded"})


class RenditionUnfinished(Conflict):
    """The rendition has not come to an end in time."""

    slug = "rendition-unfinished"
    title = "The rendition is not finished"


class Client(Sender):
    """The interface as calls."""

    def __init__(
        self, url: str = DEFAULT_URL, token: str | None = None, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        super().__init__(url, token, transport=transport)

    # People

    def issue_token(
        self, key: SigningKey, person: str, scopes: Sequence[str], *, lifetime: timedelta = timedelta(hours=8)
    ) -> Token:
        """A token for `person`, who signs for it with their own key here."""
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
        body: dict[str, Json] = {"statement": statement.decode(), "signature": _base64(key.sign(statement))}
        return made(Token, self._write("POST", "/tokens", body))

    def me(self) -> Mapping[str, Any]:
        """Who the token stands for."""
        return self._read("/me")

    def people(self) -> tuple[Person, ...]:
        """Everybody."""
        return tuple(made(Person, one) for one in self._pages("/people", "people"))

    def propose_person(self, name: str, roles: Sequence[str], public_key: str) -> Person:
        """Bring somebody in; a second person has to sign."""
        body: dict[str, Json] = {"name": name, "roles": list(roles), "public_key": public_key}
        return made(Person, self._write("POST", "/people", body))

    def enrolment_statement(self, person: str) -> bytes:
        """What the second person signs."""
        return str(self._read(f"/people/{person}/enrolment")["statement"]).encode()

    def countersign(self, person: str, signature: bytes) -> Person:
        """Make a proposed person active by a second person's signature."""
        body: dict[str, Json] = {"signature": _base64(signature)}
        return made(Person, self._write("POST", f"/people/{person}/countersignatures", body))

    # Matters and originals

    def open_matter(self, draft: Mapping[str, Json]) -> Matter:
        """Open a matter; `draft` is the body of `POST /matters`."""
        return matter_of(self._write("POST", "/matters", draft))

    def matter(self, matter: str) -> Matter:
        """One matter."""
        return matter_of(self._read(f"/matters/{matter}"))

    def matters(self) -> tuple[MatterLine, ...]:
        """All matters, newest first."""
        return tuple(made(MatterLine, one) for one in self._pages("/matters", "matters"))

    def classify(self, original: str, answers: Mapping[str, Json]) -> Mapping[str, Any]:
        """Give the four answers that every original needs."""
        return self._write("PUT", f"/originals/{original}/classification", answers)

    def originals(self, matter: str) -> tuple[Mapping[str, Any], ...]:
        """The originals of a matter, oldest first."""
        return tuple(self._pages(f"/matters/{matter}/originals", "originals"))

    def fields(self, original: str) -> Mapping[str, Any]:
        """What a policy can name in an original."""
        return self._read(f"/originals/{original}/fields")

    # Releases and renditions

    def draft(self, matter: str, recipient: str, profile: str) -> Release:
        """Open a draft release for one hop."""
        body: dict[str, Json] = {"recipient": recipient, "profile": profile}
        return made(Release, self._write("POST", f"/matters/{matter}/releases", body))

    def release(self, release: str) -> Mapping[str, Any]:
        """A release with its renditions, approvals and parts."""
        return self._read(f"/releases/{release}")

    def add(
        self,
        release: str,
        original: str,
        *,
        policy: str | None = None,
        answers: Mapping[str, Json] | None = None,
    ) -> Rendition:
        """Ask for a rendition; see `wait`."""
        body: dict[str, Json] = {"original": original, "answers": _unversioned(answers)}
        if policy is not None:
            body["policy"] = policy
        return made(Rendition, self._write("POST", f"/releases/{release}/renditions", body))

    def answer(self, rendition: str, answers: Mapping[str, Json]) -> Rendition:
        """Answer a rendition's questions: a new rendition takes its place."""
        return made(Rendition, self._write("POST", f"/renditions/{rendition}/answers", _unversioned(answers)))

    def rendition(self, rendition: str) -> Rendition:
        """One rendition."""
        return made(Rendition, self._read(f"/renditions/{rendition}"))

    def wait(self, rendition: str, *, timeout_s: float = 300) -> Rendition:
        """The rendition once a worker has finished it; raises `RenditionUnfinished` after `timeout_s`."""
        until = time.monotonic() + timeout_s
        pause_s = 0.05
        while (found := self.rendition(rendition)).state not in _SETTLED:
            if time.monotonic() > until:
                raise RenditionUnfinished("The rendition is not finished yet; see whether a worker is running.")
            time.sleep(pause_s)
            pause_s = min(1.0, pause_s * 1.5)
        return found

    def rendition_part(self, rendition: str, part: str) -> bytes:
        """The bytes of `content`, `decisions` or `residue`."""
        return self._bytes(f"/renditions/{rendition}/{part}")

    def submit(self, release: str) -> Release:
        """Put a release before its reviewers."""
        return made(Release, self._write("POST", f"/releases/{release}/submit"))

    def review(self, rendition: str, verdict: str, sha256: str, reason: str | None = None) -> Mapping[str, Any]:
        """A reviewer's word on the bytes with this SHA-256."""
        body: dict[str, Json] = {"verdict": verdict, "sha256": sha256}
        if reason is not None:
            body["reason"] = reason
        return self._write("POST", f"/renditions/{rendition}/reviews", body)

    def approval_request(self, release: str, role: str) -> ApprovalRequest:
        """What an approver in `role` would sign, checked against the manifest shown and the release asked for."""
        told = self._read(f"/releases/{release}/approval-request", params={"role": role})
        return checked_request(told, release)

    def approve(self, release: str, statement: bytes, signature: bytes) -> Mapping[str, Any]:
        """Hand in a signed statement."""
        body: dict[str, Json] = {"statement": statement.decode(), "signature": _base64(signature), "alg": "Ed25519"}
        return self._write("POST", f"/releases/{release}/approvals", body)

    def refuse(self, release: str, reason: str) -> Release:
        """Refuse a release for good."""
        return made(Release, self._write("POST", f"/releases/{release}/refusals", {"reason": reason}))

    def dispatch(self, release: str) -> Release:
        """Seal and dispatch an approved release."""
        return made(Release, self._write("POST", f"/releases/{release}/dispatch"))

    def package(self, release: str, sink: BinaryIO) -> str:
        """Write the dispatched package into `sink`; its SHA-256."""
        digest = hashlib.sha256()
        with self._streamed(f"/releases/{release}/package") as chunks:
            for chunk in chunks:
                digest.update(chunk)
                sink.write(chunk)
        return digest.hexdigest()

    def receipt(self, release: str, reference: str) -> Release:
        """Record what came back."""
        return made(Release, self._write("POST", f"/releases/{release}/receipts", {"reference": reference}))

    def recall(self, release: str, reason: str) -> Release:
        """Record a recall; it cannot unsend."""
        return made(Release, self._write("POST", f"/releases/{release}/recall", {"reason": reason}))

    # The log

    def checkpoint(self) -> str:
        """The newest signed checkpoint."""
        return self._bytes("/audit/checkpoint").decode()

    def keys(self) -> Mapping[str, Any]:
        """The public keys that outsiders verify with."""
        return self._read("/audit/keys")

    def export(self, sink: BinaryIO) -> None:
        """Write a zip of the log's export folder into `sink`."""
        with self._streamed("/audit/exports", method="POST") as chunks:
            sink.writelines(chunks)


def _unversioned(answers: Mapping[str, Json] | None) -> dict[str, Json]:
    return {name: value for name, value in (answers or {}).items() if name != "v"}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
