"""Resumable uploads (draft-ietf-httpbis-resumable-upload): where one stands, more bytes for it, its end.

An upload is begun by `PUT /matters/{id}/originals` with `Upload-Complete: ?0`. Interim responses (104) are not sent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

from anyio import CancelScope, to_thread
from fastapi import APIRouter, Header
from starlette.requests import Request
from starlette.responses import Response

from gateway.app import Gateway
from gateway.base.problems import Problem, Unavailable, Usage
from gateway.intake.model import Upload
from gateway.intake.rules import check_length
from gateway.intake.uploads import Appending
from gateway.people.model import Actor, Permission
from gateway.web import stream
from gateway.web.deps import InGateway, UploadId, holding
from gateway.web.headers import boolean_of, count_of
from gateway.web.lane import Lane
from gateway.web.problems import WrongContentType
from gateway.web.schemas.originals import ReceiptOut, UploadOut
from gateway.web.security import API

router = APIRouter(prefix=API, tags=["uploads"])

Uploader = Annotated[Actor, holding(Permission.ORIGINAL_UPLOAD)]

MEDIA_TYPE = "application/partial-upload"


_PARTIAL: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "The bytes that follow `Upload-Offset`.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}


async def begin_upload(
    request: Request,
    gateway: Gateway,
    actor: Actor,
    matter_id: str,
    kind: str,
    *,
    length_bytes: int | None,
    file_name: str | None,
    idempotency_key: str | None,
) -> Response:
    """Open an upload and take what the request already holds of it."""
    if "content-digest" in request.headers:
        raise Usage("Announce the digest of the whole file in Repr-Digest; the parts are sealed and need none.")

    def begin() -> Upload:
        return gateway.uploads.begin(
            actor,
            matter_id,
            kind,
            length_bytes=length_bytes,
            file_name=file_name,
            digest=request.headers.get("repr-digest"),
            idempotency_key=idempotency_key,
        )

    upload = await to_thread.run_sync(begin)
    if request.headers.get("content-length", "") != "0":
        upload = await _receive(request, gateway, actor, upload.id, offset=0, length_bytes=None, completes=False)
    headers = {**_told(gateway, upload), "Location": f"{API}/uploads/{upload.id}"}
    shown = UploadOut.model_validate(upload).model_dump_json()
    return Response(shown, 201, headers, media_type="application/json")


@router.head("/uploads/{upload_id}", operation_id="findOffset", status_code=204, summary="Where to go on")
async def find_offset(request: Request, gateway: InGateway, actor: Uploader, upload_id: UploadId) -> Response:
    """`Upload-Offset` is durable. A request that is still sending to this upload is ended first."""
    async with _turn(request, gateway, actor, upload_id):
        upload = await to_thread.run_sync(gateway.uploads.get, actor, upload_id)
    return Response(status_code=204, headers=_told(gateway, upload))


@router.get("/uploads/{upload_id}", operation_id="showUpload", summary="How far an upload is")
def show_upload(response: Response, gateway: InGateway, actor: Uploader, upload_id: UploadId) -> UploadOut:
    """What is durable of it, without disturbing who is sending; its receipt once it is an original."""
    upload = gateway.uploads.get(actor, upload_id)
    response.headers.update(_told(gateway, upload))
    return UploadOut.model_validate(upload)


@router.patch(
    "/uploads/{upload_id}",
    operation_id="appendUpload",
    status_code=201,
    response_model=ReceiptOut,
    responses={204: {"description": "The bytes are durable; the upload goes on."}},
    openapi_extra=_PARTIAL,
    summary="Go on with an upload",
)
async def append_upload(
    request: Request,
    gateway: InGateway,
    actor: Uploader,
    upload_id: UploadId,
    upload_offset: Annotated[str | None, Header(description="Where these bytes belong.", examples=["0"])] = None,
    upload_complete: Annotated[
        str | None, Header(description="`?1` where these are the last bytes, else `?0`.", examples=["?1"])
    ] = None,
    upload_length: Annotated[str | None, Header(description="The bytes of the whole file.")] = None,
) -> Response:
    """With the last bytes it becomes an original, and the answer is that of an upload in one piece. What had arrived
    when a connection broke stays; HEAD tells where to go on.
    """
    offset, completes = count_of(upload_offset), boolean_of(upload_complete)
    if offset is None or completes is None:
        raise Usage("Send Upload-Offset, a number of bytes, and Upload-Complete, ?0 or ?1.")
    if request.headers.get("content-type", "").strip().lower() != MEDIA_TYPE or "content-digest" in request.headers:
        raise WrongContentType(f"Send the bytes as Content-Type: {MEDIA_TYPE}, without Content-Digest.")
    upload = await _receive(
        request,
        gateway,
        actor,
        upload_id,
        offset=offset,
        length_bytes=_announced(request, offset, count_of(upload_length), completes=completes),
        completes=completes,
    )
    if upload.receipt is None:
        return Response(status_code=204, headers=_told(gateway, upload))
    shown = ReceiptOut.model_validate(upload.receipt).model_dump_json()
    return Response(shown, 201, _told(gateway, upload), media_type="application/json")


@router.delete("/uploads/{upload_id}", operation_id="cancelUpload", status_code=204, summary="Give an upload up")
async def cancel_upload(request: Request, gateway: InGateway, actor: Uploader, upload_id: UploadId) -> Response:
    """What had arrived is removed. An original that came of it stays."""
    async with _turn(request, gateway, actor, upload_id):
        await to_thread.run_sync(gateway.uploads.cancel, actor, upload_id)
    return Response(status_code=204)


async def _receive(
    request: Request,
    gateway: Gateway,
    actor: Actor,
    upload_id: str,
    *,
    offset: int,
    length_bytes: int | None,
    completes: bool,
) -> Upload:
    def begin() -> Appending:
        return gateway.uploads.append(actor, upload_id, offset=offset, length_bytes=length_bytes)

    def keep(appending: Appending) -> Upload:
        upload = appending.finish()
        if not completes:
            return upload
        try:
            gateway.uploads.complete(actor, upload_id)
        except Problem as problem:
            # The draft's way to say that the bytes are all there, and that sending them again would not help.
            if not isinstance(problem, Unavailable):
                problem.members["upload-complete"] = True
            raise
        return gateway.uploads.get(actor, upload_id)

    async with _turn(request, gateway, actor, upload_id) as scope:
        return await stream.upload(request, _lane(request), begin, keep, scope)


@asynccontextmanager
async def _turn(request: Request, gateway: Gateway, actor: Actor, upload_id: str) -> AsyncIterator[CancelScope]:
    """The lane's turn for whose upload it is: nobody else's request ends theirs."""
    await to_thread.run_sync(gateway.uploads.get, actor, upload_id)
    async with _lane(request).turn(upload_id) as scope:
        yield scope


def _announced(request: Request, offset: int, length_bytes: int | None, *, completes: bool) -> int | None:
    """The whole length as this request tells it, in one way or two."""
    content_bytes = count_of(request.headers.get("content-length"))
    if not completes or content_bytes is None:
        return length_bytes
    check_length(length_bytes, offset + content_bytes)
    return offset + content_bytes


def _told(gateway: Gateway, upload: Upload) -> dict[str, str]:
    """What every answer about an upload says of it."""
    age_s = max(0, int((upload.expires_at - gateway.clock.now()).total_seconds()))
    told = {
        "Upload-Offset": str(upload.received_bytes),
        "Upload-Complete": "?0" if upload.receipt is None else "?1",
        "Upload-Limit": f"max-size={upload.limit_bytes}, max-age={age_s}",
    }
    if upload.length_bytes is not None:
        told["Upload-Length"] = str(upload.length_bytes)
    if upload.receipt is not None:
        told["Location"] = f"{API}/originals/{upload.receipt.original}"
    return told


def _lane(request: Request) -> Lane:
    lane: Lane = request.app.state.lane
    return lane
