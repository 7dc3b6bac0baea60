"""Lists: read page by page in one order, by cursors that nobody reads, forges or carries elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from gateway.matter.model import Purpose
from gateway.people.model import Role
from gateway.web.cursors import LIMIT_MAX
from tests.support.office import API, Office, slug_of


def pages(office: Office, name: str, path: str, **asked: Any) -> Iterator[list[dict[str, Any]]]:
    """Every page of a list, by following its links."""
    url: str | None = str(httpx.URL(f"{API}{path}", params=asked))
    while url is not None:
        answer = office[name].get(url)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        cursor = told.pop("next_cursor")
        (things,) = told.values()
        yield things
        link = answer.headers.get("link")
        assert (link is None) == (cursor is None)
        url = None if link is None else _target(link)
        assert url is None or httpx.URL(url).params["cursor"] == cursor


def _target(link: str) -> str:
    found = re.fullmatch(r'<([^>]+)>; rel="next"', link)
    assert found, link
    return found[1]


@pytest.fixture(scope="module")
def matters(office: Office) -> list[str]:
    """Five matters, newest first; the newest with five originals and two releases."""
    made = [office.matter() for _ in range(5)]
    last = made[-1]["id"]
    for _ in range(4):
        office.original(last)
    for recipient in made[-1]["recipients"]:
        body = {"recipient": recipient["id"], "profile": "portal"}
        assert office["builder"].post(f"{API}/matters/{last}/releases", json=body).status_code == 201
    return [one["id"] for one in reversed(made)]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, LIMIT_MAX])
def test_every_thing_stands_on_one_page_and_in_order(office: Office, matters: list[str], limit: int) -> None:
    found = list(pages(office, "builder", "/matters", limit=limit))
    assert all(len(page) <= limit for page in found)
    assert all(found[:-1])
    assert [one["id"] for page in found for one in page] == matters


def test_what_comes_meanwhile_shifts_nothing(office: Office, matters: list[str]) -> None:
    walk = pages(office, "builder", f"/matters/{matters[0]}/originals", limit=2)
    first = next(walk)
    added = office.original(matters[0])
    ids = [one["id"] for one in [*first, *(one for page in walk for one in page)]]
    assert ids == sorted(set(ids))
    assert ids[-1] == added


def test_a_page_reads_no_more_than_it_shows(office: Office, matters: list[str]) -> None:
    """The database gives one row more than the page has, wherever the page lies."""
    asked: list[Any] = []

    def watch(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if "FROM matter " in statement and "ORDER BY" in statement:
            asked.append((statement, [*parameters.values()] if isinstance(parameters, dict) else [*parameters]))

    engine = office.world.gateway.units._engine
    event.listen(engine, "before_cursor_execute", watch)
    try:
        assert len(list(pages(office, "builder", "/matters", limit=2))) == 3
    finally:
        event.remove(engine, "before_cursor_execute", watch)
    assert len(asked) == 3
    assert all("LIMIT" in statement and 3 in parameters for statement, parameters in asked)


def test_filters_hold_over_all_pages(office: Office, matters: list[str]) -> None:
    newest = matters[0]
    assert list(pages(office, "builder", f"/matters/{newest}/releases", state="dispatched")) == [[]]
    drafts = list(pages(office, "builder", f"/matters/{newest}/releases", state="draft", limit=1))
    assert [len(page) for page in drafts] == [1, 1]
    assert list(pages(office, "builder", f"/matters/{newest}/originals", kind="order_book")) == [[]]
    lists = list(pages(office, "builder", f"/matters/{newest}/originals", kind="customer_list", limit=2))
    assert sum(map(len, lists)) >= 4
    assert list(pages(office, "builder", "/matters", purpose=Purpose.STAFF_REGISTER.value)) == [[]]
    active = [one["state"] for page in pages(office, "legal1", "/people", state="active", limit=2) for one in page]
    assert set(active) == {"active"}
    assert slug_of(office["legal1"].get(f"{API}/people?state=gone")) == "request-malformed"


def test_a_cursor_tells_nothing(office: Office, matters: list[str]) -> None:
    """Every cursor is another text of the same length, although it stands for the same place."""
    told = [office["builder"].get(f"{API}/matters", params={"limit": 1}).json()["next_cursor"] for _ in range(2)]
    assert told[0] != told[1]
    assert len(told[0]) == len(told[1])
    assert matters[0] not in told[0]


def test_a_cursor_opens_nowhere_else(office: Office, matters: list[str]) -> None:
    office.world.enrol("reader", {Role.COMPLIANCE})
    cursor = office["builder"].get(f"{API}/matters", params={"limit": 1}).json()["next_cursor"]
    # Every other last letter, those too that differ only in bits that base64 throws away.
    flipped = [
        cursor[:-1] + letter
        for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        if letter != cursor[-1]
    ]
    elsewhere = [
        office["reader"].get(f"{API}/matters", params={"cursor": cursor}),
        office["builder"].get(f"{API}/people", params={"cursor": cursor}),
        office["builder"].get(f"{API}/matters/{matters[0]}/originals", params={"cursor": cursor}),
        office["builder"].get(f"{API}/matters", params={"cursor": cursor, "purpose": "export_licence"}),
        *(office["builder"].get(f"{API}/matters", params={"cursor": one}) for one in flipped),
        office["builder"].get(f"{API}/matters", params={"cursor": cursor[:40]}),
        office["builder"].get(f"{API}/matters", params={"cursor": matters[0]}),
        office["builder"].get(f"{API}/matters?cursor=%00"),
        office["builder"].get(f"{API}/matters?cursor="),
    ]
    assert {(one.status_code, slug_of(one)) for one in elsewhere} == {(400, "cursor-refused")}
    assert office["builder"].get(f"{API}/matters", params={"cursor": cursor, "limit": 200}).status_code == 200


@pytest.mark.parametrize("limit", ["0", "-1", str(LIMIT_MAX + 1), "x", "1e9"])
def test_the_size_of_a_page_is_bounded(office: Office, limit: str) -> None:
    assert slug_of(office["builder"].get(f"{API}/matters?limit={limit}")) == "request-malformed"
