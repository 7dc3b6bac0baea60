"""A problem as a page: what is wrong, what to do, and the form as it was sent, so that nothing is typed twice."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope

from gateway.base.problems import Problem, Unauthenticated
from gateway.web import places, problems
from gateway.web.catalogue import catalogue
from gateway.web.forms import Form
from gateway.web.pages import site
from gateway.web.pages.desk import csrf_of
from gateway.web.problems import BodyMalformed
from gateway.web.sign_in import FIELD, fields_of, takes_form

_KEPT_BYTES_MAX: Final = 1 << 20
_PATIENCE_S: Final = 5.0
_HIDDEN: Final = frozenset({"statement", "sha256", "signature", "token"})


async def answer(scope: Scope, receive: Receive, problem: Problem) -> ASGIApp:
    """The page for `problem`; whoever has not signed in is led to where they can, unless they were sending a form."""
    request = Request(scope)
    stranger = isinstance(problem, Unauthenticated) and not hasattr(request.state, "actor")
    if stranger and scope["method"] in {"GET", "HEAD"}:
        back = {"to": scope["path"]} if scope["path"] not in {"/", places.DESK} else {}
        return RedirectResponse(f"{places.SIGN_IN}?{urlencode(back)}" if back else places.SIGN_IN, 303)
    form = await _form(request, receive, stranger=stranger)
    return await run_in_threadpool(_page, request, problem, form, stranger)


def _page(request: Request, problem: Problem, form: Form, stranger: bool) -> Response:
    kept = [
        (name, value, name in _HIDDEN)
        for name in form.fields
        for value in form.all(name)
        if name not in {FIELD, "token"}
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
        csrf=csrf_of(request),
        stranger=stranger,
        here=request.url.path,
    )
    carried = problems.answer(problem).headers
    made.headers.update({name: carried[name] for name in ("retry-after", "connection", "allow") if name in carried})
    return made


async def _form(request: Request, receive: Receive, *, stranger: bool) -> Form:
    """What was sent, where the browser says that a page of ours sent it: nobody lays words into our mouth.

    Of whoever has no session any more nothing was read before; it is read now.
    """
    if request.method != "POST" or request.headers.get("origin") != request.app.state.sign_in.origin:
        return Form({})
    if not stranger or not takes_form(request.scope, request.headers) or hasattr(request.state, "form"):
        return Form(getattr(request.state, "form", {}))
    body, more = bytearray(), True
    with anyio.move_on_after(_PATIENCE_S):
        while more and len(body) <= _KEPT_BYTES_MAX:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
    try:
        return Form({} if more else fields_of(bytes(body)))
    except BodyMalformed:
        return Form({})
