"""The border: whatever is raised inside becomes one problem answer, and every refused write an entry."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base.ids import is_id
from gateway.base.problems import Forbidden, Problem
from gateway.people.model import Actor
from gateway.web import places, problems
from gateway.web.metrics import Counters

_log = logging.getLogger("gateway.web")
_access = logging.getLogger("gateway.web.access")
Told = Callable[[Scope, Receive, Problem], Awaitable[ASGIApp]]
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Border:
    """Answers problems, those of pages through `pages`; counts answers, and writes one line of log a request: never a
    path, a name or a value.
    """

    def __init__(self, app: ASGIApp, log: Log, counters: Counters, pages: Told) -> None:
        self._app = app
        self._audit = log
        self._counters = counters
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and let nothing escape."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 0, time.monotonic()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self._counters.request():
            problem = await self._carried(scope, receive, sending)
            if problem is not None and not status:
                problem = await run_in_threadpool(self._entered, scope, problem)
                await (await self._answer(scope, receive, problem))(scope, receive, sending)
        self._counters.answered(status)
        elapsed_ms = (time.monotonic() - began) * 1000
        _access.info("%s %s %s %d %.0fms", _request_id(scope), _method(scope), template_of(scope), status, elapsed_ms)

    async def _answer(self, scope: Scope, receive: Receive, problem: Problem) -> ASGIApp:
        if not places.is_page(scope["path"]) or scope["path"].startswith((places.STATIC, places.CONTENT)):
            return problems.answer(problem)
        try:
            return await self._pages(scope, receive, problem)
        except Exception as error:  # noqa: BLE001 border: request; a page about a problem that has one of its own
            return problems.answer(_unexpected(scope, error))

    async def _carried(self, scope: Scope, receive: Receive, send: Send) -> Problem | None:
        try:
            await self._app(scope, receive, send)
        except Problem as problem:
            return problem
        except ClientDisconnect:
            return None
        except Exception as error:  # noqa: BLE001 border: request; the kind of failure is told, nothing of its content
            return _unexpected(scope, error)
        return None

    def _entered(self, scope: Scope, problem: Problem) -> Problem:
        """The problem to answer, once a refused or failed write (or a forbidden look) has its entry.

        Where even the entry cannot be written, that is the answer.
        """
        actor = scope["state"].get("actor")
        telling = _method(scope) in _WRITES or isinstance(problem, Forbidden)
        if not isinstance(actor, Actor) or not telling or "entry" in problem.members:
            return problem
        facts = {"method": _method(scope), "route": template_of(scope), "problem": problem.slug}
        act = Act(type="request.refused", actor=actor.person_id, subject=_subject(scope), facts=facts)
        try:
            problem.members["entry"] = self._audit.refused(act)
        except Problem as worse:
            return worse
        except Exception as error:  # noqa: BLE001 border: request; as above
            return _unexpected(scope, error)
        return problem


def template_of(scope: Scope) -> str:
    """The route's path template, `-` where there is none: what logs may say of an address."""
    return str(getattr(scope.get("route"), "path_format", "-"))


def _unexpected(scope: Scope, error: Exception) -> Problem:
    request_id = _request_id(scope)
    _log.error("%s %s %s ended abnormally: %s", request_id, _method(scope), template_of(scope), type(error).__name__)
    return problems.Unexpected(
        f"Something went wrong inside; see whether the act was done before you repeat it, and report {request_id}.",
        request=request_id,
    )


def _request_id(scope: Scope) -> str:
    return str(scope["state"]["request_id"])


def _method(scope: Scope) -> str:
    method = scope["method"]
    return method if method in _WRITES or method in {"GET", "HEAD", "OPTIONS"} else "OTHER"


def _subject(scope: Scope) -> str | None:
    """The last id in the path, where it has the shape of one."""
    shaped = [one for one in scope.get("path_params", {}).values() if is_id(str(one), str(one).partition("_")[0])]
    return str(shaped[-1]) if shaped else None
