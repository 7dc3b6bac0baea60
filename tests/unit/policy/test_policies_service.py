"""Policies that nobody signed, or that were signed for something else, decide nothing; the last good ones stay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base.clock import SystemClock
from gateway.base.problems import Problem
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.policy import service
from gateway.policy.bundle import Bundle, BundleMissing, BundleNotInForce, Signers, make_bundle, signatures_of
from gateway.policy.service import Policies
from gateway.seal.signature import SigningKey
from tests.support.databases import SQLITE
from tests.support.policies import HEAD, KIND, rule
from tests.unit.audit.conftest import MemoryRoot

KEYS = [SigningKey.from_seed(bytes([number]) * 32) for number in (1, 2, 3)]
SIGNERS = Signers(tuple(key.public for key in KEYS), 2)
NOW = datetime.now(UTC).replace(microsecond=0)


def bundle_of(number: int, *, days: int = 100, begun: int = 1) -> Bundle:
    """A bundle whose policies are others than those of every other number."""
    policy = HEAD.replace("owner: legal", f"owner: legal-{number}") + rule("buyer-shown", "{fields: [buyer]}", "allow")
    first, last = NOW - timedelta(days=begun), NOW + timedelta(days=days)
    sources = {"kinds/sample.yaml": KIND.encode(), "p.yaml": policy.encode()}
    return make_bundle(sources, number=number, not_before=first, not_after=last)


def signed(bundle: Bundle, *keys: SigningKey) -> bytes:
    return signatures_of([(key.public, key.sign(bundle.statement)) for key in keys or KEYS[:2]], bundle)


BUNDLES = {number: bundle_of(number) for number in (1, 2)}


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    engine = SQLITE.engine_with_tables(tmp_path)
    units = Units(engine)
    log = Log(units, Keyring(MemoryRoot(), "tenant", SystemClock()), SystemClock(), "example.com/gateway")
    log.refused(Act("deployment.initialised", "gateway"))
    yield log
    engine.dispose()


class Deployment:
    """A data folder and its log; every look at the policies is that of a process just started."""

    def __init__(self, log: Log, folder: Path) -> None:
        self.log, self.kept = log, folder / "policies"
        self.folder = folder / "folder"
        (self.folder / "kinds").mkdir(parents=True)
        (self.folder / "kinds" / "sample.yaml").write_text(KIND, encoding="utf-8")

    def started(self, signers: Signers | None = SIGNERS, at: datetime = NOW) -> Policies:
        class At:
            def now(self) -> datetime:
                return at

        return Policies(self.log, At(), self.folder, self.kept, signers)

    def activate(self, bundle: Bundle, signatures: bytes | None = None, **more: Any) -> None:
        self.started().activate(bundle.data, signatures or signed(bundle), **more)

    def entries(self) -> list[dict[str, Any]]:
        found = map(json.loads, self.log.entries(0, self.log.size()))
        return [one for one in found if one["type"].startswith("policies.")]


@pytest.fixture
def here(log: Log, tmp_path: Path) -> Deployment:
    return Deployment(log, tmp_path)


def test_with_signers_the_folder_decides_nothing(here: Deployment) -> None:
    policies = here.started()
    assert not policies.library.policies
    assert not policies.library.kinds
    for ask in (policies.require, policies.require_some):
        with pytest.raises(BundleMissing, match="gateway policy bundle activate"):
            ask()


def test_a_signed_bundle_decides_from_the_next_start_and_the_log_says_so(here: Deployment) -> None:
    before = here.started()
    here.activate(BUNDLES[1])
    assert here.started().require().bundle == BUNDLES[1]
    with pytest.raises(BundleMissing):
        before.require()
    facts = here.entries()[-1]["facts"]
    assert (facts["bundle"], facts["library"]) == (BUNDLES[1].sha256, BUNDLES[1].library.digest)
    assert facts["signed_by"] == sorted(key.public.key_id for key in KEYS[:2])
    assert here.started().require().pins.keys() == {"library", "engine", "bundle"}


@pytest.mark.parametrize("attack", ["stripped", "twice", "stranger", "truncated", "swapped", "early", "late"])
def test_a_bad_bundle_is_refused_and_the_last_good_one_stays(here: Deployment, attack: str) -> None:
    here.activate(BUNDLES[1])
    bad = BUNDLES[2]
    data, signatures = bad.data, signed(bad)
    if attack == "stripped":
        signatures = signed(bad, KEYS[0])
    elif attack == "twice":
        signatures = signed(bad, KEYS[0], KEYS[0])
    elif attack == "stranger":
        signatures = signed(bad, KEYS[0], SigningKey.generate())
    elif attack == "truncated":
        data = data[:-1]
    elif attack == "swapped":
        signatures = signed(BUNDLES[1])
    else:
        bad = bundle_of(3, begun=-1) if attack == "early" else bundle_of(3, days=-1, begun=2)
        data, signatures = bad.data, signed(bad)
    with pytest.raises(Problem) as caught:
        here.started().activate(data, signatures)
    last = here.entries()[-1]
    assert (last["type"], last["facts"]["reason"]) == ("policies.refused", caught.value.slug)
    assert here.started().require().bundle == BUNDLES[1]


def test_no_older_bundle_comes_back_without_a_word(here: Deployment) -> None:
    here.activate(BUNDLES[1])
    here.activate(BUNDLES[2])
    with pytest.raises(Problem, match="--downgrade"):
        here.activate(BUNDLES[1])
    assert here.started().require().bundle == BUNDLES[2]
    here.activate(BUNDLES[1], downgrade=True)
    assert here.started().require().bundle == BUNDLES[1]
    assert [one["facts"].get("downgrade") for one in here.entries()] == [False, False, None, True]


def test_an_ended_bundle_decides_nothing_more_though_its_library_is_still_known(here: Deployment) -> None:
    here.activate(BUNDLES[1])
    late = here.started(at=NOW + timedelta(days=101))
    with pytest.raises(BundleNotInForce):
        late.require()
    assert late.library.kinds


@pytest.mark.parametrize("file", [".json", ".sig.json"])
@pytest.mark.parametrize("change", ["flip", "cut", "remove", "other"])
def test_what_is_kept_is_checked_each_time(here: Deployment, file: str, change: str) -> None:
    here.activate(BUNDLES[1])
    kept = here.kept / f"{BUNDLES[1].sha256}{file}"
    data = kept.read_bytes()
    if change == "remove":
        kept.unlink()
    elif change == "other":
        kept.write_bytes(BUNDLES[2].data if file == ".json" else signed(BUNDLES[2]))
    else:
        kept.write_bytes(data[:-1] if change == "cut" else data.replace(b"v1", b"v2", 1))
    policies = here.started()
    with pytest.raises(Problem):
        policies.require()
    assert not policies.library.policies


def test_both_files_of_another_bundle_put_in_its_place_decide_nothing(here: Deployment) -> None:
    here.activate(BUNDLES[1])
    (here.kept / f"{BUNDLES[1].sha256}.json").write_bytes(BUNDLES[2].data)
    (here.kept / f"{BUNDLES[1].sha256}.sig.json").write_bytes(signed(BUNDLES[2]))
    with pytest.raises(BundleMissing, match="changed"):
        here.started().require()


def test_a_signer_taken_off_the_list_no_longer_carries_the_active_bundle(here: Deployment) -> None:
    here.activate(BUNDLES[1])
    left = Signers((KEYS[1].public, KEYS[2].public), 2)
    with pytest.raises(Problem, match="no policy signer"):
        here.started(left).require()
    here.started(left).activate(BUNDLES[1].data, signed(BUNDLES[1], *KEYS[1:]))
    assert here.started(left).require().bundle == BUNDLES[1]


def test_signing_is_not_given_up_by_leaving_the_signers_out(here: Deployment) -> None:
    here.activate(BUNDLES[1])
    unsigned = here.started(None)
    with pytest.raises(BundleMissing, match="GATEWAY_POLICY_SIGNERS"):
        unsigned.require()
    unsigned.abandon()
    assert here.started(None).require().bundle is None
    assert here.entries()[-1]["type"] == "policies.abandoned"
    # Whoever has signers again begins where the numbers stood.
    with pytest.raises(BundleMissing):
        here.started().require()
    here.activate(BUNDLES[1])
    assert here.started().require().bundle == BUNDLES[1]


def test_without_signers_nothing_is_activated_and_nothing_abandoned_with_them(here: Deployment) -> None:
    with pytest.raises(BundleMissing):
        here.started(None).activate(BUNDLES[1].data, signed(BUNDLES[1]))
    with pytest.raises(BundleMissing):
        here.started().abandon()
    assert [one["type"] for one in here.entries()] == ["policies.refused"]


@pytest.mark.parametrize("steps", range(5))
def test_killed_while_activating_the_last_good_one_stays_and_a_second_try_works(
    here: Deployment, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.activate(BUNDLES[1])
    left = steps

    class Killed(BaseException):
        pass

    def step(*_told: Any, **_more: Any) -> int:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        return 0

    with monkeypatch.context() as killing:
        killing.setattr("os.fsync", step)
        killing.setattr(service, "fsync_folder", step)
        killing.setattr(here.log, "follow", step)
        with pytest.raises(Killed):
            here.started().activate(BUNDLES[2].data, signed(BUNDLES[2]))
    assert here.started().require().bundle == BUNDLES[1]
    here.activate(BUNDLES[2])
    assert here.started().require().bundle == BUNDLES[2]
