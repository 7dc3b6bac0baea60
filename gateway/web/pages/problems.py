"""A problem as a page: what is wrong, what to do, and the form as it was sent, so that nothing is typed twice."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope

from gateway.base.problems import Problem, Unauthenticated
from gateway.web import forms, places, problems
from gateway.web.catalogue import catalogue
from gateway.web.forms import Form, FormForeign
from gateway.web.pages import site

_KEPT_BYTES_MAX: Final = 1 << 20
_PATIENCE_S: Final = 5.0
_HIDDEN: Final = frozenset({"csrf", "statement", "sha256"})


async def answer(scope: Scope, receive: Receive, problem: Problem) -> ASGIApp:
    """The page for `problem`; whoever has not signed in is led to where they can, unless they were sending a form."""
    request = Request(scope)
    stranger = isinstance(problem, Unauthenticated)
    if stranger and scope["method"] in {"GET", "HEAD"}:
        back = {"to": scope["path"]} if scope["path"] not in {"/", places.DESK} else {}
        return RedirectResponse(f"{places.SIGN_IN}?{urlencode(back)}" if back else places.SIGN_IN, 303)
    # A form is offered again only where the browser says that a page of ours sent it: nobody lays words into our mouth.
    ours = scope["method"] == "POST" and "origin" in request.headers and not isinstance(problem, FormForeign)
    form = await _form(request, receive) if ours else None
    return await run_in_threadpool(_page, request, problem, form, stranger)


def _page(request: Request, problem: Problem, form: Form | None, stranger: bool) -> Response:
    kept = [
        (name, value, name in _HIDDEN) for name, values in (form.fields if form else {}).items() for value in values
    ]
    told = catalogue().get(problem.slug)
    made = site.page(
        "problem.html",
        site.language_of(request),
        status=problems.status_of(type(problem)).value,
        problem=problem,
        advice=told.advice if told else "",
        again=request.url.path if kept else None,
        kept=kept,
        stranger=stranger,
        here=request.url.path,
    )
    made.headers.update(
        {name: text for name, text in problems.answer(problem).headers.items() if name in {"retry-after", "connection"}}
    )
    return made


async def _form(request: Request, receive: Receive) -> Form | None:
    """The form of a request that was refused before or after its body was read."""
    read: Form | None = getattr(request.state, "form", None)
    headers = Headers(scope=request.scope)
    if read is not None or headers.get("content-type", "") != forms.MEDIA_TYPE:
        return read
    body, more = bytearray(), True
    with anyio.move_on_after(_PATIENCE_S):
        while more and len(body) <= _KEPT_BYTES_MAX:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
    try:
        return None if more else forms.parse(bytes(body), headers)
    except Problem:
        return None
