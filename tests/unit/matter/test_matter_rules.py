"""What a matter must look like, rule by rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.base.problems import Usage
from gateway.base.text import UnsafeText
from gateway.matter import rules
from gateway.matter.model import (
    DemandDraft,
    Language,
    LegalBasis,
    MatterDraft,
    MatterMalformed,
    Profile,
    RecipientClass,
    RecipientDraft,
)
from gateway.seal.recipient import BadRecipientKey, generate_identity

AGE_KEY = generate_identity()[1]
SUPPLIER = RecipientDraft(hop=1, name="Ganzhou Magnet Supply", recipient_class="supplier", language="zh")
AUTHORITY = RecipientDraft(hop=2, name="商务部", recipient_class="authority", language="zh")
EXPERT = RecipientDraft(hop=3, name="Expert panel", recipient_class="expert", language="en")
DEMAND = DemandDraft(
    number="item-7", text="End users\r\nwith addresses", legal_basis="published", kinds=("customer_list",)
)
MATTER = MatterDraft(
    title="Licence 2026",
    authority="mofcom",
    regime="cn-mofcom-single",
    purpose="export_licence",
    jurisdiction="CN",
    recipients=(SUPPLIER, AUTHORITY),
)
IDS = {1: "rcp_a", 2: "rcp_b", 3: "rcp_c"}


def refuse(problem: type[Usage], check: Any, *arguments: Any) -> str:
    """The one sentence with which `check` refuses."""
    with pytest.raises(problem) as caught:
        check(*arguments)
    detail = caught.value.detail
    assert detail.endswith(".")
    assert "\n" not in detail
    return detail


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"title": ""}, UnsafeText),
        ({"title": "a\u202eb"}, UnsafeText),
        ({"title": "x" * 201}, UnsafeText),
        ({"authority": "MOFCOM"}, MatterMalformed),
        ({"authority": "mofcom "}, MatterMalformed),
        ({"authority": "mofcom\n"}, MatterMalformed),
        ({"authority": "m" * 65}, MatterMalformed),
        ({"regime": "../etc"}, MatterMalformed),
        ({"purpose": "curiosity"}, MatterMalformed),
        ({"jurisdiction": "cn"}, MatterMalformed),
        ({"jurisdiction": "CHN"}, MatterMalformed),
        ({"jurisdiction": "CN\n"}, MatterMalformed),
        ({"round": 0}, MatterMalformed),
        ({"round": 1001}, MatterMalformed),
    ],
)
def test_a_matter_that_is_refused(changes: dict[str, Any], problem: type[Usage]) -> None:
    rules.check_matter(MATTER)
    refuse(problem, rules.check_matter, replace(MATTER, **changes))


def test_the_title_is_normalised() -> None:
    assert rules.check_matter(replace(MATTER, title="  Cafe\u0301 ")).title == "Café"


@pytest.mark.parametrize("hops", [(), (2,), (1, 1), (1, 3), (0, 1), (1, 2, 2), (-1, 1)])
def test_a_chain_has_every_hop_once(hops: tuple[int, ...]) -> None:
    refuse(MatterMalformed, rules.check_hops, [replace(SUPPLIER, hop=hop) for hop in hops])


def test_a_chain_is_ordered_by_hop_and_bounded() -> None:
    assert rules.check_hops([EXPERT, SUPPLIER, AUTHORITY]) == (1, 2, 3)
    chain = rules.check_chain([EXPERT, SUPPLIER, AUTHORITY], IDS, "CN")
    assert [recipient.id for recipient in chain] == ["rcp_a", "rcp_b", "rcp_c"]
    rules.check_hops([replace(SUPPLIER, hop=hop) for hop in range(1, 21)])
    refuse(MatterMalformed, rules.check_hops, [replace(SUPPLIER, hop=hop) for hop in range(1, 22)])


def test_custody_is_every_hop_up_to_its_own_unless_declared() -> None:
    chain = rules.check_chain([SUPPLIER, AUTHORITY, replace(EXPERT, custody=(3, 2, 2))], IDS, "CN")
    assert [recipient.custody for recipient in chain] == [("rcp_a",), ("rcp_a", "rcp_b"), ("rcp_b", "rcp_c")]
    for custody in ((), (1,), (2, 4), (0, 2)):
        draft = replace(AUTHORITY, custody=custody)
        refuse(MatterMalformed, rules.check_chain, [SUPPLIER, draft], {1: "rcp_a", 2: "rcp_b"}, "CN")


def test_a_recipient_in_trusted_words() -> None:
    draft = replace(SUPPLIER, profiles=("sealed", "portal", "sealed"), age_key=AGE_KEY, jurisdiction="HK")
    [recipient] = rules.check_chain([draft], IDS, "CN")
    assert recipient.recipient_class is RecipientClass.SUPPLIER
    assert recipient.language is Language.CHINESE
    assert recipient.profiles == (Profile.SEALED, Profile.PORTAL)
    assert (recipient.age_key, recipient.jurisdiction) == (AGE_KEY, "HK")
    assert rules.check_chain([SUPPLIER], IDS, "CN")[0].jurisdiction == "CN"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": ""}, UnsafeText),
        ({"name": "a\tb"}, UnsafeText),
        ({"recipient_class": "friend"}, MatterMalformed),
        ({"language": "fr"}, MatterMalformed),
        ({"profiles": ()}, MatterMalformed),
        ({"profiles": ("email",)}, MatterMalformed),
        ({"profiles": ("sealed",)}, MatterMalformed),
        ({"jurisdiction": "China"}, MatterMalformed),
        ({"age_key": "age1notakey"}, BadRecipientKey),
        ({"age_key": ""}, BadRecipientKey),
        ({"age_key": AGE_KEY[:-1] + ("q" if AGE_KEY[-1] != "q" else "p")}, BadRecipientKey),
        ({"age_key": AGE_KEY + "\n"}, BadRecipientKey),
    ],
)
def test_a_recipient_that_is_refused(changes: dict[str, Any], problem: type[Usage]) -> None:
    refuse(problem, rules.check_chain, [replace(SUPPLIER, **changes)], IDS, "CN")


def test_a_secret_identity_given_as_a_key_is_not_repeated() -> None:
    identity = generate_identity()[0]
    assert identity not in refuse(BadRecipientKey, rules.check_chain, [replace(SUPPLIER, age_key=identity)], IDS, "CN")


def test_a_demand_item_in_trusted_words() -> None:
    [item] = rules.check_demands([replace(DEMAND, kinds=("customer_list", "order_book", "customer_list"))])
    assert item.text == "End users\nwith addresses"
    assert item.legal_basis is LegalBasis.PUBLISHED
    assert item.kinds == ("customer_list", "order_book")
    assert item.citation is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"number": "7"}, MatterMalformed),
        ({"number": "item-0"}, MatterMalformed),
        ({"number": "item-7\n"}, MatterMalformed),
        ({"text": " \n "}, UnsafeText),
        ({"text": "a\x00b"}, UnsafeText),
        ({"text": "a\u200bb"}, UnsafeText),
        ({"text": "x" * 4001}, UnsafeText),
        ({"legal_basis": "rumour"}, MatterMalformed),
        ({"citation": ""}, UnsafeText),
        ({"kinds": ("Customer List",)}, MatterMalformed),
        ({"kinds": tuple(f"kind{n}" for n in range(21))}, MatterMalformed),
    ],
)
def test_a_demand_item_that_is_refused(changes: dict[str, Any], problem: type[Usage]) -> None:
    refuse(problem, rules.check_demands, [replace(DEMAND, **changes)])


def test_demand_items_have_different_numbers_and_are_bounded() -> None:
    refuse(MatterMalformed, rules.check_demands, [DEMAND, replace(DEMAND, text="other")])
    many = [replace(DEMAND, number=f"item-{number}") for number in range(1, 202)]
    assert len(rules.check_demands(many[:-1])) == 200
    refuse(MatterMalformed, rules.check_demands, many)
