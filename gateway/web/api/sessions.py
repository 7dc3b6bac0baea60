"""Sessions of browsers: opened, shown, ended."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.base.ids import is_id
from gateway.base.problems import NotFound
from gateway.people.model import Session, SignedIn
from gateway.web.conditions import body_of
from gateway.web.deps import Anybody, InGateway, InSession, InSignIn, SessionId
from gateway.web.schemas.sessions import SessionOut, SessionsOut, SignedInOut
from gateway.web.security import API, bearer_token

router = APIRouter(prefix=API, tags=["sign-in"])


@router.post(
    "/sessions",
    operation_id="openSession",
    status_code=201,
    response_model=SignedInOut,
    summary="Sign in with a token",
)
def open_session(request: Request, gateway: InGateway, sign_in: InSignIn, _actor: Anybody) -> Response:
    """The token becomes a cookie that no script reads; the session may do no more than it and ends no later."""
    sign_in.require_origin()
    opened = gateway.sessions.open_with_token(bearer_token(request.headers.getlist("authorization")))
    answer = Response(body_of(shown(opened.signed_in)), 201, media_type="application/json")
    sign_in.set_cookie(answer, opened)
    return answer


@router.get("/sessions", operation_id="listSessions", summary="Where somebody is signed in")
def list_sessions(
    gateway: InGateway,
    actor: Anybody,
    person: Annotated[str | None, Query(max_length=64, description="Somebody else's, for an administrator.")] = None,
) -> SessionsOut:
    """One's own sessions, oldest first; with `person` those of somebody else."""
    if person is not None and not is_id(person, "per"):
        raise NotFound("There is no person with this id.")
    found = gateway.sessions.of(actor, person or actor.person_id)
    return SessionsOut(sessions=[_session(one) for one in found])


@router.get("/sessions/current", operation_id="showSession", summary="The session of this browser")
def show_session(signed_in: InSession) -> SignedInOut:
    """The session that the cookie stands for, and the secret that its pages send with every change."""
    return shown(signed_in)


@router.delete("/sessions/{session_id}", operation_id="endSession", status_code=204, summary="Sign out")
def end_session(
    request: Request, gateway: InGateway, actor: Anybody, sign_in: InSignIn, session_id: SessionId
) -> Response:
    """At once, wherever that browser is: one's own session, or anybody's for an administrator."""
    gateway.sessions.end(actor, session_id)
    answer = Response(status_code=204)
    signed_in: SignedIn | None = getattr(request.state, "session", None)
    if signed_in is not None and signed_in.session.id == session_id:
        sign_in.clear_cookie(answer)
    return answer


def shown(signed_in: SignedIn) -> SignedInOut:
    """A session as its own browser sees it."""
    return SignedInOut(session=_session(signed_in.session), csrf=signed_in.csrf)


def _session(one: Session) -> SessionOut:
    return SessionOut(
        id=one.id,
        person=one.person_id,
        means=one.means,
        opened_at=one.opened_at,
        seen_at=one.seen_at,
        expires_at=one.expires_at,
    )
