"""Whether the process lives, whether it can work, and how busy it is."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from gateway import __version__
from gateway.base.problems import NotFound
from gateway.web.catalogue import catalogue
from gateway.web.conditions import InKnown
from gateway.web.deps import InGateway
from gateway.web.schemas.operations import HealthOut, ProblemPageOut, ReadyOut
from gateway.web.security import PROBLEM_PAGE

router = APIRouter(tags=["operations"])
pages = APIRouter(tags=["operations"])


@router.get("/healthz", operation_id="showHealth", summary="Is the process alive")
async def show_health() -> HealthOut:
    """Asks nothing of anybody else."""
    return HealthOut(status="ok", version=__version__)


@router.get("/readyz", operation_id="showReadiness", summary="Can the gateway work")
def show_readiness(gateway: InGateway) -> ReadyOut:
    """Database, keys, log, store and sandbox answer; otherwise the problem that is in the way."""
    gateway.log.public_key()
    gateway.package_key()
    layers = gateway.sandbox.layers()
    return ReadyOut(status="ready", layers=sorted(layers))


@pages.get(
    PROBLEM_PAGE,
    operation_id="showProblem",
    response_model=ProblemPageOut,
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}},
    summary="What a problem means, and what to do",
)
def show_problem(
    request: Request, known: InKnown, slug: Annotated[str, Path(max_length=64, examples=["not-permitted"])]
) -> Response:
    """Where the `type` of every problem leads, without a token: JSON, or a page for whoever accepts text/html."""
    told = catalogue().get(slug)
    if told is None:
        raise NotFound("There is no problem of this name.")
    if "text/html" in request.headers.get("accept", ""):
        return known.document(told.page().encode(), "text/html; charset=utf-8")
    return known.shown(ProblemPageOut.model_validate(told))


@router.get("/metrics", operation_id="showMetrics", response_class=Response, summary="Counts about the process")
def show_metrics(request: Request) -> Response:
    """In the text format of OpenMetrics scrapers; nothing about what the gateway is used for."""
    return Response(request.app.state.counters.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
