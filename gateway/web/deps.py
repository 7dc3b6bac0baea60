"""What routes ask for by type: the gateway, who acts and may, known ids, and one write carried out once.

What only looks at the request is `async`: for anything else a thread has to be waited for, behind everybody else's.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Path
from pydantic import AfterValidator, BaseModel
from starlette.requests import Request
from starlette.responses import Response

from gateway.app import Gateway
from gateway.base.ids import is_id
from gateway.base.problems import NotFound, Usage
from gateway.db.unit import guards
from gateway.people.model import Actor, Permission, SessionNotValid, SignedIn
from gateway.web.conditions import body_of, expecting
from gateway.web.headers import key_of
from gateway.web.idempotency import DEPLOYMENT, Answer, Idempotency, Work
from gateway.web.sign_in import SignIn

_T = TypeVar("_T")


class NotBase64(Usage):
    """A signature that is not base64."""

    slug = "not-base64"
    title = "This is not base64"


async def gateway_of(request: Request) -> Gateway:
    """The gateway that this process runs."""
    gateway: Gateway = request.app.state.gateway
    return gateway


async def actor_of(request: Request) -> Actor:
    """Whoever came with a token, or with a cookie and, where they change something, their page's secret."""
    actor: Actor = request.state.actor
    return actor


async def session_of(request: Request) -> SignedIn:
    """Whoever signed in with a browser, or `SessionNotValid` for those who came with a token."""
    signed_in: SignedIn | None = getattr(request.state, "session", None)
    if signed_in is None:
        raise SessionNotValid("This is for people who signed in with a browser; sign in first.")
    return signed_in


async def sign_in_of(request: Request) -> SignIn:
    """How this gateway keeps sessions in browsers."""
    sign_in: SignIn = request.app.state.sign_in
    return sign_in


def holding(permission: Permission) -> Any:
    """A dependency: the actor, if they hold `permission`. Services check again what they change."""

    async def held(actor: Annotated[Actor, Depends(actor_of)]) -> Actor:
        actor.require(permission)
        return actor

    return Depends(held)


def _path(prefix: str, what: str) -> Any:
    return Path(description=f"The {what}'s id.", examples=[f"{prefix}_01kag5v3q8m2s7d9x4e6b0cfhn"])


def _shaped(prefix: str, what: str) -> AfterValidator:
    """An id has its shape, or it is `NotFound` before anything is looked up."""

    def check(untrusted_id: str) -> str:
        if not is_id(untrusted_id, prefix):
            raise NotFound(f"There is no {what} with this id.")
        return untrusted_id

    return AfterValidator(check)


def signature_of(text: str) -> bytes:
    """The bytes of a base64 signature."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotBase64("Send the signature as base64 (RFC 4648, with padding).") from error


def base64url_of(text: str) -> bytes:
    """The bytes of base64url without padding, in its one spelling."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotBase64("Send these parts as base64url (RFC 4648), without padding.") from error
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise NotBase64("Send these parts as base64url (RFC 4648), without padding.")
    return raw


@dataclass(frozen=True, slots=True)
class Write:
    """One write: carried out once for each Idempotency-Key."""

    actor: Actor
    idempotency: Idempotency
    key: str | None
    request: str
    if_match: str | None = None

    def __call__(
        self,
        act: Callable[[], _T],
        show: Callable[[_T], BaseModel],
        *,
        entries: str,
        again: Callable[[Mapping[str, Any]], _T],
        status: int = 200,
        location: Callable[[_T], str] | None = None,
        owner: Callable[[_T], str] | None = None,
        current: Callable[[], BaseModel] | None = None,
    ) -> Response:
        """Carry out `act` and answer what `show` makes of its result.

        `entries` are the types (between spaces) of the entry the act ends with; `again` finds the result by that
        entry; `owner` is the matter whose key keeps the answer. `current` shows what `If-Match` speaks of: it has to
        match before the act, and still inside its transaction. A repetition is answered without asking again.
        """

        def shown(done: _T) -> Answer:
            return Answer(
                status=status,
                body=body_of(show(done)),
                location=location(done) if location else None,
                owner=owner(done) if owner else DEPLOYMENT,
            )

        checked = act if current is None else self._checked(act, expecting(self.if_match, current))
        work = Work(checked, shown, frozenset(entries.split()), again)
        answer = self.idempotency.carry_out(self.actor.person_id, self.key, self.request, work)
        headers = {"Location": answer.location} if answer.location else {}
        if answer.repeated:
            headers["Idempotent-Replayed"] = "true"
        return Response(answer.body, answer.status, headers, media_type="application/json")

    def _checked(self, act: Callable[[], _T], check: Callable[[], None]) -> Callable[[], _T]:
        if self.if_match is None:
            return act

        def checked() -> _T:
            check()
            token = guards.set((*guards.get(), check))
            try:
                return act()
            finally:
                guards.reset(token)

        return checked


async def write_of(
    request: Request,
    actor: Annotated[Actor, Depends(actor_of)],
    idempotency_key: Annotated[
        str | None,
        Header(description="Same key and same request: same answer, carried out once.", examples=["0192c7e4-5c"]),
    ] = None,
) -> Write:
    """The write that this request is."""
    told = f"{request.method}\n{request.url.path}\n{request.url.query}\n{request.state.body_sha256}"
    return Write(
        actor,
        request.app.state.idempotency,
        key_of(idempotency_key),
        hashlib.sha256(told.encode()).hexdigest(),
    )


async def change_of(
    write: Annotated[Write, Depends(write_of)],
    if_match: Annotated[
        str | None, Header(max_length=4096, description="ETags of the state to change; 412 where it is another.")
    ] = None,
) -> Write:
    """The write that this request is, to be carried out on the state that `If-Match` names."""
    return replace(write, if_match=if_match)


InGateway = Annotated[Gateway, Depends(gateway_of)]
Anybody = Annotated[Actor, Depends(actor_of)]
InSession = Annotated[SignedIn, Depends(session_of)]
InSignIn = Annotated[SignIn, Depends(sign_in_of)]
InWrite = Annotated[Write, Depends(write_of)]
InChange = Annotated[Write, Depends(change_of)]
PersonId = Annotated[str, _path("per", "person"), _shaped("per", "person")]
SessionId = Annotated[str, _path("ses", "session"), _shaped("ses", "session")]
PasskeyId = Annotated[str, _path("psk", "passkey"), _shaped("psk", "passkey")]
ProposalId = Annotated[str, _path("prop", "proposal"), _shaped("prop", "proposal")]
MatterId = Annotated[str, _path("mat", "matter"), _shaped("mat", "matter")]
NameId = Annotated[str, _path("nam", "remembered name"), _shaped("nam", "remembered name")]
OriginalId = Annotated[str, _path("org", "original"), _shaped("org", "original")]
UploadId = Annotated[str, _path("upl", "upload"), _shaped("upl", "upload")]
ReleaseId = Annotated[str, _path("rel", "release"), _shaped("rel", "release")]
RenditionId = Annotated[str, _path("ren", "rendition"), _shaped("ren", "rendition")]
