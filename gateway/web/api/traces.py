"""Tracing: a leaked file in, the copy it was made from out, or nobody."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Self

from anyio import to_thread
from fastapi import APIRouter, Query
from starlette.requests import Request

from gateway.base.problems import TooLarge
from gateway.people.model import Actor, Permission
from gateway.web import stream
from gateway.web.api.originals import RAW, check_raw
from gateway.web.deps import InGateway, holding
from gateway.web.schemas.traces import TraceOut, shown
from gateway.web.security import API

router = APIRouter(prefix=API, tags=["traces"])

Tracer = Annotated[Actor, holding(Permission.TRACE_RUN)]


class _Leak:
    """The file in memory, and nowhere else."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._data = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._data = bytearray()

    def write(self, untrusted_chunk: bytearray) -> None:
        """Take the next bytes. Raises `TooLarge`."""
        if len(self._data) + len(untrusted_chunk) > self._limit_bytes:
            raise TooLarge(f"A file to trace has at most {self._limit_bytes} bytes.", limit_bytes=self._limit_bytes)
        self._data += untrusted_chunk

    def finish(self) -> bytes:
        """All of it."""
        return bytes(self._data)


@router.post(
    "/traces",
    operation_id="traceFile",
    response_model=TraceOut,
    openapi_extra=RAW,
    summary="Find the copy that a leaked picture was made from",
)
async def trace_file(
    request: Request,
    gateway: InGateway,
    actor: Tracer,
    matter: Annotated[str | None, Query(max_length=64, description="Only the copies of this matter.")] = None,
) -> TraceOut:
    """The file is looked at in memory and not kept; that it was traced, and what came of it, is an entry.

    A copy is named, and those in whose custody it is, never a person. Sent again it is traced again.
    """
    check_raw(request)
    lane = request.app.state.lane

    def begin() -> _Leak:
        gateway.tracing.require(actor)
        return _Leak(gateway.tracing.limit_bytes)

    untrusted = await stream.upload(request, lane, begin, _Leak.finish)
    trace = partial(gateway.tracing.trace, actor, untrusted, matter=matter)
    return shown(await to_thread.run_sync(trace, limiter=lane.archives))
