"""The application: routes behind the border, the bearer check and the bounds, on one composed gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NoReturn

import anyio.to_thread
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from gateway.app import Gateway, compose
from gateway.settings import Settings, from_environment, passphrase
from gateway.web import openapi, problems
from gateway.web.api import (
    archives,
    audit,
    export_control,
    matters,
    operations,
    originals,
    passkeys,
    people,
    releases,
    renditions,
    sessions,
    traces,
    uploads,
)
from gateway.web.bodies import JsonBodies
from gateway.web.border import Border
from gateway.web.idempotency import Idempotency
from gateway.web.lane import Lane
from gateway.web.metrics import Counters
from gateway.web.pages import administration, entrance, inbox, policies, review
from gateway.web.pages import audit as audit_pages
from gateway.web.pages import matters as matter_pages
from gateway.web.pages import originals as original_pages
from gateway.web.pages import passkeys as passkey_pages
from gateway.web.pages import problems as problem_pages
from gateway.web.pages import releases as release_pages
from gateway.web.protocol import Protocol
from gateway.web.security import API, Bearer, SafeHeaders
from gateway.web.sign_in import SignIn

# Each request may hold three connections at a moment; the pool of the embedded database has forty.
REQUEST_THREADS: Final = 12
PAGES: Final = (
    entrance.router,
    passkey_pages.router,
    inbox.router,
    matter_pages.router,
    original_pages.router,
    release_pages.router,
    review.router,
    review.content,
    policies.router,
    audit_pages.router,
    administration.router,
)


def create_app(gateway: Gateway) -> FastAPI:
    """The application over `gateway`. From outside in: headers, border, bearer check, bounds of bodies, routes."""
    app = FastAPI(
        title="Disclosure gateway",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    app.state.gateway = gateway
    app.state.counters = Counters()
    app.state.idempotency = Idempotency(gateway.units, gateway.keyring, gateway.log, gateway.clock)
    app.state.sign_in = SignIn(gateway.settings, gateway.sessions.authenticate)
    app.state.lane = Lane(gateway.settings.uploads_at_once, gateway.settings.upload_wait_s)
    for room in (
        people,
        sessions,
        passkeys,
        matters,
        export_control,
        originals,
        archives,
        uploads,
        releases,
        renditions,
        traces,
        audit,
        operations,
    ):
        app.include_router(room.router)
    for desk in PAGES:
        app.include_router(desk)
    app.include_router(operations.pages)
    app.include_router(operations.router, prefix=API, include_in_schema=False)
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    app.add_exception_handler(HTTPException, _framework_refused)
    app.add_exception_handler(RequestValidationError, _validation_failed)
    app.add_middleware(JsonBodies)
    app.add_middleware(Bearer, people=gateway.people, sign_in=app.state.sign_in)
    app.add_middleware(Border, log=gateway.log, counters=app.state.counters, pages=problem_pages.answer)
    app.add_middleware(SafeHeaders)
    return app


def from_settings() -> FastAPI:
    """The application as the environment describes it: the factory that a server process is started with."""
    settings = from_environment()
    settings.check_serving()
    return create_app(compose(settings, passphrase()))


def server_options(settings: Settings) -> dict[str, Any]:
    """How uvicorn serves it: no access log of its own (it would hold paths), no banner, no websockets."""
    settings.check_serving()
    certificate = {"ssl_certfile": settings.tls_certificate, "ssl_keyfile": settings.tls_key}
    return {
        "host": settings.host,
        "port": settings.port,
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "http": Protocol,
        "ws": "none",
        "lifespan": "on",
        "timeout_keep_alive": 10,
        "timeout_graceful_shutdown": 10,
        "proxy_headers": settings.trusted_proxy is not None,
        "forwarded_allow_ips": settings.trusted_proxy,
        **(certificate if settings.tls_certificate is not None else {}),
    }


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = REQUEST_THREADS
    yield
    gateway: Gateway = app.state.gateway
    await anyio.to_thread.run_sync(gateway.people.tell_unlogged)


def _framework_refused(_request: Request, error: Exception) -> NoReturn:
    if not isinstance(error, HTTPException):
        raise error
    raise problems.from_framework(error) from error


def _validation_failed(request: Request, error: Exception) -> NoReturn:
    if not isinstance(error, RequestValidationError):
        raise error
    raise problems.from_validation(error, openapi.known_names(request.app)) from None
