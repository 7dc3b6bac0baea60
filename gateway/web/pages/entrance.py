"""What is there before anybody has signed in: the way in, the choice of a language, the assets."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.base.problems import NotFound
from gateway.web import places
from gateway.web.pages import site
from gateway.web.pages.desk import Sent

router = APIRouter(include_in_schema=False)

_A_YEAR_S: Final = 365 * 24 * 3600
Back = Annotated[str, Query(max_length=500)]


@router.get("/")
async def enter() -> Response:
    """The desk is where people go."""
    return RedirectResponse(places.DESK, 303)


@router.get(places.SIGN_IN)
def show_sign_in(request: Request, to: Back = places.DESK) -> Response:
    """How to come in."""
    return site.page("sign-in.html", site.language_of(request), here=places.SIGN_IN, to=places.within(to))


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
