"""Renditions: asked for, answered, looked at, reviewed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from gateway.app import Gateway
from gateway.people.model import Actor, Permission
from gateway.policy.answers import Answers
from gateway.render.model import Rendition
from gateway.render.service import NotRendered
from gateway.web.api.releases import release_detail
from gateway.web.conditions import InKnown, Known
from gateway.web.deps import InChange, InGateway, ReleaseId, RenditionId, Write, holding
from gateway.web.download import object_download
from gateway.web.schemas.renditions import RedactionsIn, RemembersIn, RenditionIn, RenditionOut, ReviewIn, ReviewOut
from gateway.web.security import API

router = APIRouter(prefix=API, tags=["renditions"])

Reader = Annotated[Actor, holding(Permission.RENDITION_READ)]
Builder = Annotated[Actor, holding(Permission.RELEASE_BUILD)]
Answerer = Annotated[Actor, holding(Permission.RENDITION_ANSWER)]
Opener = Annotated[Actor, holding(Permission.ORIGINAL_OPEN)]
Reviewer = Annotated[Actor, holding(Permission.RENDITION_REVIEW)]


@router.post(
    "/releases/{release_id}/renditions",
    operation_id="requestRendition",
    status_code=202,
    response_model=RenditionOut,
    summary="Have an original rendered",
)
def request_rendition(
    gateway: InGateway, actor: Builder, write: InChange, release_id: ReleaseId, body: RenditionIn
) -> Response:
    """Queued for a worker; look at the rendition until it is clean, waiting, blocked or refused."""
    return _queued(
        gateway,
        write,
        lambda: gateway.releases.add(
            actor,
            release_id,
            body.original,
            policy_ref=body.policy,
            answers=body.answers.answers() if body.answers else Answers(),
        ),
        current=lambda: release_detail(gateway, release_id),
    )


@router.get(
    "/renditions/{rendition_id}", operation_id="showRendition", response_model=RenditionOut, summary="One rendition"
)
def show_rendition(gateway: InGateway, _actor: Reader, known: InKnown, rendition_id: RenditionId) -> Response:
    """Its state, and why."""
    return known.shown(_rendition(gateway, rendition_id))


@router.get(
    "/renditions/{rendition_id}/content",
    operation_id="openRendition",
    response_class=Response,
    summary="The bytes of a rendition",
)
def open_rendition(
    request: Request, gateway: InGateway, actor: Reader, known: InKnown, rendition_id: RenditionId
) -> Response:
    """Under an opening, as with originals. One range may be asked for."""
    rendition = gateway.renders.get(rendition_id)
    if rendition.object_id is None or rendition.media_type is None:
        raise NotRendered("There are no bytes in this state; look at the rendition's reason.")
    return object_download(request, known, gateway, actor, rendition.object_id, rendition.id, rendition.media_type)


@router.get(
    "/renditions/{rendition_id}/decisions",
    operation_id="showDecisions",
    response_class=Response,
    summary="What was decided, field by field",
)
def show_decisions(gateway: InGateway, _actor: Reader, known: InKnown, rendition_id: RenditionId) -> Response:
    """The canonical bytes whose digest the manifest names; open questions stand among them."""
    return _part(gateway, known, gateway.renders.get(rendition_id).decisions_object)


@router.get(
    "/renditions/{rendition_id}/residue",
    operation_id="showResidue",
    response_class=Response,
    summary="The verification report",
)
def show_residue(gateway: InGateway, _actor: Reader, known: InKnown, rendition_id: RenditionId) -> Response:
    """Free of values; the canonical bytes whose digest the manifest names."""
    return _part(gateway, known, gateway.renders.get(rendition_id).residue_object)


@router.get(
    "/renditions/{rendition_id}/witness",
    operation_id="openWitness",
    response_class=Response,
    summary="The rows that show why a limit on risk does not hold",
)
def open_witness(
    request: Request, gateway: InGateway, actor: Opener, known: InKnown, rendition_id: RenditionId
) -> Response:
    """Rows of the original, for who may open it, and under an opening as the original is."""
    rendition = gateway.renders.get(rendition_id)
    if rendition.witness_object is None:
        raise NotRendered("No limit on risk was exceeded by this rendition; look at its state and its reason.")
    return object_download(request, known, gateway, actor, rendition.witness_object, rendition.id, "application/json")


@router.post(
    "/renditions/{rendition_id}/answers",
    operation_id="answerRendition",
    status_code=202,
    response_model=RenditionOut,
    summary="Answer a rendition's questions",
)
def answer_rendition(
    gateway: InGateway, actor: Answerer, write: InChange, rendition_id: RenditionId, body: RemembersIn
) -> Response:
    """All answers anew: a new rendition takes this one's place, and what was approved no longer counts."""
    return _queued(
        gateway,
        write,
        lambda: gateway.releases.answer(actor, rendition_id, body.answers(), remember=body.remember),
        current=lambda: _rendition(gateway, rendition_id),
    )


@router.post(
    "/renditions/{rendition_id}/redactions",
    operation_id="addRedactions",
    status_code=202,
    response_model=RenditionOut,
    summary="Withhold more: add regions, terms, rows and cells",
)
def add_redactions(
    gateway: InGateway, actor: Answerer, write: InChange, rendition_id: RenditionId, body: RedactionsIn
) -> Response:
    """A new rendition with these beside the old ones; whoever adds them has built part of the release."""

    def answers() -> Answers:
        return body.added_to(gateway.renders.answers(rendition_id))

    return _queued(
        gateway,
        write,
        lambda: gateway.releases.answer(actor, rendition_id, answers()),
        current=lambda: _rendition(gateway, rendition_id),
    )


@router.post(
    "/renditions/{rendition_id}/reviews",
    operation_id="reviewRendition",
    status_code=201,
    response_model=ReviewOut,
    summary="Say what you saw",
)
def review_rendition(
    gateway: InGateway, actor: Reviewer, write: InChange, rendition_id: RenditionId, body: ReviewIn
) -> Response:
    """On exactly the bytes with this SHA-256; a request for changes needs its reason and takes the release back."""
    said = ReviewOut(rendition=rendition_id, reviewer=actor.person_id, verdict=body.verdict, sha256=body.sha256)

    def act() -> ReviewOut:
        gateway.releases.review(actor, rendition_id, verdict=body.verdict, seen_sha256=body.sha256, reason=body.reason)
        return said

    return write(
        act,
        lambda one: one,
        entries="rendition.reviewed rendition.changes_requested",
        again=lambda _entry: said,
        status=201,
        current=lambda: _rendition(gateway, rendition_id),
    )


@router.post(
    "/renditions/{rendition_id}/withdraw",
    operation_id="withdrawRendition",
    response_model=RenditionOut,
    summary="Take a rendition out of its release",
)
def withdraw_rendition(gateway: InGateway, actor: Builder, write: InChange, rendition_id: RenditionId) -> Response:
    """The original stays; what was approved no longer counts."""
    return write(
        lambda: gateway.releases.withdraw(actor, rendition_id),
        RenditionOut.of,
        entries="rendition.withdrawn",
        again=lambda entry: gateway.renders.get(entry["subject"]),
        owner=lambda one: one.matter,
        current=lambda: _rendition(gateway, rendition_id),
    )


def _queued(gateway: Gateway, write: Write, act: Callable[[], Rendition], current: Callable[[], BaseModel]) -> Response:
    return write(
        act,
        RenditionOut.of,
        entries="rendition.requested",
        again=lambda entry: gateway.renders.get(entry["subject"]),
        status=202,
        location=lambda one: f"{API}/renditions/{one.id}",
        owner=lambda one: one.matter,
        current=current,
    )


def _rendition(gateway: Gateway, rendition_id: str) -> RenditionOut:
    return RenditionOut.of(gateway.renders.get(rendition_id))


def _part(gateway: Gateway, known: Known, object_id: str | None) -> Response:
    with gateway.units.read() as session:
        return known.document(gateway.renders.part(session, object_id), "application/json")
