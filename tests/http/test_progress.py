"""How far a rendition is, over HTTP: seen by who may see the rendition, and in nobody's way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from gateway.base.progress import Progress, Stage
from gateway.render.model import Claim
from tests.support.office import API, Office, slug_of


@pytest.fixture
def claim(office: Office) -> Iterator[Claim]:
    """A rendition that a worker is busy with."""
    matter = office.matter()
    original = office.original(matter["id"])
    body = {"recipient": matter["recipients"][0]["id"], "profile": "portal"}
    release = office["builder"].post(f"{API}/matters/{matter['id']}/releases", json=body).json()["id"]
    answer = office["builder"].post(f"{API}/releases/{release}/renditions", json={"original": original})
    assert (answer.status_code, answer.json()["progress"]) == (202, None), answer.text
    queue = office.world.gateway.renders.queue
    claimed = queue.claim("a worker")
    assert claimed is not None
    assert claimed.rendition == answer.json()["id"]
    yield claimed
    queue.give_back(claimed, -1)
    office.world.work()


def shown(office: Office, claim: Claim, **headers: str) -> httpx.Response:
    return office["builder"].get(f"{API}/renditions/{claim.rendition}", headers=headers)


def say(office: Office, claim: Claim, stage: Stage, done: int, total: int) -> None:
    office.world.gateway.renders.queue.renew(claim, Progress(stage, done, total, 1_767_254_400.25))


def test_a_rendition_says_how_far_it_is_while_it_is_rendered(office: Office, claim: Claim) -> None:
    before = office.world.gateway.log.size()
    assert (shown(office, claim).json()["state"], shown(office, claim).json()["progress"]) == ("rendering", None)
    say(office, claim, Stage.REBUILDING, 12, 300)
    told: dict[str, Any] = shown(office, claim).json()
    assert told["progress"] == {
        "stage": "rebuilding",
        "done": 12,
        "total": 300,
        "told_at": "2026-01-01T08:00:00.250Z",
    }
    release = office["builder"].get(f"{API}/releases/{told['release']}")
    assert "progress" not in release.json()["renditions"][0]
    assert office.world.gateway.log.size() == before
    queue = office.world.gateway.renders.queue
    queue.give_back(claim, -1)
    office.world.work()
    assert (shown(office, claim).json()["state"], shown(office, claim).json()["progress"]) == ("waiting", None)


def test_going_on_is_sent_again_and_changes_nothing_that_if_match_speaks_of(office: Office, claim: Claim) -> None:
    silent = shown(office, claim).headers["etag"]
    say(office, claim, Stage.READING, 1, 3)
    first = shown(office, claim)
    tag = first.headers["etag"]
    assert tag.startswith(silent[:-1] + "."), "the same state, and something said in passing"
    assert shown(office, claim, **{"If-None-Match": tag}).status_code == 304
    assert shown(office, claim, **{"If-None-Match": silent}).status_code == 200
    say(office, claim, Stage.READING, 2, 3)
    again = shown(office, claim, **{"If-None-Match": tag})
    assert (again.status_code, again.json()["progress"]["done"]) == (200, 2)
    assert again.headers["etag"] != tag
    url = f"{API}/renditions/{claim.rendition}/withdraw"
    for wrong in ('"other"', f"W/{tag}", f'"other.{tag.partition(".")[2]}', '"."', '".x"'):
        refused = office["builder"].post(url, headers={"If-Match": wrong})
        assert (refused.status_code, slug_of(refused)) == (412, "changed-meanwhile"), wrong
    withdrawn = office["builder"].post(url, headers={"If-Match": tag})
    assert (withdrawn.status_code, withdrawn.json()["state"]) == (200, "superseded"), withdrawn.text
    assert withdrawn.json()["progress"] is None


def test_a_state_that_did_change_is_noticed_whatever_was_said_in_passing(office: Office, claim: Claim) -> None:
    say(office, claim, Stage.VERIFYING, 0, 0)
    tag = shown(office, claim).headers["etag"]
    office.world.gateway.renders.queue.give_back(claim, -1)
    office.world.work()
    late = office["builder"].post(f"{API}/renditions/{claim.rendition}/withdraw", headers={"If-Match": tag})
    assert (late.status_code, slug_of(late)) == (412, "changed-meanwhile")
