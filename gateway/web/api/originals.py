"""Originals: bytes in, what they are, what a policy can name in them, and bytes out under an opening."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.app import Gateway
from gateway.base.problems import Unavailable, Usage
from gateway.formats.model import Field, Table
from gateway.intake.model import Original, Receipt
from gateway.intake.service import Receiving
from gateway.people.model import Actor, Permission
from gateway.policy.naming import name_fields
from gateway.web import stream
from gateway.web.deps import InGateway, InPage, InWrite, MatterId, OriginalId, holding
from gateway.web.download import object_download
from gateway.web.headers import file_name_of, key_of
from gateway.web.problems import WrongContentType
from gateway.web.schemas.originals import (
    ClassificationIn,
    FieldOut,
    FieldsOut,
    OriginalOut,
    OriginalsOut,
    ReceiptOut,
)
from gateway.web.security import API

router = APIRouter(prefix=API, tags=["originals"])

Reader = Annotated[Actor, holding(Permission.MATTER_READ)]
Uploader = Annotated[Actor, holding(Permission.ORIGINAL_UPLOAD)]
Classifier = Annotated[Actor, holding(Permission.ORIGINAL_CLASSIFY)]
Opener = Annotated[Actor, holding(Permission.ORIGINAL_OPEN)]

# Each survey parses a whole original in a child process; more at once would only take one another's memory.
_SURVEYS: Final = threading.BoundedSemaphore(2)
_SURVEY_PATIENCE_S: Final = 20.0
_RAW: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "The file's bytes, as they are: not multipart, not compressed.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class SurveysBusy(Unavailable):
    """Too many originals are being surveyed."""

    slug = "surveys-busy"
    title = "Too many originals are being read now"


@router.put(
    "/matters/{matter_id}/originals",
    operation_id="uploadOriginal",
    status_code=201,
    response_model=ReceiptOut,
    openapi_extra=_RAW,
    summary="Upload an original",
)
async def upload_original(
    request: Request,
    response: Response,
    gateway: InGateway,
    actor: Uploader,
    matter_id: MatterId,
    kind: Annotated[str, Query(max_length=64, examples=["customer_list"])],
    content_disposition: Annotated[
        str | None, Header(examples=["attachment; filename*=UTF-8''Kunden.csv"], description="The file's name.")
    ] = None,
    content_digest: Annotated[str | None, Header(description="RFC 9530; checked when sent.")] = None,
    idempotency_key: Annotated[
        str | None, Header(description="Same key and same bytes: same receipt, kept once.")
    ] = None,
) -> ReceiptOut:
    """The bytes stream straight into encryption; the answer is the receipt. What is cut off leaves no trace."""
    _check_raw(request)
    file_name, key = file_name_of(content_disposition), key_of(idempotency_key)

    def begin() -> Receiving:
        return gateway.intake.begin(actor, matter_id, kind, content_digest)

    def keep(receiving: Receiving) -> Receipt:
        return gateway.intake.keep(actor, matter_id, kind, receiving, file_name=file_name, idempotency_key=key)

    receipt = await stream.upload(request, begin, keep, request.app.state.upload_threads)
    response.headers["Location"] = f"{API}/originals/{receipt.original}"
    return ReceiptOut.model_validate(receipt)


@router.get("/matters/{matter_id}/originals", operation_id="listOriginals", summary="The originals of a matter")
def list_originals(gateway: InGateway, actor: Reader, page: InPage, matter_id: MatterId) -> OriginalsOut:
    """Oldest first."""
    gateway.matters.get(matter_id)
    shown, cursor = page.of(list(gateway.intake.originals(matter_id)), lambda one: one.id)
    return OriginalsOut(originals=[_shown(one, actor) for one in shown], next_cursor=cursor)


@router.get("/originals/{original_id}", operation_id="showOriginal", summary="One original")
def show_original(gateway: InGateway, actor: Reader, original_id: OriginalId) -> OriginalOut:
    """What it is, without its content."""
    return _shown(gateway.intake.get(original_id), actor)


@router.put(
    "/originals/{original_id}/classification",
    operation_id="classifyOriginal",
    response_model=OriginalOut,
    summary="Answer the four questions",
)
def classify_original(
    gateway: InGateway, actor: Classifier, write: InWrite, original_id: OriginalId, body: ClassificationIn
) -> Response:
    """Without these answers nothing made of the original can be released. A later answer replaces an earlier one."""
    return write(
        lambda: gateway.intake.classify(actor, original_id, body.answers()),
        lambda one: _shown(one, actor),
        entries="original.classified",
        again=lambda entry: gateway.intake.get(entry["subject"]),
        owner=lambda one: one.matter,
    )


@router.get("/originals/{original_id}/fields", operation_id="listFields", summary="What a policy can name")
def list_fields(gateway: InGateway, actor: Reader, original_id: OriginalId) -> FieldsOut:
    """Read in the sandbox, under an opening. What the original calls a field is told to those who may open it."""
    original = gateway.intake.get(original_id)
    labelled = Permission.ORIGINAL_OPEN in actor.scopes
    fields, source = _survey(gateway, actor, original)
    return FieldsOut(
        original=original.id,
        kind=original.kind,
        source={key: value for key, value in source.items() if labelled or key != "sheet"},
        fields=[_field(one, labelled=labelled) for one in fields],
    )


@router.get(
    "/originals/{original_id}/content",
    operation_id="openOriginal",
    response_class=Response,
    summary="The bytes of an original",
)
def open_original(request: Request, gateway: InGateway, actor: Opener, original_id: OriginalId) -> Response:
    """Under an opening of ten minutes, whose entry is durable before the first byte. One range may be asked for."""
    original = gateway.intake.get(original_id)
    return object_download(request, gateway, actor, original.object_id, original.id, original.media_type)


def _check_raw(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith("multipart/") or kind == "application/x-www-form-urlencoded":
        raise WrongContentType("Send the file's bytes as the body, as application/octet-stream, not as a form.")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise WrongContentType("Send the file's bytes as they are, without Content-Encoding.")
    if len(request.headers.getlist("content-digest")) > 1 or len(request.headers.getlist("content-disposition")) > 1:
        raise Usage("Send Content-Digest and Content-Disposition once.")


def _survey(gateway: Gateway, actor: Actor, original: Original) -> tuple[tuple[Field, ...], Mapping[str, str]]:
    form, kind = gateway.intake.format_of(original), gateway.library.kind(original.kind)
    if not _SURVEYS.acquire(timeout=_SURVEY_PATIENCE_S):
        raise SurveysBusy("Other originals are being read; try again in a minute.")
    try:
        with ExitStack() as stack:
            opened = stack.enter_context(gateway.openings.open(actor.person_id, original.object_id, original.id))
            untrusted_original = opened.read()
        content = form.read(untrusted_original, original.media_type, gateway.sandbox)
        source = content.source if isinstance(content, Table) else {}
        return name_fields(kind, form.survey(content)), source
    finally:
        _SURVEYS.release()


def _shown(original: Original, actor: Actor) -> OriginalOut:
    return OriginalOut.of(original, named=Permission.ORIGINAL_OPEN in actor.scopes)


def _field(one: Field, *, labelled: bool) -> FieldOut:
    return FieldOut(
        id=one.id,
        element=one.element.value,
        name=one.name,
        classes=sorted(one.classes),
        count=one.count,
        label=one.label if labelled else None,
    )
