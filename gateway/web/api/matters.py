"""Matters."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from gateway.matter.model import Purpose
from gateway.people.model import Actor, Permission
from gateway.web.conditions import InKnown
from gateway.web.cursors import InPage
from gateway.web.deps import InGateway, InWrite, MatterId, holding
from gateway.web.schemas.matters import MatterIn, MatterOut, MattersOut, MatterSummaryOut
from gateway.web.security import API

router = APIRouter(prefix=API, tags=["matters"])

Reader = Annotated[Actor, holding(Permission.MATTER_READ)]
Opener = Annotated[Actor, holding(Permission.MATTER_CREATE)]


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
