"""Who comes with a browser: the cookie of a session, and what proves that a page of the gateway sent a change.

1. The cookie is `__Host-gateway`: only over TLS, only for this host, never for a script, never from another site.
   Where the gateway is `http://localhost`, and there alone, it is `gateway-local` without `Secure`.
2. A change carries the session's own secret, in the header `X-CSRF-Token` or in the form's field `csrf`; and where the
   browser says from where it comes, that has to be this gateway.
3. `state.actor` is set once both hold, so that a route that asks who acts is never reached without.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from gateway.base.problems import Unavailable
from gateway.people.model import CsrfRefused, OpenedSession, SessionNotValid, SignedIn
from gateway.settings import Settings
from gateway.web.problems import BodyMalformed

HEADER: Final = "X-CSRF-Token"
FIELD: Final = "csrf"
FORM: Final = "application/x-www-form-urlencoded"
FIELDS_MAX: Final = 1000
# Programs speak JSON; forms are what pages send.
INTERFACE: Final = "/api/"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FILE: Final = re.compile(r"POST /desk/matters/[^/]+/originals")


class SignInUnavailable(Unavailable):
    """Nobody said at which origin browsers find this gateway."""

    slug = "sign-in-unavailable"
    title = "Nobody can sign in with a browser here"


class SignIn:
    """Reads and writes the cookie as these settings have it."""

    def __init__(self, settings: Settings, authenticate: Callable[[str], SignedIn]) -> None:
        self.origin = settings.sign_in_origin
        self._authenticate = authenticate

    @property
    def cookie_name(self) -> str:
        """The name under which the browser keeps the session."""
        return "__Host-gateway" if self._secure else "gateway-local"

    @property
    def _secure(self) -> bool:
        return self.require_origin().startswith("https://")

    def require_origin(self) -> str:
        """The origin of the pages, or `SignInUnavailable`."""
        if self.origin is None:
            raise SignInUnavailable("Signing in with a browser needs GATEWAY_ORIGIN; ask the administrator to set it.")
        return self.origin

    def cookie_of(self, headers: Headers) -> str | None:
        """The session's cookie, if there is one; two of the name are refused, since one is not ours."""
        if self.origin is None:
            return None
        pairs = [part.strip().partition("=") for line in headers.getlist("cookie") for part in line.split(";")]
        found = [value for name, _, value in pairs if name == self.cookie_name]
        if len(found) > 1:
            raise SessionNotValid("The browser sent two sessions; delete its cookies for this site and sign in again.")
        return found[0] if found else None

    def check_source(self, scope: Scope, headers: Headers) -> None:
        """Raise `CsrfRefused` where a browser says that a change comes from elsewhere."""
        if scope["method"] in SAFE or (self.origin is None and "origin" not in headers):
            return
        strange = headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}
        if strange or headers.get("origin", self.origin) != self.origin:
            where = f"open {self.origin}" if self.origin else "set GATEWAY_ORIGIN"
            raise CsrfRefused(f"The request comes from another site than this gateway's; {where} and repeat it there.")

    def signed_in(self, scope: Scope, headers: Headers, untrusted_cookie: str) -> None:
        """Set `state.session`, and `state.actor` unless a form has yet to show that it is of this session."""
        signed_in = self._authenticate(untrusted_cookie)
        scope["state"]["session"] = signed_in
        if scope["method"] not in SAFE:
            told = headers.get(HEADER)
            if told is None and (takes_form(scope, headers) or streams_form(scope)):
                return
            if told is None:
                raise CsrfRefused(f"Send the session's secret with every change, in the header {HEADER}.")
            signed_in.check_csrf(told)
        scope["state"]["actor"] = signed_in.actor

    def set_cookie(self, response: Response, opened: OpenedSession) -> None:
        """Give the session to the browser; the browser forgets it when it is closed."""
        response.headers.append("Set-Cookie", self._cookie(opened.cookie))

    def clear_cookie(self, response: Response) -> None:
        """Take the session from the browser."""
        response.headers.append("Set-Cookie", self._cookie("", max_age=0))

    def _cookie(self, value: str, max_age: int | None = None) -> str:
        ends = "" if max_age is None else f"; Max-Age={max_age}"
        return (
            f"{self.cookie_name}={value}; HttpOnly; Path=/; SameSite=Strict{ends}{'; Secure' if self._secure else ''}"
        )


def takes_form(scope: Scope, headers: Headers) -> bool:
    """Whether the body is that of a plain form, which the programming interface never takes."""
    plain = headers.get("content-type", "").partition(";")[0].strip().lower() == FORM
    return plain and not scope["path"].startswith(INTERFACE)


def streams_form(scope: Scope) -> bool:
    """Whether the body is the form of a file, whose first field is the session's secret: the route looks at it."""
    return _FILE.fullmatch(f"{scope['method']} {scope['path']}") is not None


def fields_of(untrusted_body: bytes) -> dict[str, list[str]]:
    """The fields of a plain form, each with its values in order, or `BodyMalformed`."""
    try:
        pairs = parse_qsl(
            untrusted_body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(untrusted_body),
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError as error:
        raise BodyMalformed(f"Send a plain form in UTF-8 with at most {FIELDS_MAX} fields.") from error
    if any("\0" in text for pair in pairs for text in pair):
        raise BodyMalformed("Send a plain form without NUL characters.")
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form


def take_form(scope: Scope, untrusted_body: bytes) -> None:
    """Put the form's fields into `state.form`, and set `state.actor` where they carry the session's secret."""
    form = fields_of(untrusted_body)
    signed_in: SignedIn | None = scope["state"].get("session")
    told = form.pop(FIELD, [])
    # Before the secret is looked at: what is refused can be offered again, and no route is reached without an actor.
    scope["state"]["form"] = form
    if signed_in is not None and "actor" not in scope["state"]:
        signed_in.check_csrf(told[0] if len(told) == 1 else "")
        scope["state"]["actor"] = signed_in.actor
