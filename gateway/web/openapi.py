"""The OpenAPI document: the routes as they are, every problem answer, and who may ask."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway import __version__
from gateway.base import problems as families
from gateway.base.problems import Problem
from gateway.db.failures import StorageFull
from gateway.intake.service import KeyReused
from gateway.people.limits import TooManyRequests
from gateway.vault.model import Shredded
from gateway.web import problems
from gateway.web.conditions import Changed
from gateway.web.security import PUBLIC

_SCHEMA: Final[dict[str, Any]] = {
    "title": "Problem",
    "type": "object",
    "description": "RFC 9457. `type` leads to a page that says what to do.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence: what is wrong and what to do."},
        "entry": {"type": "integer", "description": "The log entry that records the refusal."},
    },
    "additionalProperties": True,
}
_TEXT: Final[dict[str, Any]] = {"schema": {"type": "string"}}
_ETAG: Final[dict[str, Any]] = {**_TEXT, "description": "A strong validator (RFC 9110)."}
_RANGE: Final[list[dict[str, Any]]] = [
    {"name": "range", "in": "header", **_TEXT, "description": "One range of bytes, such as bytes=0-1023."},
    {"name": "if-range", "in": "header", **_TEXT, "description": "The ETag of the bytes to go on with."},
]
_EVERYWHERE: Final = (families.Usage, families.CheckFailed, Problem, families.Unavailable, StorageFull)
_WITH_TOKEN: Final = (families.Unauthenticated, families.Forbidden)
_WITH_BODY: Final = (families.TooLarge, problems.WrongContentType)


def document(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title="Disclosure gateway",
            version=__version__,
            description="The one door through which compelled disclosures leave a company.",
            routes=app.routes,
        )
        parts = schema.setdefault("components", {})
        schemas = parts.setdefault("schemas", {})
        for framework in ("HTTPValidationError", "ValidationError"):
            schemas.pop(framework, None)
        schemas["Problem"] = _SCHEMA
        parts["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        for path, operations in schema["paths"].items():
            for method, operation in operations.items():
                _complete(path, method, operation)
        app.openapi_schema = schema
    return app.openapi_schema


def known_names(app: FastAPI) -> frozenset[str]:
    """Every name that the interface itself speaks of: what a refusal may repeat."""
    found: frozenset[str] | None = getattr(app.state, "known_names", None)
    if found is None:
        found = app.state.known_names = frozenset(_names(document(app)))
    return found


def _names(schema: dict[str, Any]) -> Iterator[str]:
    yield from ("path", "query", "header", "body")
    for model in schema["components"]["schemas"].values():
        yield from model.get("properties", {})
    for operations in schema["paths"].values():
        for operation in operations.values():
            yield from (one["name"] for one in operation.get("parameters", []))


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    if "HTTPValidationError" in str(answers.get("422", "")):
        del answers["422"]
    if path not in PUBLIC:
        operation["security"] = [{"bearer": []}]
    asked = {one["name"].lower() for one in operation.get("parameters", [])}
    if "if-none-match" in asked:
        _conditional(answers)
    if path.endswith("/content"):
        operation["parameters"] += _RANGE
        answers["206"] = {"description": "The range asked for", "headers": {"ETag": _ETAG, "Content-Range": _TEXT}}
    by_status: dict[str, list[type[Problem]]] = {}
    for kind in dict.fromkeys(_kinds(path, method, asked)):
        by_status.setdefault(str(problems.status_of(kind).value), []).append(kind)
    for status, found in sorted(by_status.items()):
        answers.setdefault(status, _answer(found))


def _kinds(path: str, method: str, asked: AbstractSet[str]) -> Iterator[type[Problem]]:
    """What may go wrong: by whether a token is needed, something is named, changed, or asked for in parts."""
    writes, named = method != "get", "{" in path
    asks_to_act = writes and path in PUBLIC
    for holds, kinds in (
        (True, _EVERYWHERE),
        (path not in PUBLIC, _WITH_TOKEN),
        (named or asked & {"index", "person"}, (families.NotFound,)),
        (asks_to_act, (families.NotFound, *_WITH_TOKEN)),
        (asks_to_act or (writes and path.endswith("/sessions")), (TooManyRequests,)),
        (writes or named, (families.Conflict,)),
        (named and ("/originals/" in path or "/renditions/" in path), (Shredded,)),
        (writes, _WITH_BODY),
        ("idempotency-key" in asked, (KeyReused,)),
        ("if-match" in asked, (Changed,)),
        ("/content" in path, (problems.RangeRefused, families.TooLarge)),
        ("/fields" in path or "/pages/" in path or "/traces" in path, (families.TooLarge, families.Unprocessable)),
    ):
        yield from kinds if holds else ()


def _conditional(answers: dict[str, Any]) -> None:
    answers["200"].setdefault("headers", {})["ETag"] = _ETAG
    answers["304"] = {"description": "The client has it already", "headers": {"ETag": _ETAG}}


def _answer(kinds: list[type[Problem]]) -> dict[str, Any]:
    shown = problems.body_of(kinds[0]("One sentence: what is wrong and what to do."))
    return {
        "description": "; ".join(kind.title for kind in kinds),
        "content": {
            problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": shown},
        },
    }
