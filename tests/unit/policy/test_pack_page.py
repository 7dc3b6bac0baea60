"""The page about the packs says what the packs do, and every kind has a policy and a line."""

from __future__ import annotations

import re

import pytest

from gateway.policy.load import load_library
from tests.support.pack_page import PAGE, written

LIBRARY = load_library()
TEXT = PAGE.read_text("utf-8")
CATALOGUE = TEXT.partition("## Which kind is it?")[2].partition("##")[0]


def test_the_tables_are_those_of_the_files() -> None:
    assert written(TEXT, LIBRARY) == TEXT, "run python -m tests.support.pack_page"


def test_what_may_be_asked_for_has_kinds_and_all_kinds_are_asked_for() -> None:
    rows = [row for row in CATALOGUE.splitlines() if row.startswith("| ")][1:]
    assert len(rows) == 22
    assert set(re.findall(r"`([a-z_]+)`", "".join(row.split("|")[2] for row in rows))) <= set(LIBRARY.kinds)
    assert set(re.findall(r"`([a-z_]+)`", CATALOGUE)) >= set(LIBRARY.kinds)


@pytest.mark.parametrize("kind", sorted(LIBRARY.kinds))
def test_every_kind_has_a_default_policy_with_titles_in_both_languages(kind: str) -> None:
    policies = [policy for policy in LIBRARY.policies.values() if kind in policy.kinds]
    assert policies
    for policy in policies:
        assert re.search(r"[\u4e00-\u9fff]", policy.title.zh), policy.ref
        assert all(re.search(r"[\u4e00-\u9fff]", one.title.zh) for one in LIBRARY.kind(kind).fields)


def test_every_ground_in_a_pack_says_how_well_it_is_known() -> None:
    grounds = [rule.because for policy in LIBRARY.policies.values() for rule in policy.rules]
    grounds += [policy.defaults.because for policy in LIBRARY.policies.values() if policy.defaults.because]
    assert all(ground.basis and ground.evidence for ground in grounds)
    # From memory, and so nowhere `verified`.
    assert not [g.basis for g in grounds if g.evidence == "verified" and re.search("GDPR|2016/|CFR", g.basis or "")]
