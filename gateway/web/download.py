"""Stored objects as downloads."""

from __future__ import annotations

from contextlib import ExitStack

from starlette.requests import Request
from starlette.responses import Response

from gateway.app import Gateway
from gateway.people.model import Actor
from gateway.vault.service import Opened
from gateway.web.conditions import Known, object_etag, unmodified
from gateway.web.headers import Span, span_of
from gateway.web.stream import Download, peeked


def object_download(
    request: Request, known: Known, gateway: Gateway, actor: Actor, object_id: str, subject: str, media_type: str
) -> Response:
    """An object's bytes under an opening of `actor`; the range asked for, or all of them, or 304 and no opening."""
    etag = object_etag(object_id)
    if known.has(etag):
        return unmodified(etag)
    with gateway.units.read() as session:
        size_bytes = gateway.vault.object(session, object_id).plaintext_bytes
    span = span_of(request.headers.get("range"), request.headers.get("if-range"), size_bytes, etag)
    with ExitStack() as stack:
        opened = stack.enter_context(gateway.openings.open(actor.person_id, object_id, subject))
        chunks = peeked(opened.chunks(span.offset, span.length))
        return Download(
            chunks,
            stack.pop_all().close,
            status=206 if span.partial else 200,
            media_type=media_type,
            headers={"Accept-Ranges": "bytes", "ETag": etag, **_range_headers(span)},
        )


def opened_download(opened: Opened, media_type: str, etag: str) -> Response:
    """All bytes of an object that is open already; closed with the download."""
    with ExitStack() as stack:
        stack.enter_context(opened)
        chunks = peeked(opened.chunks())
        return Download(
            chunks,
            stack.pop_all().close,
            media_type=media_type,
            headers={"Content-Length": str(opened.plaintext_bytes), "ETag": etag},
        )


def _range_headers(span: Span) -> dict[str, str]:
    headers = {"Content-Length": str(span.length)}
    if span.partial:
        headers["Content-Range"] = f"bytes {span.offset}-{span.offset + span.length - 1}/{span.size_bytes}"
    return headers
