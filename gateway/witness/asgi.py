"""The witness over HTTP: `add-checkpoint` and the newest checkpoint, bounded in size and time."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from gateway.base.problems import CheckFailed, Conflict, Forbidden, NotFound, Problem, TooLarge, Unavailable, Usage
from gateway.seal.add_checkpoint import REQUEST_BYTES_MAX, SIZE_TYPE
from gateway.witness.service import SizeDiffers, Witness

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answer = tuple[int, str, str]

BODY_S = 10.0
_TEXT = "text/plain; charset=utf-8"
_NEWEST = re.compile(r"/([0-9a-f]{64})/checkpoint")
# Of C2SP tlog-witness; every problem of the witness is of one of these families.
_STATUS: tuple[tuple[type[Problem], int], ...] = (
    (NotFound, 404),
    (Forbidden, 403),
    (Conflict, 409),
    (CheckFailed, 422),
    (TooLarge, 413),
    (Usage, 400),
    (Unavailable, 503),
)
_log = logging.getLogger("gateway.witness")


class TooLong(TooLarge):
    """A request past what any request to cosign can need."""

    slug = "cosigning-request-too-long"
    title = "The request to cosign is too long"


class TooSlow(Usage):
    """A request that does not arrive in time."""

    slug = "cosigning-request-too-slow"
    title = "The request to cosign does not arrive"


class Application:
    """The ASGI application around one witness."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what went wrong is a status and one sentence."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            return
        try:
            status, media_type, text = await self._answered(scope, receive)
        except SizeDiffers as differs:
            status, media_type, text = 409, SIZE_TYPE, f"{differs.members['size']}\n"
        except Problem as problem:
            status = next((code for family, code in _STATUS if isinstance(problem, family)), 500)
            media_type, text = _TEXT, f"{problem.detail}\n"
            _log.warning("%s: %s", problem.slug, problem.detail)
        body = text.encode("utf-8")
        headers = [
            (b"content-type", media_type.encode("ascii")),
            (b"content-length", str(len(body)).encode("ascii")),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answered(self, scope: Scope, receive: Receive) -> Answer:
        newest = _NEWEST.fullmatch(scope["path"])
        if scope["method"] == "POST" and scope["path"] == "/add-checkpoint":
            data = await _body(receive)
            return 200, _TEXT, await asyncio.to_thread(self._witness.add_checkpoint, data)
        if scope["method"] in {"GET", "HEAD"} and newest:
            return 200, _TEXT, await asyncio.to_thread(self._witness.newest, newest.group(1))
        return 404, _TEXT, "There is no such route; see C2SP tlog-witness.\n"


async def _body(receive: Receive) -> bytes:
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise TooSlow("The request ended before it was whole.")
                data += message.get("body", b"")
                if len(data) > REQUEST_BYTES_MAX:
                    raise TooLong("The request to cosign is far too long.")
                if not message.get("more_body", False):
                    return bytes(data)
    except TimeoutError as error:
        raise TooSlow("The request to cosign did not arrive in time.") from error


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
