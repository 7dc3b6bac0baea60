"""Hostile files sent to a whole service: it answers each of them, and goes on with its work as if nothing had come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.policy.answers import Answers
from tests.hostile.files import FILES
from tests.support.databases import SQLITE
from tests.support.office import API, CUSTOMERS, Office, open_office, slug_of

TURNED_AWAY = (
    "a bomb of bombs of bombs",
    "a program named picture",
    "a document behind a picture",
    "a mail named table",
)
REFUSED_LATER = (
    "a sheet of a gibibyte in one megabyte",
    "a spreadsheet that asks for a file",
    "XML of a thousand million laughs",
    "a PNG of four gigapixels",
    "pages that are their own parents",
    "a table cut within a character",
)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_office(tmp_path_factory.mktemp("office"), SQLITE) as running:
        yield running


def everything_in(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_what_is_turned_away_leaves_no_trace(office: Office) -> None:
    matter = office.matter()["id"]
    before = everything_in(office.world.gateway.settings.blobs_dir)
    for name in TURNED_AWAY:
        answer = office["builder"].put(
            f"{API}/matters/{matter}/originals", params={"kind": FILES[name].kind}, content=FILES[name].make()
        )
        assert (answer.status_code, slug_of(answer)) == (422, "unsupported-format"), name
        assert FILES[name].answer in answer.json()["detail"]
    assert everything_in(office.world.gateway.settings.blobs_dir) == before


def test_what_is_refused_later_is_refused_once_and_work_goes_on(office: Office) -> None:
    world = office.world
    matter = world.matter()
    release = world.draft(matter)
    asked = {}
    for name in REFUSED_LATER:
        original = office.original(matter.id, FILES[name].make(), FILES[name].kind)
        added = world.gateway.releases.add(
            world.actors["builder"], release.id, original, policy_ref=None, answers=Answers()
        )
        asked[name] = added.id
    healthy = world.gateway.releases.add(
        world.actors["builder"],
        release.id,
        office.original(matter.id, CUSTOMERS),
        policy_ref=None,
        answers=Answers(),
    )
    world.work()
    for name, rendition in asked.items():
        told = office["builder"].get(f"{API}/renditions/{rendition}").json()
        assert told["state"] == "refused"
        assert FILES[name].answer in told["reason"]
        entries = [entry for entry in office.entries() if entry.get("subject") == rendition]
        assert [entry["type"] for entry in entries] == ["rendition.requested", "rendition.refused"]
        assert entries[-1]["facts"]["attempt"] == 1
    assert office["builder"].get(f"{API}/renditions/{healthy.id}").json()["state"] in {"clean", "waiting"}
    assert office["nobody"].get("/readyz").status_code == 200
