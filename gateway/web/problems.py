"""Problems as HTTP answers (RFC 9457): the only module that knows a status code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gateway.base import problems as families
from gateway.base.problems import Problem, Usage
from gateway.db.failures import Busy, DatabaseGone, StorageFull
from gateway.intake.rules import OffsetMismatch
from gateway.intake.service import KeyReused
from gateway.people.limits import TooManyRequests
from gateway.vault.model import Shredded
from gateway.web.conditions import Changed

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX: Final = "/problems/"
RETRY_AFTER = "retry_after_s"
_MOST_ERRORS = 20


class RequestMalformed(Usage):
    """Path, query, headers or body do not have the documented form; `errors` says where."""

    slug = "request-malformed"
    title = "The request does not have the documented form"


class BodyMalformed(Usage):
    """The body is not JSON that can be read in one way only."""

    slug = "body-malformed"
    title = "The body is not plain JSON"


class WrongContentType(Usage):
    """The body is of another type than the route takes."""

    slug = "wrong-content-type"
    title = "The body has the wrong type"


class FormRefused(families.Unprocessable):
    """A multipart form that is not one `kind` followed by one `file`."""

    slug = "form-refused"
    title = "The form cannot be taken"


class WrongMethod(Usage):
    """The route exists, the method on it does not."""

    slug = "wrong-method"
    title = "This route does not take this method"


class RangeRefused(Usage):
    """The bytes asked for are not there, or more than one range was asked for."""

    slug = "range-refused"
    title = "These bytes cannot be had in this way"


class UploadStalled(Usage):
    """A body whose sender fell silent, or sends too slowly to be waited for."""

    slug = "upload-stalled"
    title = "The sender is silent or too slow"


class UploadsBusy(families.Unavailable):
    """As many uploads as may be are being written."""

    slug = "uploads-busy"
    title = "Too many uploads are being written now"


class TakenOver(families.Conflict):
    """A later request for the same upload came while this one was sending."""

    slug = "upload-taken-over"
    title = "Another request goes on with this upload"


class RequestTooLarge(families.TooLarge):
    """A JSON body past its bound."""

    slug = "request-too-large"
    title = "The request is too large"


class NoSuchRoute(families.NotFound):
    """Nothing answers at this address."""

    slug = "no-such-route"
    title = "There is no such route"


class TokenMissing(families.Unauthenticated):
    """A request without a bearer token."""

    slug = "token-missing"
    title = "The request carries no token"


class Unexpected(Problem):
    """A defect of the gateway; the log names its kind beside the request's id."""

    slug = "unexpected"
    title = "The gateway made a mistake"


STATUS: Final[Mapping[type[Problem], HTTPStatus]] = {
    families.Usage: HTTPStatus.BAD_REQUEST,
    families.Unprocessable: HTTPStatus.UNPROCESSABLE_ENTITY,
    families.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    families.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    families.Forbidden: HTTPStatus.FORBIDDEN,
    families.NotFound: HTTPStatus.NOT_FOUND,
    families.Conflict: HTTPStatus.CONFLICT,
    families.Refused: HTTPStatus.CONFLICT,
    families.CheckFailed: HTTPStatus.UNPROCESSABLE_ENTITY,
    families.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    Shredded: HTTPStatus.GONE,
    StorageFull: HTTPStatus.INSUFFICIENT_STORAGE,
    WrongContentType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    WrongMethod: HTTPStatus.METHOD_NOT_ALLOWED,
    RangeRefused: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    Changed: HTTPStatus.PRECONDITION_FAILED,
    KeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    Problem: HTTPStatus.INTERNAL_SERVER_ERROR,
}
_HEADERS: Final[Mapping[type[Problem], Mapping[str, str]]] = {
    families.Unauthenticated: {"WWW-Authenticate": "Bearer"},
    Busy: {"Retry-After": "1"},
    DatabaseGone: {"Retry-After": "1"},
    UploadsBusy: {"Retry-After": "5", "Connection": "close"},
    TakenOver: {"Connection": "close"},
    # What is still on the line is not read, so the line cannot be used again.
    UploadStalled: {"Connection": "close"},
    families.TooLarge: {"Connection": "close"},
}


def status_of(problem: type[Problem]) -> HTTPStatus:
    """The status of the nearest class above `problem` that has one."""
    return next(STATUS[one] for one in problem.__mro__ if one in STATUS)


def body_of(problem: Problem) -> dict[str, Any]:
    """The members of the answer; those of RFC 9457 cannot be replaced by a problem's own."""
    return {
        **problem.members,
        "type": TYPE_PREFIX + problem.slug,
        "title": problem.title,
        "status": status_of(type(problem)).value,
        "detail": problem.detail,
    }


def answer(problem: Problem) -> Response:
    """The HTTP answer for `problem`."""
    headers = {name: text for one in type(problem).__mro__ for name, text in _HEADERS.get(one, {}).items()}
    if isinstance(problem, WrongMethod) and isinstance(problem.members.get("allow"), list):
        headers["Allow"] = ", ".join(map(str, problem.members["allow"]))  # type: ignore[arg-type]
    if RETRY_AFTER in problem.members:
        headers["Retry-After"] = str(problem.members[RETRY_AFTER])
    if isinstance(problem, RangeRefused) and "size_bytes" in problem.members:
        headers["Content-Range"] = f"bytes */{problem.members['size_bytes']}"
    if isinstance(problem, OffsetMismatch) and "expected-offset" in problem.members:
        headers["Upload-Offset"] = str(problem.members["expected-offset"])
    if problem.members.get("upload-complete"):
        headers["Upload-Complete"] = "?1"
    return Response(
        json.dumps(body_of(problem), ensure_ascii=False, separators=(",", ":")),
        status_code=status_of(type(problem)).value,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


def from_validation(error: RequestValidationError, known_names: frozenset[str]) -> Problem:
    """What the framework found wrong, without a value or a name that came from outside."""
    errors = [f"{_place(one['loc'], known_names)}: {one['msg']}" for one in error.errors()[:_MOST_ERRORS]]
    return RequestMalformed(
        "The request does not have the documented form; correct what `errors` names.", errors=errors
    )


def from_framework(error: HTTPException) -> Problem:
    """The framework's own refusals in the shape of all others."""
    if isinstance(error.__cause__, Problem):
        return error.__cause__
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = sorted(part.strip() for part in (error.headers or {}).get("Allow", "").split(",") if part.strip())
        return WrongMethod(f"This route takes {' and '.join(allowed) or 'other methods'}.", allow=allowed)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NoSuchRoute("There is no route at this address; see /api/v1/openapi.json.")
    return RequestMalformed("The request could not be read; send it as /api/v1/openapi.json documents it.")


def _place(location: Iterable[str | int], known_names: frozenset[str]) -> str:
    """Where in the request: names that the interface knows, numbers, and `…` for what only the sender knows."""
    return ".".join(str(part) if isinstance(part, int) or part in known_names else "…" for part in location)
