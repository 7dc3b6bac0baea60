"""Archives: a ZIP in, an original for each file in it."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header
from starlette.requests import Request

from gateway.intake.archives import Arriving
from gateway.web import stream
from gateway.web.api.originals import RAW, Kind, Uploader, check_raw
from gateway.web.deps import InGateway, MatterId
from gateway.web.headers import key_of
from gateway.web.schemas.originals import ReceiptOut, ReceiptsOut
from gateway.web.security import API

router = APIRouter(prefix=API, tags=["originals"])


@router.put(
    "/matters/{matter_id}/archives",
    operation_id="uploadArchive",
    status_code=201,
    response_model=ReceiptsOut,
    openapi_extra=RAW,
    summary="Upload the files in a ZIP",
)
async def upload_archive(
    request: Request,
    gateway: InGateway,
    actor: Uploader,
    matter_id: MatterId,
    kind: Kind,
    content_digest: Annotated[str | None, Header(description="RFC 9530, of the archive; checked when sent.")] = None,
    idempotency_key: Annotated[
        str | None, Header(description="Same key and same files: same receipts, kept once.")
    ] = None,
) -> ReceiptsOut:
    """Every file of the ZIP becomes an original of this kind, in the archive's order; the ZIP itself is not kept. All
    of them or none: what cannot be taken is told by its number, with the reason.
    """
    check_raw(request)
    key, lane = key_of(idempotency_key), request.app.state.lane

    def begin() -> Arriving:
        return gateway.archives.begin(actor, matter_id, kind, content_digest)

    staged = await stream.upload(request, lane, begin, Arriving.finish)
    take_apart = partial(gateway.archives.take_apart, actor, matter_id, kind, staged, idempotency_key=key)
    receipts = await to_thread.run_sync(take_apart, limiter=lane.archives)
    return ReceiptsOut(originals=[ReceiptOut.model_validate(one) for one in receipts])
