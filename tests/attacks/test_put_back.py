"""Rows put back to what they were once: genuinely sealed, genuinely signed, and no longer true."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.intake.model import ExportControl
from gateway.intake.service import AnswersChanged
from gateway.release.register import CompositionChanged
from tests.attacks.conftest import Write, approved
from tests.attacks.test_forged_release import dispatch
from tests.support.world import HARMLESS, World


def test_a_voided_composition_put_back_does_not_leave(world: World, write: Write) -> None:
    release = approved(world, world.matter())
    columns = "state, composition, manifest_sha256"
    (before,) = write(f"SELECT {columns} FROM release WHERE id = ?", release.id)
    (rendition,) = world.gateway.renders.of_release(release.id)
    row = write("SELECT state FROM rendition WHERE id = ?", rendition.id)
    world.gateway.releases.withdraw(world.actors["builder"], rendition.id)
    write("UPDATE release SET state = ?, composition = ?, manifest_sha256 = ? WHERE id = ?", *before, release.id)
    write("UPDATE rendition SET state = ? WHERE id = ?", row[0][0], rendition.id)
    with pytest.raises(CompositionChanged, match="newest word"):
        dispatch(world, release)


def test_a_refused_release_put_back_to_approved_does_not_leave(world: World, write: Write) -> None:
    release = approved(world, world.matter())
    world.gateway.releases.refuse(world.actors["legal2"], release.id, "the chain has changed")
    write("UPDATE release SET state = 'approved' WHERE id = ?", release.id)
    with pytest.raises(CompositionChanged, match="newest word"):
        dispatch(world, release)


def test_an_older_answer_put_back_does_not_clear_an_original(world: World, write: Write) -> None:
    release = approved(world, world.matter())
    (rendition,) = world.gateway.renders.of_release(release.id)
    ((older,),) = write("SELECT classification FROM original WHERE id = ?", rendition.original)
    blocked = replace(HARMLESS, export_control=ExportControl.CONTROLLED)
    world.gateway.intake.classify(world.actors["builder"], rendition.original, blocked)
    write("UPDATE original SET classification = ? WHERE id = ?", older, rendition.original)
    with pytest.raises(AnswersChanged):
        dispatch(world, release)


def test_what_was_not_put_back_leaves(world: World) -> None:
    release = approved(world, world.matter())
    world.gateway.intake.classify(
        world.actors["builder"], world.gateway.renders.of_release(release.id)[0].original, HARMLESS
    )
    dispatch(world, release)
