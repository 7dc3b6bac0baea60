"""A remembered name lets nobody decide alone, holds in its own matter only, and answers no more than was asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.matter.model import Matter
from gateway.matter.names import NameDraft, NoSuchName
from gateway.people.model import NotPermitted, Role
from gateway.policy.answers import Answers
from gateway.policy.problems import AnswersInvalid
from gateway.release.model import Release
from gateway.render.model import Rendition, State
from gateway.render.remembering import NameNotSettled
from gateway.review.model import Verdict
from gateway.review.rules import SeparationOfDuties
from tests.attacks.conftest import TABLE
from tests.support.databases import hands
from tests.support.world import World

HEADER = "Blafasel Sparte"
LIST = TABLE.replace(b"End use category", HEADER.encode())
COLUMN = "column/5"
NAME = "end_use.category"


def asked(world: World, matter: Matter, data: bytes = LIST) -> tuple[Release, Rendition]:
    """A release with a rendition of this list."""
    original = world.upload(matter, "customer_list", data).original
    release = world.draft(matter)
    return release, world.render(release, original)


def remembered(world: World, rendition: Rendition, *, by: str = "legal2", name: str = NAME) -> Rendition:
    """Its question answered, for other originals too."""
    answered = world.gateway.releases.answer(world.actors[by], rendition.id, Answers({COLUMN: name}), remember=[COLUMN])
    world.work()
    return world.gateway.renders.get(answered.id)


def decisions(world: World, rendition: Rendition) -> dict[str, Any]:
    with world.gateway.units.read() as session:
        told: dict[str, Any] = json.loads(world.gateway.renders.part(session, rendition.decisions_object))
    return told


def test_who_remembers_is_an_author_of_all_that_rests_on_it(world: World) -> None:
    gateway, matter = world.gateway, world.matter()
    _, first = asked(world, matter)
    assert first.state is State.WAITING
    assert remembered(world, first).state is State.CLEAN
    (name,) = gateway.names.of_matter(matter.id)
    assert (name.kind, name.header, name.field) == ("customer_list", "blafasel sparte", NAME)
    assert name.by == world.actors["legal2"].person_id

    release, second = asked(world, matter, LIST.replace(HEADER.encode(), b"BLAFASEL  Sparte:"))
    assert (second.state, second.names) == (State.CLEAN, (name.id,))
    told = {item["field"]: item for item in decisions(world, second)["decisions"]["items"]}
    assert told[COLUMN]["named"] == "remembered"
    assert told[COLUMN]["rests_on"] == [{"name": name.id, "by": name.by, "entry": name.entry}]
    assert told["column/1"]["named"] == "title"

    with pytest.raises(SeparationOfDuties):
        world.review(release, by="legal2")
    gateway.releases.review(
        world.actors["legal1"],
        second.id,
        verdict=Verdict.REVIEWED,
        seen_sha256=second.sha256 or "",
        reason=None,
    )
    with pytest.raises(SeparationOfDuties):
        world.approve(release, by="legal2")
    world.approve(release, by="legal1")

    with pytest.raises(NotPermitted):
        gateway.names.forget(world.actors["builder"], matter.id, name.id)
    assert gateway.names.forget(world.actors["legal1"], matter.id, name.id).forgotten is not None
    with pytest.raises(NoSuchName):
        gateway.names.forget(world.actors["legal1"], matter.id, name.id)
    world.enrol("legal3", {Role.LEGAL})
    with pytest.raises(NameNotSettled):
        world.approve(release, by="legal3")
    gateway.releases.withdraw(world.actors["builder"], second.id)
    assert world.render(release, second.original).state is State.WAITING, "what was forgotten is asked again"


def test_another_matter_is_asked_and_a_contradiction_asks_everybody(world: World) -> None:
    gateway, matter = world.gateway, world.matter()
    release, first = asked(world, matter)
    answered = remembered(world, first, by="builder")
    assert asked(world, world.matter())[1].state is State.WAITING
    with gateway.units.change() as session:
        draft = NameDraft("customer_list", "blafasel sparte", "drop")
        gateway.names.remember(session, world.actors["legal2"], matter.id, first.id, [draft])
    assert asked(world, matter)[1].state is State.WAITING
    assert answered.names == ()
    gateway.releases.submit(world.actors["builder"], release.id)


def test_only_what_was_asked_is_remembered(world: World) -> None:
    gateway, matter = world.gateway, world.matter()
    twice = LIST.replace(b"Since", b"blafasel-sparte")
    _, rendition = asked(world, matter, twice)
    for columns, remember in (
        ({COLUMN: NAME}, ["column/1"]),
        ({COLUMN: NAME, "column/1": "customer.name"}, ["column/1"]),
        ({COLUMN: "no.such.field"}, [COLUMN]),
        ({COLUMN: NAME, "column/8": "since_year"}, [COLUMN, "column/8"]),
    ):
        with pytest.raises(AnswersInvalid):
            gateway.releases.answer(world.actors["builder"], rendition.id, Answers(columns), remember=remember)
    assert gateway.names.of_matter(matter.id) == ()
    assert gateway.renders.get(rendition.id).state is State.WAITING


def test_what_was_said_of_a_shredded_original_is_gone(world: World) -> None:
    gateway, matter = world.gateway, world.matter()
    _, first = asked(world, matter)
    answered = remembered(world, first, by="builder")
    second, resting = asked(world, matter)
    gateway.releases.withdraw(world.actors["builder"], answered.id)
    world.shred(first.original)
    with hands(gateway.settings) as run:
        assert run("SELECT sealed FROM header_name WHERE matter_id = ?", matter.id) == [(None,)]
    assert gateway.names.of_matter(matter.id) == ()
    assert resting.state is State.CLEAN
    with pytest.raises(NameNotSettled):
        gateway.releases.submit(world.actors["builder"], second.id)
