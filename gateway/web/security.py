"""Who asks, and what every answer carries: tokens and cookies become actors before a byte of the body is read."""

from __future__ import annotations

import re
from typing import Final

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.base.ids import new_id
from gateway.people.service import People
from gateway.web import places
from gateway.web.problems import TYPE_PREFIX, TokenMissing
from gateway.web.sign_in import SignIn

API = "/api/v1"
# Threads that look up who asks: short work that waits behind nobody's reading or writing.
LOOKUP_THREADS: Final = 2
PROBLEM_PAGE = TYPE_PREFIX + "{slug}"
PUBLIC: Final = frozenset(
    {
        PROBLEM_PAGE,
        f"{API}/tokens",
        f"{API}/sign-in/options",
        f"{API}/sign-in",
        f"{API}/invitations/options",
        f"{API}/invitations/passkeys",
        f"{API}/openapi.json",
        "/healthz",
        "/readyz",
        "/metrics",
        f"{API}/healthz",
        f"{API}/readyz",
        f"{API}/metrics",
    }
)

_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([!-~]{1,512})")


class SafeHeaders:
    """Gives every request an id, and every answer the headers that keep browsers and caches from helping."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_id("req")
        scope.setdefault("state", {})["request_id"] = request_id

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Request-Id"] = request_id
                for name, text in places.headers_of(scope["path"]).items():
                    headers.setdefault(name, text)
            await send(message)

        await self._app(scope, receive, sending)


class Bearer:
    """Turns the bearer token, or the cookie of a session, into an actor; only `PUBLIC` is reached without one.

    Where a token is sent it alone counts. What a cookie needs besides is told in `gateway.web.sign_in`.
    """

    def __init__(self, app: ASGIApp, people: People, sign_in: SignIn) -> None:
        self._app = app
        self._people = people
        self._sign_in = sign_in
        self._lookups = CapacityLimiter(LOOKUP_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with `state.actor`, or raise the problem that the border answers."""
        if scope["type"] == "http":
            await self._established(scope, Headers(scope=scope))
        await self._app(scope, receive, send)

    async def _established(self, scope: Scope, headers: Headers) -> None:
        given = headers.getlist("authorization")
        if not given:
            self._sign_in.check_source(scope, headers)
        if _public(scope["path"]):
            return
        cookie = None if given else self._sign_in.cookie_of(headers)
        if cookie is not None:
            await to_thread.run_sync(self._sign_in.signed_in, scope, headers, cookie, limiter=self._lookups)
        else:
            token = bearer_token(given)
            actor = await to_thread.run_sync(self._people.authenticate, token, limiter=self._lookups)
            scope["state"]["actor"] = actor


def _public(path: str) -> bool:
    return path in PUBLIC or path.startswith(TYPE_PREFIX) or places.is_open(path)


def bearer_token(authorization: list[str]) -> str:
    """The one token in the Authorization header, or `TokenMissing`."""
    match = _BEARER.fullmatch(authorization[0]) if len(authorization) == 1 else None
    if match is None:
        raise TokenMissing("Send Authorization: Bearer with a token; POST /api/v1/tokens gives one.")
    return match[1]
