"""What is there before anybody has signed in: the way in, the choice of a language, the assets."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.base.problems import NotFound
from gateway.people.model import SignedIn
from gateway.web import places
from gateway.web.deps import InGateway, InSignIn, SessionId
from gateway.web.pages import site
from gateway.web.pages.desk import AtDesk, Sent

router = APIRouter(include_in_schema=False)

_A_YEAR_S: Final = 365 * 24 * 3600
Back = Annotated[str, Query(max_length=500)]


@router.get("/")
async def enter() -> Response:
    """The desk is where people go."""
    return RedirectResponse(places.DESK, 303)


@router.get(places.SIGN_IN)
def show_sign_in(request: Request, sign_in: InSignIn, to: Back = places.DESK) -> Response:
    """How to come in."""
    return site.page(
        "sign-in.html",
        site.language_of(request),
        here=places.SIGN_IN,
        to=places.within(to),
        available=sign_in.origin is not None,
    )


@router.post(places.SIGN_IN)
def sign_in_with_token(gateway: InGateway, sign_in: InSignIn, form: Sent) -> Response:
    """A token becomes a session, which may do no more than it and ends no later."""
    sign_in.require_origin()
    opened = gateway.sessions.open_with_token(form.required("token"))
    answer = RedirectResponse(places.within(form.text("to")), 303)
    sign_in.set_cookie(answer, opened)
    return answer


@router.get(f"{places.DESK}/account")
def show_account(desk: AtDesk) -> Response:
    """Who one is here, with which passkeys, and where one is signed in."""
    current: SignedIn | None = getattr(desk.request.state, "session", None)
    return desk.page(
        "account.html",
        sessions=desk.gateway.sessions.of(desk.actor, desk.actor.person_id),
        passkeys=desk.gateway.passkeys.of(desk.actor, desk.actor.person_id),
        current=current.session.id if current else "",
    )


@router.post(f"{places.DESK}/sessions/{{session_id}}/end")
def end_session(desk: AtDesk, sign_in: InSignIn, session_id: SessionId) -> Response:
    """Sign out, here or of another browser."""
    desk.gateway.sessions.end(desk.actor, session_id)
    current: SignedIn | None = getattr(desk.request.state, "session", None)
    if current is None or current.session.id != session_id:
        return desk.go(f"{places.DESK}/account")
    answer = desk.go(places.SIGN_IN)
    sign_in.clear_cookie(answer)
    return answer


@router.post(places.LANGUAGE)
async def choose_language(request: Request, form: Sent) -> Response:
    """Keeps which language somebody reads, and nothing about who they are."""
    answer = RedirectResponse(places.within(form.text("to")), 303)
    if form.text("language") in site.LANGUAGES:
        answer.set_cookie(
            site.LANGUAGE_COOKIE,
            form.text("language"),
            max_age=_A_YEAR_S,
            path=places.DESK,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
    return answer


@router.get(places.STATIC + "{name}")
async def show_asset(name: Annotated[str, Path(max_length=64)]) -> Response:
    """Style, script or sign; the address names the bytes, so that it may be kept for good."""
    found = site.assets().get(name)
    if found is None:
        raise NotFound("There is no such asset.")
    headers = {"Cache-Control": f"public, max-age={_A_YEAR_S}, immutable", "ETag": f'"{found[1]}"'}
    return Response(found[0], media_type=site.ASSETS[name[name.rindex(".") :]], headers=headers)
