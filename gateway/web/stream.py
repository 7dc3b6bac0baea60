"""Bytes in and out without ever holding more than a little of them: the only async code that touches them.

Memory of one upload: one batch of 2 MiB here and a copy of its last part, the two segment buffers of the vault's writer
below, whatever the size of the body. How many there are at once is the lane's to say.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, Final, Protocol, Self, TypeVar

import anyio
from anyio import CancelScope, CapacityLimiter, to_thread
from anyio.abc import TaskGroup
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.base.problems import Problem
from gateway.base.units import KIB, MIB
from gateway.web.lane import Lane
from gateway.web.problems import TakenOver, UploadStalled
from gateway.web.protocol import EXTENSION, Body

BATCH_BYTES: Final = 2 * MIB
DRAIN_BYTES: Final = 8 * MIB
DRAIN_S: Final = 2.0
# Who sends less than so much in so long holds a place that others wait for.
IDLE_S: Final = 60.0
IDLE_BYTES: Final = 60 * KIB

_log = logging.getLogger("gateway.web")
_UPLOAD = re.compile(
    r"(?:PUT|POST) /api/v1/matters/[^/]+/(?:originals|archives)|PATCH /api/v1/uploads/[^/]+|POST /api/v1/traces"
    r"|POST /desk/matters/[^/]+/originals"
)
_Kept = TypeVar("_Kept")


class Sink(Protocol):
    """Where a body goes, batch by batch; left unfinished it keeps what it promises to keep and nothing more."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_exception: object) -> None: ...

    def write(self, untrusted_chunk: bytearray, /) -> Any:
        """Take the next bytes, and keep no reference: the buffer is used again. Called from one thread at a time."""
        ...


_SinkT = TypeVar("_SinkT", bound=Sink)


def is_upload(scope: Scope) -> bool:
    """Whether this request's body streams into the vault; every other body is small."""
    return _UPLOAD.fullmatch(f"{scope['method']} {scope['path']}") is not None


class Incoming:
    """The body of one request, message by message or, from a server that can, straight into a buffer."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._take_over: Callable[[], Body | None] = scope.get("extensions", {}).get(EXTENSION, lambda: None)
        self._body: Body | None = None
        self._left = bytearray()
        self._last = False
        self._filled = 0
        length = dict(scope.get("headers", ())).get(b"content-length", b"")
        # Python fills a new buffer with zeros: one larger than the body would be memory held for nothing.
        self.batch_bytes = min(BATCH_BYTES, max(1, int(length))) if length.isdigit() else BATCH_BYTES

    @property
    def arrived(self) -> int:
        """How much of the buffer given to `fill` holds bytes, also where that did not come to its end."""
        return self._filled + (self._body.filled if self._body else 0)

    @property
    def ended(self) -> bool:
        """Whether everything has been taken."""
        return self._last and not self._left

    async def fill(self, buffer: bytearray) -> int:
        """As many bytes as `buffer` holds, fewer at the end; `UploadStalled` where too little comes in too long."""
        self._filled, due, until = 0, IDLE_BYTES, anyio.current_time() + IDLE_S
        try:
            while self._filled < len(buffer) and not self.ended:
                if self._body is not None:
                    await self._body.fill(memoryview(buffer)[self._filled :], IDLE_BYTES, IDLE_S)
                    self._last = self._body.rest_bytes == 0
                    break
                if not self._left:
                    with anyio.fail_after(until - anyio.current_time()):
                        self._left += await self.take()
                taken = min(len(self._left), len(buffer) - self._filled)
                buffer[self._filled : self._filled + taken] = self._left[:taken]
                del self._left[:taken]
                self._filled += taken
                if self._filled >= due:
                    due, until = self._filled + IDLE_BYTES, anyio.current_time() + IDLE_S
                if not self._last and not self._left:
                    self._body = self._take_over()
        except TimeoutError as error:
            raise UploadStalled(
                f"Less than {IDLE_BYTES // KIB} KiB came in {IDLE_S:g} seconds; send the file again on a faster line."
            ) from error
        return self.arrived

    def leave(self) -> None:
        """Give the connection back to the server."""
        if self._body is not None:
            self._body.leave()

    async def take(self) -> bytes:
        """The next bytes; raises `ClientDisconnect` where the connection was cut."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self._last = not message.get("more_body", False)
        return bytes(message.get("body", b""))

    async def drop(self) -> None:
        """Take and forget what is still coming, within bounds: a sender that reads only after sending hears why."""
        dropped, scratch = 0, bytearray(BATCH_BYTES)
        with anyio.move_on_after(DRAIN_S), suppress(UploadStalled):
            while not self.ended and dropped < DRAIN_BYTES:
                dropped += await self.fill(scratch)


async def upload(
    request: Request,
    lane: Lane,
    begin: Callable[[], _SinkT],
    keep: Callable[[_SinkT], _Kept],
    taken_over: CancelScope | None = None,
) -> _Kept:
    """Pour the body into what `begin` opens, then `keep` it; the sink is left whatever happens.

    A later request ends the pouring, and nothing else, through `taken_over`.
    """
    incoming = Incoming(request.scope, request.receive)
    stack = ExitStack()
    try:
        async with lane.slot():
            sink = await to_thread.run_sync(begin, limiter=lane.threads)
            stack.enter_context(sink)
            with taken_over or CancelScope() as scope:
                await _pour(incoming, sink, lane.threads)
            if scope.cancelled_caught:
                raise TakenOver("A later request goes on with this upload; this one was ended.")
            return await to_thread.run_sync(keep, sink, limiter=lane.threads)
    except Problem:
        if "expect" not in request.headers:
            await incoming.drop()
        raise
    finally:
        incoming.leave()
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(stack.close, limiter=lane.threads)


async def _pour(incoming: Incoming, sink: Sink, threads: CapacityLimiter) -> None:
    batch, written = bytearray(incoming.batch_bytes), True

    def write() -> None:
        nonlocal written
        filled, written = incoming.arrived, True
        if filled:
            sink.write(batch if filled == len(batch) else batch[:filled])

    try:
        while not incoming.ended:
            written = False
            await incoming.fill(batch)
            await to_thread.run_sync(write, limiter=threads)
    finally:
        if not written:
            # A sink that can be resumed keeps what had arrived when the line broke.
            with CancelScope(shield=True), suppress(Problem):
                await to_thread.run_sync(write, limiter=threads)


class Download(Response):
    """Streams chunks that a thread produces, and closes their source whatever happens.

    The first chunk was drawn before, so that what cannot be opened is a problem and not a broken download. A client
    that goes away is nothing special. A chunk that fails later cuts the connection short of its Content-Length.
    """

    def __init__(
        self,
        chunks: Iterator[bytes],
        close: Callable[[], object],
        *,
        status: int = 200,
        media_type: str,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(status_code=status, media_type=media_type)
        del self.headers["content-length"]
        self.headers["content-disposition"] = "attachment"
        self.headers.update(headers or {})
        self._chunks = chunks
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 ASGI's signature
        """Send until the end, until a chunk fails, or until nobody listens."""
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._until_gone, receive, group)
                await self._send(send)
                group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(self._close)

    async def _send(self, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            while (chunk := await to_thread.run_sync(partial(next, self._chunks, None))) is not None:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except Problem as problem:
            _log.error("a download was cut short: %s", problem.slug)
        except OSError:
            _log.info("a download ended: nobody listens any more")

    @staticmethod
    async def _until_gone(receive: Receive, group: TaskGroup) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        group.cancel_scope.cancel()


def peeked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same chunks, the first of them drawn now."""
    first = next(chunks, None)

    def again() -> Iterator[bytes]:
        if first is not None:
            yield first
            yield from chunks

    return again()
