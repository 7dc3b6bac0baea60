"""Four eyes: what a signature must say, who may give it, how many there must be."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.base.canon import Json, NotCanonical, canonical
from gateway.review import rules
from gateway.review.model import Approval, Case, Quorum

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
CASE = Case(
    release="rel_1",
    matter="mat_1",
    recipient="rcp_1",
    manifest_sha256="a" * 64,
    quorum=(Quorum("legal", 2),),
    authors=frozenset({"per_author"}),
    uploaders=frozenset({"per_uploader"}),
    renditions=("ren_1", "ren_2"),
    files=(),
)


def _approval(person: str, role: str = "legal", key: str | None = None) -> Approval:
    return Approval(
        id=f"app_{person}",
        release=CASE.release,
        manifest_sha256=CASE.manifest_sha256,
        approver=person,
        role=role,
        statement=b"",
        algorithm="Ed25519",
        key=key or f"key of {person}",
        signature=b"",
        audit_index=1,
        created_at=NOW,
    )


def _signed(**changes: Json) -> bytes:
    told = json.loads(rules.statement(CASE, approver="per_1", role="legal", at=NOW))
    return canonical({**told, **changes})


def test_the_statement_names_bytes_recipient_role_and_time() -> None:
    told = json.loads(rules.statement(CASE, approver="per_1", role="legal", at=NOW))
    assert told == {
        "type": "disclosure-gateway/approval/v1",
        "release": "rel_1",
        "manifest_sha256": "a" * 64,
        "decision": "approve",
        "role": "legal",
        "approver": "per_1",
        "at": "2026-05-04T12:00:00.000Z",
        "recipient": "rcp_1",
        "files": 2,
    }
    assert rules.check_statement(_signed(), CASE, approver="per_1", now=NOW) == "legal"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "disclosure-gateway/approval/v2"),
        ("release", "rel_2"),
        ("manifest_sha256", "b" * 64),
        ("decision", "refuse"),
        ("approver", "per_2"),
        ("recipient", "rcp_2"),
        ("files", 3),
        ("extra", "x"),
    ],
)
def test_a_statement_about_anything_else_is_refused_by_name(field: str, value: Json) -> None:
    with pytest.raises(rules.StatementMismatch) as caught:
        rules.check_statement(_signed(**{field: value}), CASE, approver="per_1", now=NOW)
    assert caught.value.members["field"] == field


@pytest.mark.parametrize(
    "signed",
    [
        canonical([]),
        canonical({"type": rules.STATEMENT_TYPE}),
        _signed(at="yesterday"),
        _signed(at=20260504),
        _signed(role=7),
    ],
)
def test_a_statement_that_is_none_is_refused(signed: bytes) -> None:
    with pytest.raises(rules.StatementMismatch):
        rules.check_statement(signed, CASE, approver="per_1", now=NOW)


@pytest.mark.parametrize("signed", [b"", b"{}\n", _signed() + b" ", b'{"a":1,"a":1}'])
def test_a_statement_in_another_spelling_is_refused(signed: bytes) -> None:
    with pytest.raises((NotCanonical, rules.StatementMismatch)):
        rules.check_statement(signed, CASE, approver="per_1", now=NOW)


@pytest.mark.parametrize("later", [timedelta(hours=24, seconds=1), -timedelta(minutes=6)])
def test_a_statement_is_signed_today(later: timedelta) -> None:
    with pytest.raises(rules.StatementMismatch, match="24 hours"):
        rules.check_statement(_signed(), CASE, approver="per_1", now=NOW + later)


@pytest.mark.parametrize("person", ["per_author", "per_uploader"])
def test_nobody_reviews_their_own(person: str) -> None:
    with pytest.raises(rules.SeparationOfDuties):
        rules.check_may_review(CASE.authors, CASE.uploaders, person)


def test_only_roles_that_see_content_approve_and_only_by_their_holders() -> None:
    rules.check_role("legal", {"legal"})
    for role, held in (("administrator", {"administrator"}), ("dispatcher", {"dispatcher"}), ("legal", {"privacy"})):
        with pytest.raises(rules.SeparationOfDuties):
            rules.check_role(role, held)


def test_a_quorum_counts_people_and_keys() -> None:
    rules.check_quorum(CASE.quorum, [_approval("a"), _approval("b")])
    for given in (
        [],
        [_approval("a")],
        [_approval("a"), _approval("a")],
        [_approval("a", key="k"), _approval("b", key="k")],
        [_approval("a"), _approval("b", role="privacy")],
    ):
        with pytest.raises(rules.QuorumMissing):
            rules.check_quorum(CASE.quorum, given)


def test_two_people_at_least_whatever_the_policy_says() -> None:
    with pytest.raises(rules.QuorumMissing):
        rules.check_quorum((Quorum("legal", 1),), [_approval("a")])


def test_the_dispatcher_is_somebody_else() -> None:
    given = [_approval("a"), _approval("b")]
    rules.check_dispatcher(CASE, given, "per_dispatcher")
    for person in ("a", "per_author"):
        with pytest.raises(rules.SeparationOfDuties):
            rules.check_dispatcher(CASE, given, person)


def test_several_policies_ask_for_the_most_that_any_asks() -> None:
    needs = [Quorum("legal", 1), Quorum("privacy", 1), Quorum("legal", 3)]
    assert rules.combined(needs) == (Quorum("legal", 3), Quorum("privacy", 1))
    assert replace(CASE, quorum=rules.combined([])).quorum == ()
