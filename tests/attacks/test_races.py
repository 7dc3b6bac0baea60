"""Two people act at the same moment: the second finds the release as the first left it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.base.canon import canonical, parse_canonical
from gateway.policy.answers import Answers
from gateway.release.model import State
from gateway.release.register import WrongState
from gateway.release.service import Releases
from gateway.render.service import AlreadyInRelease, NotRendered, Renders
from gateway.review.model import Verdict
from gateway.review.rules import StatementMismatch
from tests.attacks.conftest import TABLE, approved, in_review
from tests.support.world import World


def after_the_first_look(releases: Releases, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]) -> None:
    """Let `meanwhile` happen once, right after the next time the release was read."""
    read = Releases.get
    done: list[bool] = []

    def get(self: Releases, release_id: str) -> Any:
        found = read(self, release_id)
        if not done:
            done.append(True)
            meanwhile()
        return found

    monkeypatch.setattr(Releases, "get", get)


@pytest.mark.parametrize("act", ["withdraw", "answer"])
def test_a_release_dispatched_meanwhile_is_not_reopened(
    world: World, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    release = approved(world, world.matter())
    gateway, builder, dispatcher = world.gateway, world.actors["builder"], world.actors["dispatcher"]
    (rendition,) = gateway.renders.of_release(release.id)
    after_the_first_look(gateway.releases, monkeypatch, lambda: gateway.dispatch.dispatch(dispatcher, release.id))
    with pytest.raises(WrongState):
        if act == "withdraw":
            gateway.releases.withdraw(builder, rendition.id)
        else:
            gateway.releases.answer(builder, rendition.id, Answers())
    assert gateway.releases.get(release.id).state is State.DISPATCHED


def test_a_release_refused_meanwhile_takes_no_request_for_changes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = in_review(world, world.matter())
    gateway = world.gateway
    (rendition,) = gateway.renders.of_release(release.id)
    after_the_first_look(
        gateway.releases,
        monkeypatch,
        lambda: gateway.releases.refuse(world.actors["legal2"], release.id, "Not at all."),
    )
    with pytest.raises(WrongState):
        gateway.releases.review(
            world.actors["legal1"],
            rendition.id,
            verdict=Verdict.CHANGES_REQUESTED,
            seen_sha256=rendition.sha256 or "",
            reason="Smaller.",
        )
    assert gateway.releases.get(release.id).state is State.REFUSED


def test_an_original_added_twice_at_once_has_one_rendition(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    matter = world.matter()
    original, release = world.upload(matter, "customer_list", TABLE).original, world.draft(matter)
    monkeypatch.setattr(Renders, "of_release", lambda _self, _release: ())
    world.render(release, original)
    with pytest.raises(AlreadyInRelease):
        world.render(release, original)


def test_a_rendition_answered_twice_at_once_has_one_successor(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    release = in_review(world, world.matter())
    gateway, builder = world.gateway, world.actors["builder"]
    (old,) = gateway.renders.of_release(release.id)
    monkeypatch.setattr(Renders, "get", lambda _self, _rendition: old)
    gateway.releases.answer(builder, old.id, Answers())
    with pytest.raises(NotRendered):
        gateway.releases.answer(builder, old.id, Answers())
    assert len(gateway.renders.of_release(release.id)) == 1


@pytest.mark.parametrize(
    "change", [{"files": True}, {"note": None}, {"at": "2026-13-45T99:00:00.000Z"}], ids=["true", "null", "time"]
)
def test_a_statement_that_only_looks_equal_is_no_approval(world: World, change: dict[str, Any]) -> None:
    release = in_review(world, world.matter())
    legal = world.actors["legal1"]
    request, _ = world.gateway.releases.approval_request(legal, release.id, "legal")
    signed = canonical({**parse_canonical(request), **change})
    with pytest.raises(StatementMismatch):
        world.gateway.releases.approve(
            legal,
            release.id,
            statement=signed,
            signature=world.keys["legal1"].sign(signed),
            algorithm="Ed25519",
        )
