"""Export control: what originals are under lists of controlled goods, and the licences for that."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from gateway.people.model import Actor, Permission
from gateway.web.deps import InGateway, InWrite, MatterId, OriginalId, holding
from gateway.web.schemas.export_control import (
    ExportClassIn,
    ExportClassOut,
    ExportControlOut,
    LicenceIn,
    LicenceOut,
)
from gateway.web.security import API

router = APIRouter(prefix=API, tags=["matters"])

Recorder = Annotated[Actor, holding(Permission.EXPORT_RECORD)]
Opener = Annotated[Actor, holding(Permission.ORIGINAL_OPEN)]


@router.post(
    "/originals/{original_id}/export-classes",
    operation_id="recordExportClass",
    status_code=201,
    response_model=ExportClassOut,
    summary="Record what an original is under a list of controlled goods",
)
def record_export_class(
    gateway: InGateway, actor: Recorder, write: InWrite, original_id: OriginalId, body: ExportClassIn
) -> Response:
    """The entry of a regime's list, or `none`. A later one under the same regime takes its place."""
    matter = gateway.intake.get(original_id).matter
    return write(
        lambda: gateway.clearances.record_class(actor, matter, body.draft(original_id)),
        ExportClassOut.of,
        entries="clearance.recorded",
        again=lambda entry: next(
            one for one in gateway.clearances.export_control(matter).classes if one.id == entry["facts"]["clearance"]
        ),
        status=201,
        owner=lambda one: one.matter,
    )


@router.post(
    "/matters/{matter_id}/licences",
    operation_id="recordLicence",
    status_code=201,
    response_model=LicenceOut,
    summary="Record an export licence",
)
def record_licence(
    gateway: InGateway, actor: Recorder, write: InWrite, matter_id: MatterId, body: LicenceIn
) -> Response:
    """For which entries, classes of recipients and countries it is. A later word about its number takes its place."""
    return write(
        lambda: gateway.clearances.record_licence(actor, matter_id, body.draft()),
        LicenceOut.of,
        entries="clearance.recorded",
        again=lambda entry: next(
            one
            for one in gateway.clearances.export_control(matter_id).licences
            if one.id == entry["facts"]["clearance"]
        ),
        status=201,
        owner=lambda one: one.matter,
    )


@router.get(
    "/matters/{matter_id}/export-control",
    operation_id="showExportControl",
    summary="Classifications and licences",
)
def show_export_control(gateway: InGateway, _actor: Opener, matter_id: MatterId) -> ExportControlOut:
    """All of a matter, each sort oldest first, for those who may open its originals."""
    return ExportControlOut.of(gateway.clearances.export_control(matter_id))
