"""A difference that no case is computed for is named all the same: rule by rule, setting by setting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.base.problems import Usage
from gateway.policy.actions import Action
from gateway.policy.difference import Direction, Edit, changes, edits
from gateway.policy.load import load_library
from gateway.policy.model import Rule, TextPatterns
from gateway.policy.policy import Policy
from gateway.policy.prove import parse_never, prove

LIBRARY = load_library()
EVERY = sorted(ref for ref, policy in LIBRARY.policies.items() if policy.kinds)


def policy_of(name: str) -> Policy:
    return LIBRARY.policy(f"cn-mofcom-single.{name}@1")


def with_rules(policy: Policy, *rules: Rule) -> Policy:
    return replace(policy, rules=rules, origin=tuple((one.id, policy.ref) for one in rules))


def told(old: Policy, new: Policy) -> list[Edit | object]:
    return [*changes(old, new, [LIBRARY.kind(name) for name in old.kinds]), *edits(old, new)]


@pytest.mark.parametrize("ref", EVERY)
def test_no_rule_goes_or_comes_unnamed(ref: str) -> None:
    policy = LIBRARY.policies[ref]
    assert told(policy, policy) == []
    for rule in policy.rules:
        less = with_rules(policy, *(one for one in policy.rules if one is not rule))
        # Rules that another one stands behind change nothing: there are none in a pack whose tests notice each.
        if rule.select.elements - {"column", "region"} or rule.do.op == "block":
            assert [one for one in edits(policy, less) if one.what == f"rule {rule.id}"], rule.id
            assert [one for one in edits(less, policy) if one.what == f"rule {rule.id}"], rule.id


SETTINGS: dict[str, tuple[str, Callable[[Policy], Policy], Direction]] = {
    "detection": (
        "defaults.detection",
        lambda one: replace(one, defaults=one.defaults.model_copy(update={"detection": "required"})),
        Direction.STRICTER,
    ),
    "unknown": (
        "defaults.unknown_field",
        lambda one: replace(one, defaults=one.defaults.model_copy(update={"unknown_field": "drop"})),
        Direction.OTHER,
    ),
    "approvals": ("approvals", lambda one: replace(one, approvals=one.approvals[:1]), Direction.OTHER),
    "profiles": (
        "output.profile",
        lambda one: replace(one, output=one.output.model_copy(update={"profile": ("public",)})),
        Direction.OTHER,
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_no_setting_changes_unnamed(name: str) -> None:
    what, change, direction = SETTINGS[name]
    policy = policy_of("customer-list")
    [found] = edits(policy, change(policy))
    assert (found.what, found.direction) == (what, direction)
    if direction is Direction.STRICTER:
        assert next(iter(edits(change(policy), policy))).direction.loosens


def test_a_block_that_is_taken_away_loosens() -> None:
    policy = policy_of("customer-list")
    less = with_rules(policy, *(one for one in policy.rules if one.id != "defence-nexus-stops"))
    [found] = edits(policy, less)
    assert found.direction is Direction.LOOSER
    assert str(found).startswith("looser: rule defence-nexus-stops: {")
    assert str(found).endswith("→ none.")


def test_patterns_of_prices_that_are_taken_away_loosen() -> None:
    policy = policy_of("contract")
    gone = [one for one in policy.rules if one.select.text and "*price*" in one.select.text.patterns]
    assert gone
    found = edits(policy, with_rules(policy, *(one for one in policy.rules if one not in gone)))
    assert {one.direction for one in found} == {Direction.LOOSER}
    fewer = [
        one.model_copy(update={"select": one.select.model_copy(update={"text": TextPatterns(patterns=("x",))})})
        if one in gone
        else one
        for one in policy.rules
    ]
    assert {one.direction for one in edits(policy, with_rules(policy, *fewer))} == {Direction.OTHER}


def test_what_stands_on_some_layers_is_not_all_text() -> None:
    policy = policy_of("schematic")
    kinds = [LIBRARY.kind(name) for name in policy.kinds]
    rules = [one for one in policy.rules if not one.select.classes]
    texts = next(one for one in rules if one.select.text and one.do.op == "allow")
    dims = texts.model_copy(
        update={
            "id": "dims",
            "do": Action("drop"),
            "select": texts.select.model_copy(update={"text": TextPatterns(patterns=("*",), layers=("*dim*",))}),
        }
    )
    every = dims.model_copy(
        update={"select": dims.select.model_copy(update={"text": TextPatterns(patterns=("*",))})},
    )
    claim = parse_never("class=EMAIL,MONEY")
    assert not prove(with_rules(policy, *rules, dims), kinds, claim).proved
    assert prove(with_rules(policy, *rules, every), kinds, claim).proved


def test_an_attribute_that_stands_twice_is_not_understood() -> None:
    with pytest.raises(Usage, match="twice"):
        parse_never("field=customer.name to round=1..1 round=9..")
