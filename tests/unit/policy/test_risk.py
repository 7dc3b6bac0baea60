"""The block `risk:`: what it may say, and that a child only tightens it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.policy.problems import PolicyInvalid
from tests.support.policies import HEAD, load, rule

RULES = rule("all", "{fields: [buyer]}", "allow")
RISK = "risk: {entity: buyer, quasi_identifiers: [licensed, qty], limits: {k_entities: 5, protection: 0.1}}\n"


def written(risk: str, head: str = HEAD) -> str:
    return head.replace("rules:\n", f"{risk}rules:\n") + RULES


def child(risk: str) -> str:
    head = HEAD.replace("id: test.sample", "id: test.child").replace(
        "  owner: legal\n", "  owner: legal\n  extends: [test.sample@1]\n"
    )
    return head.replace("rules:\n", f"{risk}rules:\n") + rule("other", "{fields: [day]}", "drop")


def test_limits_are_read_as_they_are_written(tmp_path: Path) -> None:
    policy = load(tmp_path, written(RISK)).policy("test.sample")
    assert policy.risk is not None
    assert policy.risk.limits.items() == {"k_entities": 5, "protection": "0.1"}
    assert policy.to_json()["risk"] == {
        "entity": "buyer", "quasi_identifiers": ["licensed", "qty"], "sensitive": [], "measures": [],
        "limits": {"k_entities": 5, "protection": "0.1"}, "on_violation": "block",
    }  # fmt: skip


def test_a_policy_without_risk_is_the_policy_it_was(tmp_path: Path) -> None:
    assert "risk" not in load(tmp_path, HEAD + RULES).policy("test.sample").to_json()


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("entity: buyer", "entity: ghost", "ghost"),
        ("[licensed, qty]", "[licensed, ghost]", "ghost"),
        ("[licensed, qty]", "[]", "quasi_identifiers"),
        ("[licensed, qty]", "[licensed, buyer]", "twice"),
        ("[licensed, qty]", "[licensed, licensed]", "twice"),
        ("entity: buyer, ", "", "name the `entity`"),
        ("k_entities: 5, ", "", "sets no limit"),
        ("k_entities: 5", "k_entities: 1", "k_entities"),
        ("k_entities: 5", "k_entities: 2.5", "whole number"),
        ("k_entities: 5", "dominance: 70", "share"),
        ("k_entities: 5", "dominance: .nan", "share"),
        ("k_entities: 5", "l: 3", "sensitive"),
        ("k_entities: 5", "t: 0.3", "sensitive"),
        ("k_entities: 5", "epsilon: 1", "epsilon"),
        ("protection: 0.1", "protection: -1", "share"),
        ("limits:", "measures: [day], limits:", "not a number"),
        ("limits:", "on_violation: warn, limits:", "block"),
    ],
)
def test_a_block_that_says_nothing_sound_is_refused(tmp_path: Path, old: str, new: str, word: str) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        load(tmp_path, written(RISK.replace(old, new)))
    assert word in caught.value.detail
    assert caught.value.detail.startswith("p0.yaml, line ")


def test_pictures_and_bases_have_none(tmp_path: Path) -> None:
    for head, word in (
        (HEAD.replace("[sample]", "[sample, shot]"), "tables"),
        (HEAD.replace("{kinds: [sample]}", "{}"), "base"),
    ):
        with pytest.raises(PolicyInvalid, match=word):
            load(tmp_path, written(RISK, head))


@pytest.mark.parametrize(
    ("own", "fits"),
    [
        ("", True),
        (RISK, True),
        (RISK.replace("k_entities: 5", "k_entities: 6, k: 3"), True),
        (RISK.replace("qty]", "qty, day]"), True),
        (RISK.replace("protection: 0.1", "protection: 0.2"), True),
        (RISK.replace("k_entities: 5", "k_entities: 4"), False),
        (RISK.replace("k_entities: 5", "k: 5"), False),
        (RISK.replace("protection: 0.1", "protection: 0.05"), False),
        (RISK.replace(", protection: 0.1", ""), False),
        (RISK.replace("[licensed, qty]", "[licensed]"), False),
        (RISK.replace("limits:", "measures: [qty], limits:"), False),
    ],
)
def test_a_child_tightens_or_is_refused(tmp_path: Path, own: str, fits: bool) -> None:
    if not fits:
        with pytest.raises(PolicyInvalid, match="as strict"):
            load(tmp_path, written(RISK), child(own))
        return
    found = load(tmp_path, written(RISK), child(own)).policy("test.child").risk
    assert found is not None
    assert found.limits.k_entities in {5, 6}
