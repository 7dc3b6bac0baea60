"""What regions are drawn on, over HTTP: an opening of the original, with its entry, and nothing that stays."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.support import documents
from tests.support.office import API, Office, slug_of


@pytest.fixture
def contract(office: Office) -> str:
    """A document of two pages, which nobody has opened."""
    data = documents.document(["Framework agreement", "Kowalski"], ["End use"])
    return office.original(office.matter()["id"], data, "contract")


def test_a_page_is_shown_under_an_opening_that_is_in_the_log_before_it(office: Office, contract: str) -> None:
    before = office.world.gateway.log.size()
    shown = office["builder"].get(f"{API}/originals/{contract}/pages/1")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png"), shown.text
    assert shown.headers["cache-control"] == "no-store"
    assert "etag" not in shown.headers
    with Image.open(io.BytesIO(shown.content)) as picture:
        assert picture.size == (1653, 2338)
    (entry,) = office.entries()[before:]
    assert (entry["type"], entry["subject"], entry["facts"]["role"]) == ("object.opened", contract, "original")
    office["builder"].get(f"{API}/originals/{contract}/pages/2")
    assert office.world.gateway.log.size() == before + 1, "pages of one viewing are one entry"


def test_nobody_sees_a_page_who_may_not_open_the_original(office: Office, contract: str) -> None:
    before = office.world.gateway.log.size()
    refused = office["auditor"].get(f"{API}/originals/{contract}/pages/1")
    assert (refused.status_code, slug_of(refused)) == (403, "not-permitted")
    assert "object.opened" not in {entry["type"] for entry in office.entries()[before:]}


@pytest.mark.parametrize(
    ("place", "status", "slug"),
    [
        ("pages/3", 404, "no-such-page"),
        ("pages/1?at_ms=5", 404, "no-such-page"),
        ("pages/0", 400, None),
        ("pages/x", 400, None),
        ("pages/1?at_ms=-1", 400, None),
        ("pages/99999999999999999999", 400, None),
    ],
)
def test_what_is_not_there_is_said(office: Office, contract: str, place: str, status: int, slug: str | None) -> None:
    answer = office["builder"].get(f"{API}/originals/{contract}/{place}")
    assert answer.status_code in {status, 422 if slug is None else status}, answer.text
    assert slug is None or slug_of(answer) == slug


def test_a_table_has_no_pages(office: Office) -> None:
    original = office.original(office.matter()["id"])
    answer = office["builder"].get(f"{API}/originals/{original}/pages/1")
    assert (answer.status_code, slug_of(answer)) == (404, "no-such-page")
