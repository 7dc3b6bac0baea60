"""Whether the process lives, whether it can work, and how busy it is."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway import __version__
from gateway.web.deps import InGateway
from gateway.web.schemas.audit import HealthOut, ReadyOut

router = APIRouter(tags=["operations"])


@router.get("/healthz", operation_id="showHealth", summary="Is the process alive")
def show_health() -> HealthOut:
    """Asks nothing of anybody else."""
    return HealthOut(status="ok", version=__version__)


@router.get("/readyz", operation_id="showReadiness", summary="Can the gateway work")
def show_readiness(gateway: InGateway) -> ReadyOut:
    """Database, keys, log, store and sandbox answer; otherwise the problem that is in the way."""
    gateway.log.public_key()
    gateway.package_key()
    layers = gateway.sandbox.layers()
    return ReadyOut(status="ready", layers=sorted(layers))


@router.get("/metrics", operation_id="showMetrics", response_class=Response, summary="Counts about the process")
def show_metrics(request: Request) -> Response:
    """In the text format of OpenMetrics scrapers; nothing about what the gateway is used for."""
    return Response(request.app.state.counters.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
