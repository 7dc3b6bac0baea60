"""A package leaves with witnesses' word where they are asked for it, and not without; also across an air gap."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.app import compose
from gateway.audit.cosigning import QuorumMissing
from gateway.audit.model import Act
from gateway.release.model import State
from gateway.seal.twin import to_text
from gateway.settings import SettingsRefused
from gateway.verify import verify_package
from gateway.verify.verify import Report, Step, WrongUse
from tests.support import journey
from tests.support.originals import planted
from tests.support.witnesses import GrowingLog, made, policy_of
from tests.support.world import PASSPHRASE, World

_ACT = Act("test.meanwhile", "gateway")


def counted(report: Report) -> Step:
    """The step that counts witnesses."""
    (step,) = (one for one in report.steps if one.title == "witnesses")
    return step


def verified(world: World, folder: Path, policy: bytes) -> Report:
    key = to_text(world.gateway.package_key().public)
    return verify_package(folder, log_key=world.gateway.log.vkey(), package_key=key, policy=policy)


def test_a_package_waits_for_the_courier_and_carries_what_the_witness_said(tmp_path: Path) -> None:
    witness, stranger = made(tmp_path / "witness"), made(tmp_path / "stranger", "stranger.example")
    policy = tmp_path / "policy"
    policy.write_text(policy_of(witness, None))
    world = World.create(tmp_path / "world", witnesses=policy)
    release = journey.approved(world, [planted("customer_list")]).release
    dispatcher, log = world.actors["dispatcher"], world.gateway.log
    witness.trust(log.vkey())
    for _ in range(2):
        with pytest.raises(QuorumMissing):
            world.gateway.dispatch.dispatch(dispatcher, release.id)
    assert world.gateway.releases.get(release.id).state is State.APPROVED
    lines = witness.add_checkpoint(world.gateway.cosigning.courier_request(None))
    with world.gateway.units.change() as session:
        world.gateway.log.append(session, replace(_ACT, subject=release.id))
    sealed = len(log.acts(types={"release.sealed"}, subject=release.id))
    assert world.gateway.cosigning.collect(lines).met
    world.gateway.dispatch.dispatch(dispatcher, release.id)
    assert len(log.acts(types={"release.sealed"}, subject=release.id)) == sealed
    (entry,) = log.acts(types={"release.dispatched"}, subject=release.id)
    assert entry["facts"]["witnesses"] == {"cosigned_by": [witness.name], "keys": 2, "quorum": True}
    folder = tmp_path / "package"
    for name, content in journey.files(journey.package(world, release)).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    report = verified(world, folder, policy.read_bytes())
    assert (report.ok, counted(report).state) == (True, "ok")
    own = "".join(f"log {line}\n" for line in log.vkey().splitlines()).encode()
    assert verified(world, folder, own + policy.read_bytes()).ok
    other = "".join(f"log {line}\n" for line in GrowingLog().vkeys.splitlines()).encode()
    for wrong in (policy_of(stranger, None).encode(), other + policy.read_bytes()):
        failed = counted(verified(world, folder, wrong))
        assert (failed.title, failed.state) == ("witnesses", "failed")
    with pytest.raises(WrongUse):
        verified(world, folder, b"quorum x")
    proof = (folder / "audit.proof").read_text("utf-8").splitlines(keepends=True)
    (folder / "audit.proof").write_text("".join([*proof[:-1], proof[-2]]), "utf-8")
    assert counted(verified(world, folder, policy.read_bytes())).state == "failed"
    policy.write_bytes(other + policy.read_bytes())
    with pytest.raises(SettingsRefused):
        compose(world.gateway.settings, PASSPHRASE)
    assert json.loads(log.entry(0))["facts"]["origin"] == log.name
