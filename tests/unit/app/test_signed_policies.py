"""Signed policies from bundle to package: what is made under them is pinned, what was made under others waits."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.app import compose
from gateway.policy.answers import Answers
from gateway.policy.bundle import Bundle, BundleMissing, make_bundle, signatures_of
from gateway.policy.load import packs_dir
from gateway.render.model import State
from gateway.render.service import PoliciesChanged
from gateway.seal.signature import SigningKey, to_text
from tests.support.world import PASSPHRASE, World

KEYS = [SigningKey.from_seed(bytes([number]) * 32) for number in (1, 2)]
PACK = ("kinds/customer_list", "base/personal-data", "base/trade-secrets", "cn-mofcom-single/customer-list")
TABLE = (
    b"Customer,Country,End user,Licensed,End use category,Volume (kg),E-Mail,Since\r\n"
    b"Acme Wunderwerk GmbH,DE,Acme Wunderwerk GmbH,yes,Passenger cars,123.5,a.smith@acme-wunderwerk.de,2011\r\n"
)


def _bundle(number: int, owner: str) -> Bundle:
    sources = {f"{name}.yaml": (packs_dir() / f"{name}.yaml").read_bytes() for name in PACK}
    mine = {
        name: data.replace(b"owner: legal-trade-compliance", f"owner: {owner}".encode())
        for name, data in sources.items()
    }
    now = datetime.now(UTC).replace(microsecond=0)
    return make_bundle(mine, number=number, not_before=now - timedelta(days=1), not_after=now + timedelta(days=1))


def _signed(bundle: Bundle) -> bytes:
    return signatures_of([(key.public, key.sign(bundle.statement)) for key in KEYS], bundle)


def _restart(world: World, signers: Path) -> None:
    world.gateway.close()
    world.gateway = compose(replace(world.gateway.settings, policy_signers=signers), PASSPHRASE)


def test_signed_policies_from_the_bundle_to_the_manifest(tmp_path: Path) -> None:
    signers = tmp_path / "signers"
    signers.write_text("".join(f"{to_text(key.public)}\n" for key in KEYS))
    first, second = _bundle(1, "one-owner"), _bundle(2, "another-owner")
    world = World.create(tmp_path)
    _restart(world, signers)
    world.gateway.policies.activate(first.data, _signed(first))
    _restart(world, signers)

    matter = world.matter()
    release, original = world.draft(matter), world.upload(matter, "customer_list", TABLE).original
    made = world.render(release, original)
    world.gateway.renders.withdraw(world.actors["builder"], made.id)
    again = world.render(release, original)
    assert (made.sha256, made.decisions_sha256) == (again.sha256, again.decisions_sha256) != (None, None)
    world.review(release)
    pins = {"bundle": first.sha256, "library": first.library.digest}
    manifest = json.loads(world.gateway.releases.document(release.id, "manifest.json"))
    assert {name: manifest["policy"][name] for name in pins} == pins
    log = world.gateway.log
    entries = list(map(json.loads, log.entries(0, log.size())))
    facts = [one["facts"] for one in entries if one["type"] in {"rendition.requested", "rendition.clean"}]
    assert len(facts) == 4
    assert all({**one, **pins, "engine": manifest["engine"]} == one for one in facts)
    with world.gateway.units.read() as session:
        decisions = json.loads(world.gateway.renders.part(session, again.decisions_object))
    assert decisions["policies"] == {**pins, "engine": manifest["engine"]}

    other = world.draft(matter, 2)
    builder = world.actors["builder"]
    third = world.draft(matter, 2)
    assert world.render(third, original).state is State.CLEAN
    late = world.gateway.releases.add(builder, other.id, original, policy_ref=None, answers=Answers())
    world.gateway.policies.activate(second.data, _signed(second))
    # A process that was started before knows that it is behind, and asks for nothing.
    with pytest.raises(BundleMissing, match="start it anew"):
        world.gateway.releases.submit(builder, third.id)
    _restart(world, signers)
    world.work()
    done = world.gateway.renders.get(late.id)
    assert (done.state, "changed" in (done.reason or "")) == (State.REFUSED, True)
    with pytest.raises(PoliciesChanged):
        world.gateway.releases.submit(builder, third.id)
    world.gateway.close()
