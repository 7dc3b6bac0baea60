"""Gates over a whole release: consents and assessments are asked for when it is rendered, and again until it leaves."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.base.clock import SystemClock
from gateway.matter.clearances import ClearancesChanged
from gateway.matter.model import ClearanceDraft, Matter, MatterMalformed
from gateway.people.model import NotPermitted
from gateway.policy.clearing import AssessmentMissing, ConsentMissing
from gateway.policy.load import packs_dir
from gateway.release.model import Profile, Release, State
from gateway.render.model import Rendition
from gateway.render.model import State as RenditionState
from tests.support.databases import engine_of
from tests.support.world import World

LIST = b"End user,Licensed,Country\r\nFahrwerk AG,yes,DE\r\nKita Robotics,no,JP\r\n"
GATES = "gates: {consent: {fields: [end_user.name]}, personal_data: {classes: [PERSON], always: true}}\n"
TODAY = SystemClock().now().date()


def draft(state: str = "given", *, sort: str = "consent", about: str = "Fahrwerk AG", end: int = 30) -> ClearanceDraft:
    return ClearanceDraft(sort, (about,), "supplier", state, TODAY - timedelta(1), TODAY + timedelta(end), "letter 7")


@pytest.fixture
def world(tmp_path: Path) -> World:
    packs = tmp_path / "packs"
    shutil.copytree(packs_dir(), packs)
    with (packs / "cn-mofcom-single" / "customer-list.yaml").open("a", encoding="utf-8") as file:
        file.write(GATES)
    return World.create(tmp_path / "data", policies_dir=packs)


def rendered(world: World) -> tuple[Matter, Release, Rendition]:
    matter = world.matter()
    original = world.upload(matter, "customer_list", LIST)
    release = world.gateway.releases.draft(world.actors["builder"], matter.id, matter.recipients[0].id, Profile.PORTAL)
    return matter, release, world.render(release, original.original)


def again(world: World, rendition: Rendition) -> Rendition:
    answers = world.gateway.renders.answers(rendition.id)
    asked = world.gateway.releases.answer(world.actors["builder"], rendition.id, answers)
    world.work()
    return world.gateway.renders.get(asked.id)


def test_from_no_consent_to_a_release_and_back(world: World) -> None:
    gateway, builder, privacy = world.gateway, world.actors["builder"], world.actors["legal2"]
    matter, release, rendition = rendered(world)
    assert rendition.state is RenditionState.REFUSED
    assert rendition.reason is not None
    assert "rows 1" in rendition.reason
    assert "Fahrwerk" not in rendition.reason
    given = gateway.clearances.record(builder, matter.id, draft())
    rendition = again(world, rendition)
    assert (rendition.state, rendition.consents) == (RenditionState.CLEAN, (given.id,))
    with pytest.raises(AssessmentMissing, match="PERSON"):
        gateway.releases.submit(builder, release.id)
    gateway.clearances.record(privacy, matter.id, draft(sort="assessment", about="PERSON"))
    assert gateway.releases.submit(builder, release.id).state is State.IN_REVIEW
    gateway.clearances.record(builder, matter.id, draft("withdrawn"))
    gateway.releases.withdraw(builder, rendition.id)
    rendition = world.render(release, rendition.original)
    assert rendition.state is RenditionState.REFUSED


def test_what_is_withdrawn_after_rendering_stops_the_release(world: World) -> None:
    gateway, builder = world.gateway, world.actors["builder"]
    matter, release, rendition = rendered(world)
    gateway.clearances.record(builder, matter.id, draft())
    gateway.clearances.record(world.actors["legal2"], matter.id, draft(sort="assessment", about="PERSON"))
    rendition = again(world, rendition)
    gateway.clearances.record(builder, matter.id, draft("refused", about="Kita Robotics"))
    with pytest.raises(ConsentMissing, match="render it again"):
        gateway.releases.submit(builder, release.id)
    assert again(world, rendition).state is RenditionState.CLEAN, "under a pseudonym nobody is named"
    assert gateway.releases.submit(builder, release.id).state is State.IN_REVIEW


def test_who_may_record_what_and_in_which_form(world: World) -> None:
    clearances, matter = world.gateway.clearances, world.matter()
    with pytest.raises(NotPermitted):
        clearances.record(world.actors["builder"], matter.id, draft(sort="assessment", about="PERSON"))
    with pytest.raises(NotPermitted):
        clearances.record(world.actors["dispatcher"], matter.id, draft())
    wrong = (
        draft(about="..."),
        draft(sort="assessment", about="people"),
        draft("maybe"),
        draft(end=-2),
        draft(end=4000),
        replace(draft(), recipient_class="rival"),
        replace(draft(), fields=("End user",)),
        replace(draft(), evidence_sha256="00"),
    )
    for one in wrong:
        with pytest.raises(MatterMalformed):
            clearances.record(world.actors["builder"], matter.id, one)
    assert clearances.of_matter(matter.id) == ()


@pytest.mark.parametrize(
    "change", ["DELETE FROM clearance WHERE sort = 'consent'", "UPDATE clearance SET sort = 'assessment'"]
)
def test_rows_that_somebody_changed_are_not_believed(world: World, change: str) -> None:
    gateway, matter = world.gateway, world.matter()
    recorded = gateway.clearances.record(world.actors["builder"], matter.id, draft("refused"))
    assert gateway.clearances.of_matter(matter.id) == (recorded,)
    assert not recorded.lives(TODAY)
    assert not replace(recorded, end=date(2020, 1, 1)).lives(TODAY)
    engine = engine_of(gateway.settings)
    with engine.begin() as connection:
        assert b"Fahrwerk" not in connection.execute(text("SELECT sealed FROM clearance")).scalar_one()
        connection.execute(text(change))
    engine.dispose()
    with pytest.raises(ClearancesChanged):
        gateway.clearances.of_matter(matter.id)
