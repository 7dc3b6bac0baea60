"""The interface's documentation: stable names, every problem, examples that are true, and the docs beside it."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import gateway
from gateway.base import problems as families
from gateway.base.problems import Problem
from gateway.web import problems, schemas
from gateway.web.schemas.common import In
from tests.support.office import API, Office

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def schema(office: Office) -> dict[str, Any]:
    return office.interface


def _operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, found in schema["paths"].items():
        for method, operation in found.items():
            yield method.upper(), path, operation


def _modules() -> list[str]:
    return [one.name for one in pkgutil.walk_packages(gateway.__path__, "gateway.") if "__main__" not in one.name]


def _problems() -> set[type[Problem]]:
    for name in _modules():
        if not name.startswith("gateway.db.migrations"):
            importlib.import_module(name)
    found: set[type[Problem]] = set()
    waiting: list[type[Problem]] = [Problem]
    while waiting:
        one = waiting.pop()
        if one.__module__.startswith("gateway."):
            found.add(one)
        waiting += one.__subclasses__()
    return found


def test_the_served_document_is_the_made_one(office: Office, schema: dict[str, Any]) -> None:
    answer = office["nobody"].get(f"{API}/openapi.json")
    assert answer.status_code == 200
    assert answer.json() == schema


def test_operation_ids_are_those_of_the_docs(schema: dict[str, Any]) -> None:
    """Scripts hold on to them: adding is free, renaming is not."""
    made = {(one["operationId"], f"{method} {path}") for method, path, one in _operations(schema)}
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", (DOCS / "openapi.md").read_text("utf-8"), re.MULTILINE)
    assert set(rows) == made
    assert len({name for name, _ in made}) == len(made)


def test_every_operation_is_described(schema: dict[str, Any]) -> None:
    for _, path, operation in _operations(schema):
        assert operation["summary"], path
        assert operation["description"], path
        assert any(status.startswith("2") for status in operation["responses"]), path


def test_every_problem_answer_is_documented(schema: dict[str, Any]) -> None:
    for _, path, operation in _operations(schema):
        for status, answer in operation["responses"].items():
            if not status.startswith(("2", "3")):
                content = answer["content"][problems.MEDIA_TYPE]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, path
                assert str(content["example"]["status"]) == status
        assert "500" in operation["responses"]
        if operation.get("security"):
            assert {"401", "403"} <= operation["responses"].keys()


def test_no_trace_of_the_framework_is_left(schema: dict[str, Any]) -> None:
    text = str(schema)
    assert "HTTPValidationError" not in text
    assert "ValidationError" not in schema["components"]["schemas"]


def test_every_request_has_an_example_that_is_one(schema: dict[str, Any]) -> None:
    models: list[type[BaseModel]] = []
    waiting: list[type[BaseModel]] = [In]
    for one in pkgutil.iter_modules(schemas.__path__, schemas.__name__ + "."):
        importlib.import_module(one.name)
    while waiting:
        found = waiting.pop().__subclasses__()
        models += found
        waiting += found
    assert len(models) > 12
    for model in models:
        (shown,) = model.model_json_schema()["examples"]
        model.model_validate(shown)


def test_every_family_has_its_status() -> None:
    direct = {one for one in Problem.__subclasses__() if one.__module__ == families.__name__}
    assert direct <= problems.STATUS.keys()
    for one in _problems():
        if issubclass(one, tuple(direct)):
            assert problems.status_of(one) < 508, one
            assert problems.status_of(one) != 500, one


def test_slugs_are_words_and_each_means_one_thing() -> None:
    """The command line may say again what a room says."""
    by_slug: dict[str, set[str]] = {}
    for one in _problems():
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", one.slug), one
        if not one.__module__.startswith("gateway.cli."):
            by_slug.setdefault(one.slug, set()).add(f"{one.__module__}.{one.__qualname__}")
    assert {slug: names for slug, names in by_slug.items() if len(names) > 1} == {}


def test_the_catalogue_of_problems_is_complete() -> None:
    text = (DOCS / "problems.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (\d+|–) \| ([^|]+) \| ([^|]+) \|$", text, re.MULTILINE)
    told = {slug: (status, title.strip()) for slug, status, title, _ in rows}
    assert len(told) == len(rows), "a slug stands twice"
    made = _problems()
    assert told.keys() == {one.slug for one in made}
    titles = {(one.slug, one.title) for one in made}
    statuses = {(one.slug, str(problems.status_of(one).value)) for one in made}
    for slug, (status, title) in told.items():
        assert (slug, title) in titles
        assert status == "–" or (slug, status) in statuses
    assert all(advice.strip().endswith(".") for *_, advice in rows)


def test_every_problem_type_leads_to_its_page(office: Office) -> None:
    """Without a token, offline, for programs and for people."""
    nobody = office["nobody"]
    for one in _problems():
        told = nobody.get(f"/problems/{one.slug}")
        assert told.status_code == 200, one
        assert told.json()["slug"] == one.slug
        assert told.json()["advice"].endswith(".")
    page = nobody.get("/problems/request-malformed", headers={"Accept": "text/html,*/*"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>The request does not have the documented form</h1>" in page.text
    assert "<code>errors</code>" in page.text
    for unknown in ("no-such-thing", "x" * 5000, "%00", "..%2f..%2fetc"):
        assert nobody.get(f"/problems/{unknown}").status_code in {400, 404}


def test_the_type_of_a_refusal_can_be_followed(office: Office) -> None:
    refused = office["nobody"].get(f"{API}/me")
    followed = office["nobody"].get(str(refused.url.join(refused.json()["type"])))
    assert followed.json()["title"] == refused.json()["title"]
