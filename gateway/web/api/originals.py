"""Originals: bytes in, what they are, what a policy can name in them, and bytes out under an opening."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.app import Gateway
from gateway.base.problems import Unavailable, Usage
from gateway.db.unit import riding
from gateway.formats.model import Element, Field, Structured, Table
from gateway.formats.surface import Spot
from gateway.intake.model import Original, Receipt
from gateway.intake.service import Receiving
from gateway.people.model import Actor, Permission
from gateway.policy.paths import named_fields
from gateway.release.shredding import Proposed
from gateway.sandbox.budget import Budgeted
from gateway.web import stream
from gateway.web.api.uploads import begin_upload
from gateway.web.conditions import InKnown
from gateway.web.cursors import InPage
from gateway.web.deps import InChange, InGateway, InWrite, MatterId, OriginalId, holding, signature_of
from gateway.web.download import object_download
from gateway.web.headers import boolean_of, count_of, file_name_of, key_of
from gateway.web.multipart import Form, boundary_of
from gateway.web.problems import WrongContentType
from gateway.web.schemas.originals import (
    ClassificationIn,
    FieldOut,
    FieldsOut,
    OriginalOut,
    OriginalsOut,
    ReceiptOut,
    ShreddingIn,
    ShreddingOut,
    UploadOut,
)
from gateway.web.schemas.people import SignatureIn
from gateway.web.security import API

router = APIRouter(prefix=API, tags=["originals"])

Reader = Annotated[Actor, holding(Permission.MATTER_READ)]
Uploader = Annotated[Actor, holding(Permission.ORIGINAL_UPLOAD)]
Classifier = Annotated[Actor, holding(Permission.ORIGINAL_CLASSIFY)]
Shredder = Annotated[Actor, holding(Permission.ORIGINAL_SHRED)]
Opener = Annotated[Actor, holding(Permission.ORIGINAL_OPEN)]

Kind = Annotated[str, Query(max_length=64, examples=["customer_list"])]

# Each survey parses a whole original in a child process; more at once would only take one another's memory.
_SURVEYS: Final = threading.BoundedSemaphore(2)
_SURVEY_PATIENCE_S: Final = 20.0
RAW: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "The file's bytes, as they are: not multipart, not compressed.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["kind", "file"],
                    "properties": {
                        "kind": {"type": "string", "maxLength": 64, "description": "Sent before `file`."},
                        "file": {"type": "string", "format": "binary"},
                    },
                }
            }
        },
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
    response_model=ReceiptOut | UploadOut,
    openapi_extra=RAW,
    summary="Upload an original",
)
async def upload_original(
    request: Request,
    response: Response,
    gateway: InGateway,
    actor: Uploader,
    matter_id: MatterId,
    kind: Kind,
    content_disposition: Annotated[
        str | None, Header(examples=["attachment; filename*=UTF-8''Kunden.csv"], description="The file's name.")
    ] = None,
    content_digest: Annotated[str | None, Header(description="RFC 9530; checked when sent.")] = None,
    idempotency_key: Annotated[
        str | None, Header(description="Same key and same bytes: same receipt, kept once.")
    ] = None,
    upload_complete: Annotated[
        str | None, Header(description="`?0` begins a resumable upload; its address is in `Location`.")
    ] = None,
    upload_length: Annotated[str | None, Header(description="The bytes of the whole file, where known.")] = None,
) -> ReceiptOut | Response:
    """The bytes stream straight into encryption; the answer is the receipt. What is cut off leaves no trace."""
    check_raw(request)
    file_name, key = file_name_of(content_disposition), key_of(idempotency_key)
    if boolean_of(upload_complete) is False:
        return await begin_upload(
            request,
            gateway,
            actor,
            matter_id,
            kind,
            length_bytes=count_of(upload_length),
            file_name=file_name,
            idempotency_key=key,
        )

    def begin() -> Receiving:
        return gateway.intake.begin(actor, matter_id, kind, content_digest)

    def keep(receiving: Receiving) -> Receipt:
        return gateway.intake.keep(actor, matter_id, kind, receiving, file_name=file_name, idempotency_key=key)

    receipt = await stream.upload(request, request.app.state.lane, begin, keep)
    response.headers["Location"] = f"{API}/originals/{receipt.original}"
    return ReceiptOut.model_validate(receipt)


@router.post(
    "/matters/{matter_id}/originals",
    operation_id="uploadForm",
    status_code=201,
    response_model=ReceiptOut,
    openapi_extra=_FORM,
    summary="Upload an original by a form",
)
async def upload_form(
    request: Request,
    response: Response,
    gateway: InGateway,
    actor: Uploader,
    matter_id: MatterId,
    idempotency_key: Annotated[
        str | None, Header(description="Same key and same bytes: same receipt, kept once.")
    ] = None,
) -> ReceiptOut:
    """The field `kind`, then the file: its bytes stream into encryption as the form is parsed. Its part may carry a
    Content-Digest.
    """
    receipt = await keep_form(request, gateway, actor, matter_id, key_of(idempotency_key))
    response.headers["Location"] = f"{API}/originals/{receipt.original}"
    return ReceiptOut.model_validate(receipt)


async def keep_form(
    request: Request,
    gateway: Gateway,
    actor: Actor,
    matter_id: str,
    key: str | None,
    check: Callable[[str], None] = lambda _secret: None,
) -> Receipt:
    """The receipt of the file in a form that streams; `check` looks at its secret before anything is kept."""
    boundary = boundary_of(request.headers.get("content-type", ""))
    _check_plain(request)
    if "content-digest" in request.headers:
        raise Usage("Send Content-Digest among the headers of the file's part, where it speaks of the file's bytes.")

    def begin() -> Form:
        gateway.matters.require(matter_id)

        def open_file(kind: str, digest: str | None) -> Receiving:
            check(form.secret)
            return gateway.intake.begin(actor, matter_id, kind, digest)

        form = Form(boundary, open_file)
        return form

    def keep(form: Form) -> Receipt:
        kind, receiving = form.finish()
        return gateway.intake.keep(actor, matter_id, kind, receiving, file_name=form.file_name, idempotency_key=key)

    return await stream.upload(request, request.app.state.lane, begin, keep)


@router.get("/matters/{matter_id}/originals", operation_id="listOriginals", summary="The originals of a matter")
def list_originals(
    gateway: InGateway, actor: Reader, page: InPage, matter_id: MatterId, kind: Kind | None = None
) -> OriginalsOut:
    """Oldest first; with `kind` those of that kind alone."""
    with gateway.units.read():
        gateway.matters.require(matter_id)
        shown, cursor = page(
            lambda after, limit: gateway.intake.originals(matter_id, kind=kind, after=after, limit=limit),
            lambda one: one.id,
        )
    return OriginalsOut(originals=[_shown(one, actor) for one in shown], next_cursor=cursor)


@router.get("/originals/{original_id}", operation_id="showOriginal", response_model=OriginalOut, summary="One original")
def show_original(gateway: InGateway, actor: Reader, known: InKnown, original_id: OriginalId) -> Response:
    """What it is, without its content."""
    return known.shown(_shown(gateway.intake.get(original_id), actor))


@router.put(
    "/originals/{original_id}/classification",
    operation_id="classifyOriginal",
    response_model=OriginalOut,
    summary="Answer the four questions",
)
def classify_original(
    gateway: InGateway, actor: Classifier, write: InChange, original_id: OriginalId, body: ClassificationIn
) -> Response:
    """Without these answers nothing made of the original can be released. A later answer replaces an earlier one."""
    return write(
        lambda: gateway.intake.classify(actor, original_id, body.answers()),
        lambda one: _shown(one, actor),
        entries="original.classified",
        again=lambda entry: gateway.intake.get(entry["subject"]),
        owner=lambda one: one.matter,
        current=lambda: _shown(gateway.intake.get(original_id), actor),
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
def open_original(
    request: Request, gateway: InGateway, actor: Opener, known: InKnown, original_id: OriginalId
) -> Response:
    """Under an opening of ten minutes, whose entry is durable before the first byte. One range may be asked for."""
    original = gateway.intake.get(original_id)
    return object_download(request, known, gateway, actor, original.object_id, original.id, original.media_type)


@router.get(
    "/originals/{original_id}/pages/{number}",
    operation_id="showPage",
    response_class=Response,
    responses={200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}},
    summary="What regions are drawn on",
)
def show_page(
    gateway: InGateway,
    actor: Opener,
    original_id: OriginalId,
    number: Annotated[int, Path(ge=1, le=10_000, description="A page; of anything without pages the first.")],
    at_ms: Annotated[int, Query(ge=0, le=86_400_000, description="When in a video, from its beginning.")] = 0,
) -> Response:
    """As a PNG whose pixels are those of regions: a page, a picture, a drawing with all its layers, a video's frame.

    Under an opening, as the bytes are. It is made anew from the original each time and kept nowhere.
    """
    original = gateway.intake.get(original_id)
    form = gateway.intake.format_of(original)
    with _opened(gateway, actor, original) as untrusted_original:
        sandbox, spot = Budgeted(gateway.sandbox), Spot(number, at_ms)
        png = form.look(untrusted_original, original.media_type, sandbox, spot).png()
    return Response(png, media_type="image/png")


@router.get("/originals/{original_id}/shredding", operation_id="showShredding", summary="What a second person signs")
def show_shredding(gateway: InGateway, _actor: Shredder, original_id: OriginalId) -> ShreddingOut:
    """The shredding of an original that waits for a second signature."""
    return _shredding(gateway.shredding.waiting(original_id))


@router.post(
    "/originals/{original_id}/shredding",
    operation_id="proposeShredding",
    status_code=201,
    response_model=ShreddingOut,
    summary="Propose to shred an original",
)
def propose_shredding(
    gateway: InGateway, actor: Shredder, write: InWrite, original_id: OriginalId, body: ShreddingIn
) -> Response:
    """Nothing is destroyed before a second person has signed; a later proposal replaces one that waits."""
    return write(
        lambda: gateway.shredding.propose(actor, original_id, body.reason),
        _shredding,
        entries="original.shredding_proposed",
        again=lambda entry: gateway.shredding.waiting(entry["subject"]),
        status=201,
        owner=lambda one: one.matter,
    )


@router.post(
    "/originals/{original_id}/shredding/countersignatures",
    operation_id="shredOriginal",
    status_code=201,
    response_model=OriginalOut,
    summary="Shred an original",
)
def shred_original(
    gateway: InGateway, actor: Shredder, write: InWrite, original_id: OriginalId, body: SignatureIn
) -> Response:
    """Your signature over the statement, not by whoever proposed it. What left stays; the rest is gone for good."""

    def shred() -> Original:
        # Kept answers tell digests and names of originals; a repetition finds its answer by the entry instead.
        with riding(write.idempotency.forget_answers(gateway.intake.get(original_id).matter)):
            return gateway.shredding.countersign(actor, original_id, signature_of(body.signature))

    return write(
        shred,
        lambda one: _shown(one, actor),
        entries="original.shredded",
        again=lambda entry: gateway.intake.get(entry["subject"]),
        status=201,
        owner=lambda one: one.matter,
    )


def check_raw(request: Request) -> None:
    """Raise unless the body is the bytes themselves."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith("multipart/") or kind == "application/x-www-form-urlencoded":
        raise WrongContentType("Send the file's bytes as the body, as application/octet-stream; a form goes to POST.")
    _check_plain(request)
    if len(request.headers.getlist("content-digest")) > 1 or len(request.headers.getlist("content-disposition")) > 1:
        raise Usage("Send Content-Digest and Content-Disposition once.")


def _check_plain(request: Request) -> None:
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise WrongContentType("Send the file's bytes as they are, without Content-Encoding.")


def _survey(gateway: Gateway, actor: Actor, original: Original) -> tuple[tuple[Field, ...], Mapping[str, str]]:
    form, kind = gateway.intake.format_of(original), gateway.library.kind(original.kind)
    with _opened(gateway, actor, original) as untrusted_original:
        content = form.read(untrusted_original, original.media_type, Budgeted(gateway.sandbox))
    source = content.source if isinstance(content, Table | Structured) else {}
    return named_fields(kind, form.survey(content)), source


@contextmanager
def _opened(gateway: Gateway, actor: Actor, original: Original) -> Iterator[bytes]:
    """The bytes of an original, under an opening of `actor`, while not too many others are being read."""
    if not _SURVEYS.acquire(timeout=_SURVEY_PATIENCE_S):
        raise SurveysBusy("Other originals are being read; try again in a minute.", retry_after_s=60)
    try:
        with gateway.openings.open(actor.person_id, original.object_id, original.id) as opened:
            untrusted_original = opened.read()
        yield untrusted_original
    finally:
        _SURVEYS.release()


def _shown(original: Original, actor: Actor) -> OriginalOut:
    return OriginalOut.of(original, named=Permission.ORIGINAL_OPEN in actor.scopes)


def _shredding(one: Proposed) -> ShreddingOut:
    return ShreddingOut(
        id=one.id,
        original=one.original,
        matter=one.matter,
        proposer=one.proposer,
        reason=one.reason,
        proposed_at=one.proposed_at,
        statement=one.statement.decode(),
    )


def _field(one: Field, *, labelled: bool) -> FieldOut:
    # A form field goes by the name that the original gives it.
    named = labelled or one.element is not Element.FORM_FIELD
    return FieldOut(
        id=one.id,
        element=one.element.value,
        name=one.name if named else None,
        classes=sorted(one.classes),
        count=one.count,
        label=one.label if labelled else None,
    )
