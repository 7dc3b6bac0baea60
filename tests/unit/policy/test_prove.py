"""Proofs and counterexamples, against the engine itself, and against Cedar and z3."""

from __future__ import annotations

import random

import pytest

from gateway.base.problems import Usage
from gateway.policy.boxes import Space, meet, without
from gateway.policy.load import load_library
from gateway.policy.matrix import RECIPIENTS, Row, matrix
from gateway.policy.prove import parse_never, prove, unknown_names
from gateway.policy.reach import Reach
from tests.support import bundles
from tests.support.bundles import FIELDS, KIND, Case, asked, point, reach_of


def by_boxes(space: Space, reach: Reach, case: Case) -> str | None:
    here = [point(space, case)]
    found = [str(one.action.to_json()) for one in reach.outcomes() if meet(here, one.boxes)]
    assert len(found) <= 1
    return found[0] if found else None


def same_as_the_engine(seed: int, pairs: int) -> None:
    rng = random.Random(seed)
    leaving = 0
    for _ in range(pairs // 5):
        policy = bundles.policy(rng, rng.randint(3, 14))
        for _ in range(5):
            case = bundles.case(rng)
            space, reach = reach_of(policy, case.field)
            case = asked(space, case)
            wanted = bundles.decided(policy, case)
            assert by_boxes(space, reach, case) == wanted, (seed, case)
            leaving += wanted is not None
    assert leaving > pairs // 20, "hardly anything leaves: the comparison says little"


def test_the_boxes_say_what_the_engine_decides() -> None:
    same_as_the_engine(1, 500)


@pytest.mark.nightly
def test_the_boxes_say_what_the_engine_decides_five_thousand_times() -> None:
    same_as_the_engine(2, 5_000)


def test_another_pair_of_eyes_only_forbids_more() -> None:
    rng = random.Random(3)
    order: dict[str | None, int] = {None: 0}
    order |= {action: place for place, action in enumerate(_ordered(), start=1)}
    compared = 0
    for _ in range(150):
        policy = bundles.policy(rng, rng.randint(3, 14))
        for _ in range(5):
            case = bundles.case(rng, custody=True)
            alone = Case(case.field, case.attributes, (), case.classes, case.licensed, case.on)
            together, by_itself = bundles.decided(policy, case), bundles.decided(policy, alone)
            assert order[together] <= order[by_itself], case
            compared += by_itself is not None
    assert compared > 50


def _ordered() -> list[str]:
    """The actions of random policies, strict to loose."""
    masks = [f"{{'mask': {{'keep_last': {kept}}}}}" for kept in (2, 4)]
    names = [f"{{'pseudonymise': {{'prefix': 'P', 'scope': '{scope}'}}}}" for scope in ("table", "release")]
    return [*masks, *names, "allow"]


def test_a_claim_is_read_from_a_command_line_and_told_the_same_way() -> None:
    claim = (
        "field=buyer,site class=EMAIL as-is to date=2026-01-01..2026-06-30 recipient.class=authority,public round=..2"
    )
    never = parse_never(claim)
    assert (never.fields, never.classes, never.as_is) == (("buyer", "site"), ("EMAIL",), True)
    assert parse_never(str(never)) == never


@pytest.mark.parametrize(
    "claim",
    ["", "buyer", "field=buyer to authority", "field=buyer to mood=good", "class=HAIR", "field=A B", "to round=1"],
)
def test_a_claim_that_cannot_be_read_is_refused_in_one_sentence(claim: str) -> None:
    with pytest.raises(Usage) as raised:
        parse_never(claim)
    assert "\n" not in raised.value.detail


def test_a_claim_about_nothing_says_so() -> None:
    assert unknown_names(parse_never("field=passport.no,buy* region=face"), [KIND]) == ("passport.no", "face")


def test_a_proof_says_where_the_policy_applies_in_no_such_context() -> None:
    library = load_library()
    policy, kinds = library.policy("cn-mofcom-single.customer-list"), [library.kind("customer_list")]
    idle = prove(policy, kinds, parse_never("class=EMAIL to recipient.class=public"))
    assert (idle.proved, idle.applies) == (True, False)
    assert idle.sentences()[0].endswith("The policy applies in none of these contexts; under it nothing leaves.")
    busy = prove(policy, kinds, parse_never("class=EMAIL to recipient.class=authority"))
    assert (busy.proved, busy.applies) == (True, True)
    assert "none of these contexts" not in busy.sentences()[0]


def test_changed_is_not_as_it_is() -> None:
    rng = random.Random(8)
    differing = 0
    for _ in range(60):
        policy = bundles.policy(rng, 8)
        for field in FIELDS:
            _, reach = reach_of(policy, field)
            shown = [box for outcome in reach.outcomes() if outcome.action.shows for box in outcome.boxes]
            by_rule = [box for _, box in reach.shown]
            assert without(shown, by_rule) == without(by_rule, shown) == []
            differing += bool(reach.leaving) and not shown
    assert differing


def test_the_matrix_says_never_where_that_is_proved() -> None:
    rng = random.Random(9)
    seen: set[bool] = set()
    for _ in range(15):
        policy = bundles.policy(rng, 8)
        for row in matrix(policy, KIND):
            for name, forms in zip(RECIPIENTS, row.forms, strict=True):
                claim = parse_never(f"field={row.target} to recipient.class={name}")
                assert prove(policy, [KIND], claim).proved is not bool(forms)
                seen.add(bool(forms))
    assert seen == {True, False}


def test_a_row_of_the_matrix_groups_those_who_get_the_same() -> None:
    same, none = Row("sample", "buyer", (("shown as it is",),) * 6), Row("sample", "buyer", ((),) * 6)
    one = Row("sample", "buyer", (*(((),) * 5), ("masked", "shown as it is")))
    assert list(same.sentences()) == ["buyer: shown as it is"]
    assert list(none.sentences()) == ["buyer: never"]
    assert list(one.sentences()) == [
        "buyer to agent, authority, counsel, expert, public: never",
        "buyer to supplier: masked or shown as it is",
    ]
