"""Matters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter
from starlette.responses import Response

from gateway.app import Gateway
from gateway.matter.model import Clearance, ClearanceDraft, Purpose
from gateway.people.model import Actor, Permission
from gateway.web.conditions import InKnown
from gateway.web.cursors import InPage
from gateway.web.deps import InGateway, InWrite, MatterId, NameId, Write, holding
from gateway.web.schemas.clearances import AssessmentIn, ClearanceOut, ClearancesOut, ConsentIn
from gateway.web.schemas.matters import MatterIn, MatterOut, MattersOut, MatterSummaryOut
from gateway.web.schemas.names import NameOut, NamesOut
from gateway.web.security import API

router = APIRouter(prefix=API, tags=["matters"])

Reader = Annotated[Actor, holding(Permission.MATTER_READ)]
Consenter = Annotated[Actor, holding(Permission.CONSENT_RECORD)]
Assessor = Annotated[Actor, holding(Permission.ASSESSMENT_RECORD)]
Namer = Annotated[Actor, holding(Permission.ORIGINAL_OPEN)]
Opener = Annotated[Actor, holding(Permission.MATTER_CREATE)]
Forgetter = Annotated[Actor, holding(Permission.NAME_FORGET)]


@router.post("/matters", operation_id="openMatter", status_code=201, response_model=MatterOut, summary="Open a matter")
def open_matter(gateway: InGateway, actor: Opener, write: InWrite, body: MatterIn) -> Response:
    """A demand by an authority: what was asked, on what basis, and the chain of recipients."""
    return write(
        lambda: gateway.matters.open(actor, body.draft()),
        MatterOut.of,
        entries="matter.opened",
        again=lambda entry: gateway.matters.get(entry["matter"]),
        status=201,
        location=lambda matter: f"{API}/matters/{matter.id}",
        owner=lambda matter: matter.id,
    )


@router.get("/matters", operation_id="listMatters", summary="All matters")
def list_matters(gateway: InGateway, _actor: Reader, page: InPage, purpose: Purpose | None = None) -> MattersOut:
    """Newest first; with `purpose` those for that purpose alone."""
    shown, cursor = page(
        lambda after, limit: gateway.matters.list(purpose=purpose, after=after, limit=limit), lambda one: one.id
    )
    return MattersOut(matters=[MatterSummaryOut.of(one) for one in shown], next_cursor=cursor)


@router.get("/matters/{matter_id}", operation_id="showMatter", response_model=MatterOut, summary="One matter")
def show_matter(gateway: InGateway, _actor: Reader, known: InKnown, matter_id: MatterId) -> Response:
    """With its chain and its demand items."""
    return known.shown(MatterOut.of(gateway.matters.get(matter_id)))


@router.post(
    "/matters/{matter_id}/consents",
    operation_id="recordConsent",
    status_code=201,
    response_model=ClearanceOut,
    summary="Record what a third party said",
)
def record_consent(
    gateway: InGateway, actor: Consenter, write: InWrite, matter_id: MatterId, body: ConsentIn
) -> Response:
    """Whether a party may be named to a class of recipients. A later word of the same party takes its place."""
    return _recorded(gateway, actor, write, matter_id, body.draft())


@router.post(
    "/matters/{matter_id}/assessments",
    operation_id="recordAssessment",
    status_code=201,
    response_model=ClearanceOut,
    summary="Record an assessment",
)
def record_assessment(
    gateway: InGateway, actor: Assessor, write: InWrite, matter_id: MatterId, body: AssessmentIn
) -> Response:
    """That disclosing classes of personal data to a class of recipients was assessed."""
    return _recorded(gateway, actor, write, matter_id, body.draft())


def _recorded(gateway: Gateway, actor: Actor, write: Write, matter_id: str, draft: ClearanceDraft) -> Response:
    def again(entry: Mapping[str, Any]) -> Clearance:
        recorded = gateway.clearances.of_matter(matter_id)
        return next(one for one in recorded if one.id == entry["facts"]["clearance"])

    return write(
        lambda: gateway.clearances.record(actor, matter_id, draft),
        ClearanceOut.of,
        entries="clearance.recorded",
        again=again,
        status=201,
        owner=lambda one: one.matter,
    )


@router.get("/matters/{matter_id}/clearances", operation_id="listClearances", summary="Consents and assessments")
def list_clearances(gateway: InGateway, _actor: Namer, matter_id: MatterId) -> ClearancesOut:
    """All of a matter, oldest first, for those who may open its originals."""
    return ClearancesOut(clearances=[ClearanceOut.of(one) for one in gateway.clearances.of_matter(matter_id)])


@router.get("/matters/{matter_id}/names", operation_id="listNames", summary="What is remembered of headers")
def list_names(gateway: InGateway, _actor: Namer, matter_id: MatterId) -> NamesOut:
    """All of a matter, forgotten ones too, oldest first, for those who may open its originals."""
    return NamesOut(names=[NameOut.of(one) for one in gateway.names.of_matter(matter_id)])


@router.post(
    "/matters/{matter_id}/names/{name_id}/forget",
    operation_id="forgetName",
    response_model=NameOut,
    summary="Have a remembered name no longer hold",
)
def forget_name(gateway: InGateway, actor: Forgetter, write: InWrite, matter_id: MatterId, name_id: NameId) -> Response:
    """What is rendered from then on asks again, and what rests on it does not leave."""
    return write(
        lambda: gateway.names.forget(actor, matter_id, name_id),
        NameOut.of,
        entries="name.forgotten",
        again=lambda _entry: gateway.names.get(matter_id, name_id),
        owner=lambda one: one.matter,
    )
