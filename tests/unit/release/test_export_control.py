"""Export control over a whole release: every regime is answered, everyone in custody licensed, every day anew."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.base.clock import SystemClock
from gateway.base.problems import CheckFailed, Usage
from gateway.matter.model import ClearanceDraft, ExportClassDraft, LicenceDraft, Matter, MatterMalformed
from gateway.people.model import NotPermitted
from gateway.policy.gate_words import ExportControlGate, Gates, dropped
from gateway.policy.load import packs_dir
from gateway.policy.problems import PolicyInvalid
from gateway.release.export_control import ExportNotCleared
from gateway.release.model import Release, State
from gateway.review.rules import SeparationOfDuties
from tests.support.databases import engine_of
from tests.support.policies import HEAD, load, rule
from tests.support.world import World

LIST = b"End user,Licensed,Country\r\nFahrwerk AG,yes,DE\r\nKita Robotics,no,JP\r\n"
GATE = "gates: {export_control: {regimes: [eu_dual_use, us_ear], uncontrolled: {us_ear: [EAR99]}}}\n"
TODAY = SystemClock().now().date()


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gated") / "packs"
    shutil.copytree(packs_dir(), folder)
    with (folder / "cn-mofcom-single" / "customer-list.yaml").open("a", encoding="utf-8") as file:
        file.write(GATE)
    return folder


@pytest.fixture(scope="module")
def world(packs: Path) -> World:
    """One gateway; every test has a matter of its own."""
    return World.create(packs.parent / "data", policies_dir=packs)


def classify(world: World, original: str, regime: str, entry: str, *, by: str = "builder", days: int = 30) -> None:
    matter = world.gateway.intake.get(original).matter
    draft = ExportClassDraft(original, regime, entry, TODAY, TODAY + timedelta(days), "file 12")
    world.gateway.clearances.record_class(world.actors[by], matter, draft)


def licence(
    *to: str, entry: str = "3A001", number: str = "D 1", country: str = "CN", state: str = "given", days: int = 30
) -> LicenceDraft:
    return LicenceDraft(
        "us_ear", number, (entry,), to, (country,), state, TODAY - timedelta(2), TODAY + timedelta(days), "safe 3"
    )


def rendered(world: World, hop: int = 1) -> tuple[Matter, Release, str]:
    """A clean rendition in a draft release for a hop; of hop 2 the supplier of hop 1 has custody too."""
    matter = world.matter()
    original = world.upload(matter, "customer_list", LIST).original
    release = world.draft(matter, hop)
    world.render(release, original)
    return matter, release, original


def submit(world: World, release: Release) -> None:
    world.gateway.releases.submit(world.actors["builder"], release.id)


def test_nothing_leaves_before_every_regime_was_answered(world: World) -> None:
    _, release, original = rendered(world)
    for regime, entry in (("eu_dual_use", "none"), ("us_ear", "ear99")):
        with pytest.raises(ExportNotCleared, match=f"classified under {regime}") as missing:
            submit(world, release)
        assert missing.value.members["original"] == original
        classify(world, original, regime, entry)
    submit(world, release)
    assert world.gateway.releases.get(release.id).state is State.IN_REVIEW


def test_an_answer_counts_for_its_own_original_and_its_own_days(world: World) -> None:
    matter, release, original = rendered(world)
    other = world.upload(matter, "customer_list", LIST.replace(b"AG", b"SE")).original
    for regime in ("eu_dual_use", "us_ear"):
        classify(world, other, regime, "none")
    with pytest.raises(ExportNotCleared, match="not classified under eu_dual_use"):
        submit(world, release)
    classify(world, original, "eu_dual_use", "none")
    classify(world, original, "us_ear", "none")
    draft = ExportClassDraft(original, "us_ear", "none", TODAY - timedelta(9), TODAY - timedelta(1), "file 12")
    world.gateway.clearances.record_class(world.actors["builder"], matter.id, draft)
    with pytest.raises(ExportNotCleared, match="not classified under us_ear, or its classification does not hold"):
        submit(world, release)


def test_what_is_controlled_needs_a_licence_for_everyone_in_custody(world: World) -> None:
    """The supplier handles the authority's copy: a licence for the authority alone lets nothing leave, nor does one of
    another matter, or one that was taken back, however its number is spelt.
    """
    gateway, builder = world.gateway, world.actors["builder"]
    matter, release, original = rendered(world, hop=2)
    classify(world, original, "eu_dual_use", "none")
    classify(world, original, "us_ear", "3a001")
    useless = (
        licence("authority"),
        licence("supplier", "authority", country="DE"),
        licence("supplier", "authority", entry="3A002"),
        licence("supplier", "authority", entry="3A001.a"),
        licence("supplier", "authority", days=-1),
        licence("supplier", "authority", state="refused"),
        replace(licence("supplier", "authority"), regime="eu_dual_use"),
    )
    for one in useless:
        gateway.clearances.record_licence(builder, matter.id, one)
        with pytest.raises(ExportNotCleared, match="controlled under us_ear") as missing:
            submit(world, release)
        assert "3A001" not in missing.value.detail
        assert "D 1" not in missing.value.detail
    gateway.clearances.record_licence(builder, world.matter().id, licence("supplier", "authority"))
    gateway.clearances.record_licence(builder, matter.id, licence("authority"))
    gateway.clearances.record_licence(builder, matter.id, licence("supplier", number="D 2"))
    gateway.clearances.record_licence(builder, matter.id, licence("supplier", number=" d  2 ", state="withdrawn"))
    with pytest.raises(ExportNotCleared, match="class supplier in CN"):
        submit(world, release)
    gateway.clearances.record_licence(builder, matter.id, licence("supplier", number="D 2"))
    submit(world, release)


class Later(SystemClock):
    """The real clock, days ahead."""

    def __init__(self, days: int) -> None:
        self._days = timedelta(days)

    def now(self) -> datetime:
        return super().now() + self._days


def test_a_licence_that_lapses_after_approval_stops_the_dispatch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway, builder = world.gateway, world.actors["builder"]
    matter, release, original = rendered(world)
    classify(world, original, "eu_dual_use", "none")
    classify(world, original, "us_ear", "3A001")
    gateway.clearances.record_licence(builder, matter.id, licence("supplier", days=3))
    world.review(release)
    world.approve(release, by="legal1")
    with monkeypatch.context() as later:
        later.setattr(gateway.releases, "_clock", Later(4))
        with pytest.raises(ExportNotCleared):
            world.approve(release, by="legal2")
    world.approve(release, by="legal2")
    assert gateway.releases.get(release.id).state is State.APPROVED
    with monkeypatch.context() as later:
        later.setattr(gateway.releases, "_clock", Later(4))
        with pytest.raises(ExportNotCleared):
            gateway.dispatch.dispatch(world.actors["dispatcher"], release.id)
    gateway.clearances.record_licence(builder, matter.id, licence("supplier", state="withdrawn"))
    with pytest.raises(ExportNotCleared):
        gateway.dispatch.dispatch(world.actors["dispatcher"], release.id)
    gateway.clearances.record_licence(builder, matter.id, licence("supplier"))
    assert gateway.dispatch.dispatch(world.actors["dispatcher"], release.id).state is State.DISPATCHED


def test_who_says_what_an_original_is_does_not_approve_it(world: World) -> None:
    """Neither before the recording nor after: an approval whose signer then records is no approval any more."""
    gateway = world.gateway
    matter, release, original = rendered(world)
    classify(world, original, "eu_dual_use", "none")
    classify(world, original, "us_ear", "EAR99", by="legal2")
    world.review(release)
    with pytest.raises(SeparationOfDuties):
        world.approve(release, by="legal2")
    classify(world, original, "us_ear", "EAR99")
    world.approve_all(release)
    gateway.clearances.record_licence(world.actors["legal1"], matter.id, licence("supplier"))
    with pytest.raises(SeparationOfDuties):
        gateway.dispatch.dispatch(world.actors["dispatcher"], release.id)


def test_who_may_record_what_and_in_which_form(world: World) -> None:
    clearances, builder, matter = world.gateway.clearances, world.actors["builder"], world.matter()
    good = ExportClassDraft("org_1", "us_ear", " 3a001.a ", TODAY, TODAY, "file 12")
    for person in ("dispatcher", "auditor"):
        with pytest.raises(NotPermitted):
            clearances.record_class(world.actors[person], matter.id, good)
        with pytest.raises(NotPermitted):
            clearances.record_licence(world.actors[person], matter.id, licence("supplier"))
    for wrong in (
        replace(good, regime="US EAR"),
        replace(good, entry="ЕAR99"),
        replace(good, entry="ＥＡＲ９９"),
        replace(good, entry=""),
        replace(good, end=TODAY - timedelta(1)),
        replace(good, end=TODAY + timedelta(4000)),
        replace(good, reference=" "),
        replace(good, evidence_sha256="00"),
    ):
        with pytest.raises(Usage):
            clearances.record_class(builder, matter.id, wrong)
    for draft in (
        licence(),
        licence("rival"),
        licence("*"),
        licence("supplier", country="China"),
        licence("supplier", entry="none"),
        licence("supplier", state="perhaps"),
        replace(licence("supplier"), entries=()),
        replace(licence("supplier"), countries=()),
    ):
        with pytest.raises(MatterMalformed):
            clearances.record_licence(builder, matter.id, draft)
    for sort in ("licence", "export_class"):
        with pytest.raises(MatterMalformed):
            clearances.record(
                builder, matter.id, ClearanceDraft(sort, ("A",), "supplier", "given", TODAY, TODAY, "letter")
            )
    assert clearances.export_control(matter.id).classes == ()
    assert clearances.record_class(builder, matter.id, good).entry == "3A001.A"
    assert clearances.of_matter(matter.id) == ()


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM clearance WHERE id = :licence",
        "UPDATE clearance SET sort = 'consent' WHERE id = :licence",
        "UPDATE clearance SET sealed = (SELECT sealed FROM clearance WHERE id = :class) WHERE id = :licence",
        "UPDATE clearance SET entry = (SELECT entry FROM clearance WHERE id = :class) WHERE id = :licence",
        "UPDATE clearance SET recorded_by = :other WHERE id = :licence",
    ],
)
def test_rows_that_somebody_changed_are_not_believed(world: World, change: str) -> None:
    matter = world.matter()
    original = world.upload(matter, "customer_list", LIST).original
    classify(world, original, "us_ear", "3A001")
    recorded = world.gateway.clearances.record_licence(world.actors["builder"], matter.id, licence("supplier"))
    assert world.gateway.clearances.export_control(matter.id).licences == (recorded,)
    told = world.gateway.clearances.export_control(matter.id)
    names = {"licence": recorded.id, "class": told.classes[0].id, "other": world.actors["legal1"].person_id}
    engine = engine_of(world.gateway.settings)
    with engine.begin() as connection:
        sealed = connection.execute(text("SELECT sealed FROM clearance WHERE id = :licence"), names).scalar_one()
        assert b"D 1" not in sealed
        connection.execute(text(change), names)
    engine.dispose()
    with pytest.raises(CheckFailed):
        world.gateway.clearances.export_control(matter.id)


def test_a_regime_less_or_an_entry_more_loosens() -> None:
    def gates(*regimes: str, **free: tuple[str, ...]) -> Gates:
        return Gates(export_control=ExportControlGate(regimes=regimes, uncontrolled=free))

    old = (gates("eu_dual_use", "us_ear", us_ear=("EAR99",)),)
    assert dropped(old, (gates("us_ear", "eu_dual_use", "us_itar"),)) == ()
    assert dropped(old, (gates("us_ear"), gates("eu_dual_use"))) == ()
    assert dropped(old, (*old, gates("us_ear", us_ear=("3A991",)))) == (), "a child's gate opens nothing"
    assert dropped(old, (gates("us_ear"),)) == dropped(old, ()) == ("export_control",)
    assert dropped(old, (gates("eu_dual_use", "us_ear", us_ear=("EAR99", "3A991")),)) == ("export_control",)


def test_words_for_a_regime_that_is_not_looked_at_are_no_policy(tmp_path: Path) -> None:
    wrong = GATE.replace("{us_ear: [EAR99]}", "{us_itar: [EAR99]}")
    with pytest.raises(PolicyInvalid, match="regime that `regimes` does not"):
        load(tmp_path, HEAD + rule("who", "{fields: [buyer]}", "allow") + wrong)
