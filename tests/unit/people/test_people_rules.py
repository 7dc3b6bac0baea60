"""The tables of roles, read as a whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from gateway.people import rules
from gateway.people.model import (
    Actor,
    FoundingRefused,
    LastOnes,
    NotPermitted,
    Permission,
    Role,
    RolesRefused,
    SecondPersonNeeded,
)

NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)

TABLE = """
originator     matter.read original.upload original.classify original.open rendition.read rendition.answer
compliance     matter.create matter.read original.classify original.open original.shred consent.record export.record
               release.build rendition.read rendition.answer people.read trace.run
policy_author  matter.read
legal          matter.read original.open original.shred rendition.read rendition.answer rendition.review release.approve
               people.countersign people.read consent.record export.record name.forget evidence.take
               trace.run
privacy        matter.read original.open original.shred rendition.read rendition.answer rendition.review release.approve
               people.countersign people.read assessment.record
dispatcher     matter.read release.dispatch receipt.record
auditor        audit.read audit.export evidence.take people.countersign people.read
administrator  audit.read audit.export people.propose people.countersign people.read
"""

FORBIDDEN_PAIRS = {
    "administrator": {"originator", "compliance", "policy_author", "legal", "privacy", "auditor"},
    "auditor": {"originator", "compliance", "policy_author", "legal", "privacy", "dispatcher", "administrator"},
}


def written_table() -> dict[Role, set[str]]:
    table: dict[Role, set[str]] = {}
    role = Role.ORIGINATOR
    for line in TABLE.strip().splitlines():
        words = line.split()
        if not line.startswith(" "):
            role = Role(words.pop(0))
        table.setdefault(role, set()).update(words)
    return table


def test_every_role_holds_exactly_the_permissions_of_the_table() -> None:
    assert {role: set(held) for role, held in rules.ROLE_PERMISSIONS.items()} == written_table()


def test_every_permission_is_held_by_some_role() -> None:
    assert rules.permissions_of(list(Role)) == frozenset(Permission)


@pytest.mark.parametrize(("one", "other"), list(combinations(Role, 2)))
def test_pairs_of_roles(one: Role, other: Role) -> None:
    forbidden = other.value in FORBIDDEN_PAIRS.get(one.value, set()) or one.value in FORBIDDEN_PAIRS.get(
        other.value, set()
    )
    if forbidden:
        with pytest.raises(RolesRefused):
            rules.check_roles({one, other})
        with pytest.raises(RolesRefused):
            rules.check_roles({one, other, Role.DISPATCHER})
    else:
        rules.check_roles({one, other})


def test_nobody_who_brings_people_in_or_audits_can_see_content() -> None:
    lawful = 0
    for size in range(1, len(Role) + 1):
        for roles in combinations(Role, size):
            try:
                rules.check_roles(roles)
            except RolesRefused:
                continue
            lawful += 1
            if {Role.ADMINISTRATOR, Role.AUDITOR} & set(roles):
                assert not rules.permissions_of(roles) & rules.SHOWS_CONTENT
    assert lawful == 2**6 - 1 + 3  # any mix of the six others, administrator with or without dispatcher, auditor


def test_no_role_is_no_person() -> None:
    with pytest.raises(RolesRefused):
        rules.check_roles([])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({Role.ADMINISTRATOR}, {Role.LEGAL}),
        ({Role.PRIVACY}, {Role.ADMINISTRATOR, Role.DISPATCHER}),
        ({Role.ADMINISTRATOR}, {Role.ADMINISTRATOR}),
        ({Role.AUDITOR}, {Role.ADMINISTRATOR}),
    ],
)
def test_founders_who_can_enrol_a_third(first: set[Role], second: set[Role]) -> None:
    rules.check_founders(first, second)


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [
        ({Role.LEGAL}, {Role.PRIVACY}, FoundingRefused),
        ({Role.ADMINISTRATOR}, {Role.COMPLIANCE}, FoundingRefused),
        ({Role.ADMINISTRATOR, Role.DISPATCHER}, {Role.ORIGINATOR}, FoundingRefused),
        ({Role.ADMINISTRATOR, Role.LEGAL}, {Role.LEGAL}, RolesRefused),
        ({Role.ADMINISTRATOR}, {Role.AUDITOR, Role.LEGAL}, RolesRefused),
        ({Role.ADMINISTRATOR}, set(), RolesRefused),
    ],
)
def test_founders_who_cannot(first: set[Role], second: set[Role], problem: type[Exception]) -> None:
    with pytest.raises(problem):
        rules.check_founders(first, second)


def test_the_second_person_is_neither_proposer_nor_subject_and_may_countersign() -> None:
    rules.check_second_person(countersigner="b", roles={Role.LEGAL}, proposer="a", subject="c")
    with pytest.raises(SecondPersonNeeded):
        rules.check_second_person(countersigner="a", roles={Role.ADMINISTRATOR}, proposer="a", subject="c")
    with pytest.raises(SecondPersonNeeded):
        rules.check_second_person(countersigner="c", roles={Role.LEGAL}, proposer="a", subject="c")
    for role in (Role.COMPLIANCE, Role.ORIGINATOR, Role.POLICY_AUTHOR, Role.DISPATCHER):
        with pytest.raises(NotPermitted):
            rules.check_second_person(countersigner="b", roles={role}, proposer="a", subject="c")


def test_whoever_remains_can_enrol_others() -> None:
    rules.check_remaining([{Role.ADMINISTRATOR}, {Role.LEGAL}])
    for remaining in (
        [],
        [{Role.ADMINISTRATOR}],
        [{Role.LEGAL}, {Role.PRIVACY}],
        [{Role.ADMINISTRATOR}, {Role.COMPLIANCE}],
    ):
        with pytest.raises(LastOnes):
            rules.check_remaining(remaining)


def test_the_founding_statement_is_of_today() -> None:
    rules.check_founding_time(NOW - timedelta(hours=23), NOW)
    for off in (timedelta(hours=25), timedelta(hours=-25)):
        with pytest.raises(FoundingRefused):
            rules.check_founding_time(NOW + off, NOW)


def test_an_actor_may_do_what_its_scopes_hold() -> None:
    actor = Actor("per_x", frozenset({Role.LEGAL}), frozenset({Permission.MATTER_READ}))
    actor.require(Permission.MATTER_READ)
    with pytest.raises(NotPermitted):
        actor.require(Permission.RELEASE_APPROVE)
