"""A bundle is what its signers signed, bit by bit, or it is refused by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.base.problems import Problem
from gateway.policy.bundle import (
    Bundle,
    BundleNotInForce,
    BundleNotNewer,
    BundleUnsigned,
    Signers,
    check_signatures,
    check_succession,
    make_bundle,
    open_bundle,
    parse_signers,
    signatures_of,
)
from gateway.policy.load import load_library, sources_in
from gateway.seal.signature import BadKey, SigningKey, to_text
from tests.support.policies import HEAD, KIND, rule

VECTORS = Path(__file__).parents[2] / "vectors" / "bundle"
BUNDLE = (VECTORS / "bundle.json").read_bytes()
SIGNATURES = (VECTORS / "bundle.sig.json").read_bytes()
SIGNERS = parse_signers((VECTORS / "signers.txt").read_text(), 2)
BROKEN = json.loads((VECTORS / "broken.json").read_text())
KEYS = [SigningKey.from_seed(bytes([number]) * 32) for number in (1, 2, 3)]
BEGIN, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)


def _bundle(number: int = 1, more: str = "") -> Bundle:
    policy = HEAD + rule("buyer-shown", "{fields: [buyer]}", "allow") + more
    sources = {"kinds/sample.yaml": KIND.encode(), "p.yaml": policy.encode()}
    return make_bundle(sources, number=number, not_before=BEGIN, not_after=END)


def test_the_frozen_bundle_is_signed_by_two_of_three() -> None:
    bundle = open_bundle(BUNDLE)
    assert bundle.statement == (VECTORS / "statement.json").read_bytes()
    assert check_signatures(bundle, SIGNATURES, SIGNERS) == tuple(sorted((one.public for one in KEYS[:2]), key=to_text))
    assert bundle.library.policies.keys() == {"test.sample@1.0.0"}
    signed = [(key.public, key.sign(bundle.statement)) for key in KEYS[:2]]
    assert signatures_of(reversed(signed), bundle) == SIGNATURES


@pytest.mark.parametrize("broken", BROKEN, ids=[one["name"] for one in BROKEN])
def test_every_broken_one_is_refused_by_its_name(broken: Mapping[str, Any]) -> None:
    files = {"bundle": BUNDLE, "signatures": SIGNATURES}
    before = files[broken["of"]]
    cut = (
        before[: -broken["cut"]] if "cut" in broken else before.replace(broken["from"].encode(), broken["to"].encode())
    )
    assert cut != before
    files[broken["of"]] = cut
    with pytest.raises(Problem) as caught:
        check_signatures(open_bundle(files["bundle"]), files["signatures"], SIGNERS)
    assert caught.value.slug == broken["problem"]


def test_no_flipped_bit_is_taken() -> None:
    for data, name in ((BUNDLE, "bundle"), (SIGNATURES, "signatures")):
        for at in range(0, len(data), 37):
            flipped = bytearray(data)
            flipped[at] ^= 1 << at % 8
            both = {"bundle": BUNDLE, "signatures": SIGNATURES, name: bytes(flipped)}
            with pytest.raises(Problem):
                check_signatures(open_bundle(both["bundle"]), both["signatures"], SIGNERS)


def test_the_shipped_packs_go_into_a_bundle_and_come_out_the_same() -> None:
    made = make_bundle(sources_in(), number=1, not_before=BEGIN, not_after=END)
    assert made.library.digest == load_library().digest


def test_the_order_of_files_does_not_matter() -> None:
    sources = {"a.yaml": (HEAD + rule("buyer-shown", "{fields: [buyer]}", "allow")).encode()}
    kinds = {"kinds/sample.yaml": KIND.encode()}
    one, other = (
        make_bundle(files, number=1, not_before=BEGIN, not_after=END)
        for files in ({**sources, **kinds}, {**kinds, **sources})
    )
    assert one.data == other.data


def test_both_ends_of_its_time_count() -> None:
    bundle = _bundle()
    for moment in (BEGIN, END):
        bundle.check_in_force(moment)
    for moment in (BEGIN - timedelta(milliseconds=1), END + timedelta(milliseconds=1)):
        with pytest.raises(BundleNotInForce):
            bundle.check_in_force(moment)


def test_a_higher_quorum_asks_for_more() -> None:
    bundle = open_bundle(BUNDLE)
    with pytest.raises(BundleUnsigned, match="2 of 3"):
        check_signatures(bundle, SIGNATURES, Signers(SIGNERS.keys, 3))
    third = [(key.public, key.sign(bundle.statement)) for key in KEYS]
    check_signatures(bundle, signatures_of(third, bundle), Signers(SIGNERS.keys, 3))


def test_a_signer_who_was_taken_off_the_list_signs_no_more() -> None:
    with pytest.raises(BundleUnsigned, match="no policy signer"):
        check_signatures(open_bundle(BUNDLE), SIGNATURES, Signers((KEYS[0].public, KEYS[2].public), 2))


@pytest.mark.parametrize("quorum", [-1, 0, 1, 4])
def test_nobody_decides_alone_and_nobody_is_asked_for_who_is_not_there(quorum: int) -> None:
    with pytest.raises(BadKey):
        Signers(SIGNERS.keys, quorum)


def test_one_key_is_one_signer() -> None:
    with pytest.raises(BadKey, match="twice"):
        parse_signers(f"{to_text(KEYS[0].public)}\n{to_text(KEYS[0].public)}\n", 2)


def _activated(*bundles: Bundle) -> list[dict[str, Any]]:
    return [{"bundle": one.sha256, "number": one.number} for one in bundles]


def test_numbers_only_rise_unless_it_is_said() -> None:
    one, two, three = _bundle(1), _bundle(2), _bundle(3)
    check_succession(one, [], downgrade=False)
    check_succession(three, _activated(one, two), downgrade=False)
    with pytest.raises(BundleNotNewer, match="--downgrade"):
        check_succession(one, _activated(one, two), downgrade=False)
    check_succession(one, _activated(one, two), downgrade=True)
    # After going back, what lies between is still older than what once was active.
    with pytest.raises(BundleNotNewer):
        check_succession(two, _activated(one, three, one), downgrade=False)


def test_the_active_one_may_be_activated_again_with_other_signatures() -> None:
    one, two = _bundle(1), _bundle(2)
    check_succession(two, _activated(one, two), downgrade=False)


@pytest.mark.parametrize("downgrade", [False, True])
def test_a_number_belongs_to_one_bundle_for_ever(downgrade: bool) -> None:
    other = _bundle(1, rule("price-shown", "{fields: [price]}", "allow"))
    with pytest.raises(BundleNotNewer, match="has had the number 1"):
        check_succession(other, _activated(_bundle(1), _bundle(2)), downgrade=downgrade)
