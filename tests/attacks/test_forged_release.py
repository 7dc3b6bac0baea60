"""Somebody with write access to the database, without the passphrase, tries to get bytes out that nobody approved."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.audit.model import LogDamaged
from gateway.base import clock
from gateway.base.canon import canonical
from gateway.base.ids import new_id
from gateway.base.problems import CheckFailed
from gateway.release.binding import AddressChanged, ProofsRefused
from gateway.release.model import Release
from gateway.release.package import BytesChanged
from gateway.release.register import CompositionChanged
from gateway.seal.recipient import generate_identity
from gateway.seal.signature import SigningKey, to_text
from tests.attacks.conftest import TABLE, Write, approved, in_review
from tests.attacks.test_forged_entries import append_forged
from tests.support.world import World

APPROVERS = ("legal1", "legal2")


def dispatch(world: World, release: Release) -> None:
    """Open the gateway anew, as after a restart, and dispatch."""
    world.reopen().dispatch.dispatch(world.actors["dispatcher"], release.id)


def forge_approval(world: World, write: Write, release: Release, name: str, key: SigningKey) -> None:
    """A row with a statement that `key` signed for the person called `name`."""
    now = clock.to_text(world.gateway.clock.now())
    ((manifest, recipient),) = write("SELECT manifest_sha256, recipient FROM release WHERE id = ?", release.id)
    approver = world.actors[name].person_id
    statement = canonical(
        {
            "type": "disclosure-gateway/approval/v1",
            "release": release.id,
            "manifest_sha256": manifest,
            "decision": "approve",
            "role": "legal",
            "approver": approver,
            "at": now,
            "recipient": recipient,
            "files": 1,
        }
    )
    signed = (statement, "Ed25519", to_text(key.public), key.sign(statement), 1, now)
    row = (new_id("app"), release.id, manifest, approver, "legal", *signed)
    write("INSERT INTO approval VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *row)


def test_keys_put_in_place_of_the_approvers_open_nothing(world: World, write: Write) -> None:
    release = in_review(world, world.matter())
    for name in APPROVERS:
        key = SigningKey.generate()
        write("UPDATE person SET public_key = ? WHERE id = ?", to_text(key.public), world.actors[name].person_id)
        forge_approval(world, write, release, name, key)
    write("UPDATE release SET state = 'approved'")
    with pytest.raises(CheckFailed):
        dispatch(world, release)


def test_a_second_founding_written_into_the_log_enrols_nobody(world: World, write: Write) -> None:
    release = in_review(world, world.matter())
    keys = {name: SigningKey.generate() for name in APPROVERS}
    at = clock.to_text(world.gateway.clock.now())
    roles = ["legal", "privacy"]
    founders = [{"key": to_text(key.public), "roles": roles} for key in keys.values()]
    tenant = world.gateway.keyring.tenant
    statement = canonical(
        {"type": "disclosure-gateway/founding/v1", "deployment": tenant, "founders": founders, "at": at}
    )
    people = [
        {
            "person": world.actors[name].person_id,
            "key": to_text(key.public),
            "roles": roles,
            "signature": key.sign(statement).hex(),
        }
        for name, key in keys.items()
    ]
    facts = {"deployment": tenant, "at": at, "people": people}
    entry: dict[str, Any] = {
        "v": 1,
        "type": "deployment.founded",
        "actor": people[0]["person"],
        "at": at,
        "facts": facts,
    }
    index = append_forged(write, canonical(entry))
    for name, key in keys.items():
        person = world.actors[name].person_id
        write("UPDATE person SET public_key = ?, key_entry = ? WHERE id = ?", to_text(key.public), index, person)
        write("UPDATE person_role SET entry = ? WHERE person_id = ?", index, person)
        forge_approval(world, write, release, name, key)
    write("UPDATE release SET state = 'approved'")
    with pytest.raises((LogDamaged, CheckFailed)):
        dispatch(world, release)


def test_approvals_of_an_earlier_manifest_do_not_carry_a_later_one(world: World, write: Write) -> None:
    release = approved(world, world.matter())
    gateway, builder = world.gateway, world.actors["builder"]
    (old,) = gateway.renders.of_release(release.id)
    other = world.upload(gateway.matters.get(release.matter), "customer_list", TABLE.replace(b"FR", b"IT")).original
    world.render(release, other)
    gateway.releases.withdraw(builder, old.id)
    world.review(release)
    write("UPDATE release SET manifest_sha256 = ?, state = 'approved'", release.manifest_sha256)
    with pytest.raises(CompositionChanged):
        dispatch(world, release)


def test_another_recipient_key_gets_no_package(world: World, write: Write) -> None:
    release = approved(world, world.matter(), hop=2)
    _, stranger = generate_identity()
    write("UPDATE recipient SET age_key = ? WHERE hop = 2", stranger)
    with pytest.raises(AddressChanged):
        dispatch(world, release)


def test_a_release_approved_as_sealed_does_not_leave_in_clear(world: World, write: Write) -> None:
    release = approved(world, world.matter(), hop=2)
    write("UPDATE release SET profile = 'portal'")
    with pytest.raises(AddressChanged):
        dispatch(world, release)


def test_an_original_put_in_place_of_the_package_is_not_handed_out(world: World, write: Write) -> None:
    release = approved(world, world.matter())
    dispatch(world, release)
    assert world.package(release)
    write("UPDATE release SET package_object = (SELECT object_id FROM original LIMIT 1)")
    with pytest.raises(BytesChanged):
        world.package(release)


def test_an_original_is_no_package_of_a_release_never_dispatched(world: World, write: Write) -> None:
    release = in_review(world, world.matter())
    write("UPDATE release SET state = 'dispatched', package_object = (SELECT object_id FROM original LIMIT 1)")
    with pytest.raises(BytesChanged):
        world.package(release)


def test_an_approval_whose_enrolment_entry_is_another_is_refused(world: World, write: Write) -> None:
    release = approved(world, world.matter())
    write("UPDATE person SET key_entry = 1 WHERE id = ?", world.actors["legal2"].person_id)
    write("UPDATE person_role SET entry = 1 WHERE person_id = ?", world.actors["legal2"].person_id)
    with pytest.raises((ProofsRefused, CheckFailed)):
        dispatch(world, release)
