"""JSON bodies before anything believes them: bounded in bytes, depth and time, and readable in one way only."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final, NoReturn

import anyio
from anyio import CapacityLimiter
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.base.units import MIB
from gateway.web import places, stream
from gateway.web.problems import BodyMalformed, RequestTooLarge, UploadStalled, WrongContentType
from gateway.web.sign_in import FORM, take_form, takes_form

LIMIT_BYTES: Final = MIB
DEPTH_MAX: Final = 32
PATIENCE_S: Final = 30.0
WRITES_AT_ONCE: Final = 6

_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})


class JsonBodies:
    """Reads and checks every body but those that stream; leaves its digest in `state.body_sha256`, a page's form in
    `state.form`.

    Writes pass in the order in which they came, so many at a time: while they wait for the database, the rest of the
    request threads are there for those who read.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._writes = CapacityLimiter(WRITES_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its whole body, or raise the problem that the border answers."""
        if scope["type"] != "http" or scope["method"] in _BODILESS or stream.is_upload(scope):
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        headers = Headers(scope=scope)
        if takes_form(scope, headers):
            take_form(scope, body)
            scope["state"]["body_sha256"] = hashlib.sha256(body).hexdigest()
        elif body and places.is_page(scope["path"]):
            raise WrongContentType(f"Send the form as its page does, as {FORM}.")
        else:
            scope["state"]["body_sha256"] = check_body(body, headers)
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        async with self._writes:
            await self._app(scope, replay, send)


def check_body(untrusted_body: bytes, headers: Headers) -> str:
    """Raise unless the body is absent or safe JSON of the right type; the digest of what it says."""
    if not untrusted_body:
        return hashlib.sha256(b"").hexdigest()
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" or headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise WrongContentType("Send the body as Content-Type: application/json, not compressed.")
    value = parse(untrusted_body)
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode("ascii")).hexdigest()


def parse(untrusted_body: bytes) -> Any:
    """The value in a JSON body: UTF-8, no key twice, no NaN, no half characters, no NUL, not nested deeply."""
    try:
        value = json.loads(
            untrusted_body.decode("utf-8"), object_pairs_hook=_each_key_once, parse_constant=_no_constant
        )
        _check_depth(value)
    except (ValueError, RecursionError) as error:
        raise BodyMalformed(
            f"Send one JSON value in UTF-8, nested at most {DEPTH_MAX} deep, no key twice, no NUL or half characters."
        ) from error
    return value


def _check_depth(value: Any) -> None:
    layer, depth = [value], 0
    while layer:
        depth += 1
        if depth > DEPTH_MAX:
            raise ValueError("nested too deeply")
        below: list[Any] = []
        for one in layer:
            if isinstance(one, str):
                _check_text(one)
            elif isinstance(one, dict):
                below += one.values()
                below += one.keys()
            elif isinstance(one, list):
                below += one
        layer = below


def _check_text(text: str) -> None:
    text.encode("utf-8")
    if "\0" in text:
        raise ValueError("a NUL")


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("not a JSON number")


async def _read(receive: Receive) -> bytes:
    incoming = stream.Incoming({}, receive)
    body = bytearray()
    try:
        with anyio.fail_after(PATIENCE_S):
            while not incoming.ended and len(body) <= LIMIT_BYTES:
                body += await incoming.take()
    except TimeoutError as error:
        raise UploadStalled(f"The body did not arrive within {PATIENCE_S:g} seconds; send it again.") from error
    if len(body) > LIMIT_BYTES:
        await incoming.drop()
        raise RequestTooLarge(f"A JSON body has at most {LIMIT_BYTES} bytes.", limit_bytes=LIMIT_BYTES)
    return bytes(body)
