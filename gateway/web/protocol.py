"""uvicorn's HTTP/1.1 protocol, but for large bodies: those the kernel writes straight into a buffer of the application.

Handed on message by message a body is copied five times between the socket and whoever encrypts it, which costs more
than AES and SHA-256 together (docs/benchmarks.md). An application that finds `EXTENSION` in its scope may take over the
rest of a body whose length is known; one that does not, or a server that is not this one, goes on with messages.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

import httptools
from starlette.requests import ClientDisconnect
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

EXTENSION: Final = "disclosure_gateway.body"


class Protocol(HttpToolsProtocol):
    """Offers every request with a Content-Length the rest of its body."""

    def on_headers_complete(self) -> None:
        """Begin the request; of its body no more is read than came along until somebody asks for it."""
        super().on_headers_complete()
        lengths = [value for name, value in self.headers if name == b"content-length"]
        self._rest_bytes = int(lengths[0]) if len(lengths) == 1 else 0
        cast("dict[str, Any]", self.scope)["extensions"] = {EXTENSION: self.body}
        if self._rest_bytes:
            self.flow.pause_reading()

    def on_body(self, body: bytes) -> None:
        """Count what comes as messages."""
        self._rest_bytes -= len(body)
        super().on_body(body)

    def body(self) -> Body | None:
        """The rest of the current body, off the parser's hands; None where it has all arrived or has no length."""
        if self._rest_bytes <= 0 or self.cycle.disconnected or self.transport.is_closing():
            return None
        return Body(self, self._rest_bytes)

    def resume(self, *, whole: bool) -> None:
        """Parse requests again behind a body that was read whole; else this answer is the connection's last."""
        if not whole:
            self.cycle.keep_alive = False
            return
        self._rest_bytes = 0
        self.cycle.more_body = False
        self.parser = httptools.HttpRequestParser(self)
        self.transport.set_protocol(self)


class Body(asyncio.BufferedProtocol):
    """What is left of one body: `fill` until `rest_bytes` is 0, and `leave` in any case."""

    def __init__(self, http: Protocol, rest_bytes: int) -> None:
        self.rest_bytes = rest_bytes
        self._http = http
        self._lost = False
        self._target = memoryview(b"")
        self.filled = 0
        self._full = asyncio.Event()
        # Which of its two ways of reading a transport uses is settled when it starts to read.
        http.flow.pause_reading()
        http.transport.set_protocol(self)

    async def fill(self, buffer: memoryview, idle_bytes: int, idle_s: float) -> None:
        """Fill the buffer, or as much of it as the body takes; `filled` says how much that was.

        Raises `ClientDisconnect` where the connection was cut, `TimeoutError` where less than `idle_bytes` came
        in `idle_s`.
        """
        self._target, self.filled = buffer[: self.rest_bytes], 0
        self._full.clear()
        while self.filled < len(self._target):
            if self._lost:
                raise ClientDisconnect
            before = self.filled
            self._http.flow.resume_reading()
            try:
                await asyncio.wait_for(self._full.wait(), idle_s)
            except TimeoutError:
                if self.filled - before < idle_bytes:
                    raise
            finally:
                self._http.flow.pause_reading()
        self.rest_bytes -= self.filled

    def leave(self) -> None:
        """Give the connection back, and the buffer: transports remember whom they filled last."""
        self._target = memoryview(b"")
        self._http.resume(whole=self.rest_bytes == 0 and not self._lost)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 asyncio's signature
        """Where the next bytes go."""
        return self._target[self.filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """Note what came; read no further than the buffer."""
        self.filled += nbytes
        if self.filled == len(self._target):
            self._http.flow.pause_reading()
            self._full.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits, and the server."""
        self._lost = True
        self._full.set()
        self._http.connection_lost(exc)

    def pause_writing(self) -> None:
        """Hand on what the transport says about answers."""
        self._http.pause_writing()

    def resume_writing(self) -> None:
        """Hand on what the transport says about answers."""
        self._http.resume_writing()
