"""What people sign, frozen: still the same bytes, here and in another implementation; broken ones say how."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import rfc8785

from gateway.people import statements
from gateway.people.model import Permission, Role, StatementMalformed
from gateway.people.statements import parse_token_statement
from gateway.review.model import Case
from gateway.review.rules import StatementMismatch, check_statement, statement
from gateway.seal.signature import SigningKey, to_text

FROZEN = json.loads((Path(__file__).parents[2] / "vectors" / "statements" / "statements.json").read_text("ascii"))
KEYS = [SigningKey(bytes.fromhex(seed)) for seed in FROZEN["keys"]]
TEXTS = [to_text(key.public) for key in KEYS]
PERSON = FROZEN["person"]
AT, LATER = datetime(2026, 1, 31, 8, tzinfo=UTC), datetime(2026, 1, 31, 9, tzinfo=UTC)
CASE = Case(
    release="rel_1",
    matter="mat_1",
    recipient="rcp_1",
    manifest_sha256="ab" * 32,
    quorum=(),
    authors=frozenset(),
    uploaders=frozenset(),
    renditions=("ren_1", "ren_2"),
    files=(),
)


def made() -> dict[str, bytes]:
    """Every statement as it is made today."""
    founders = ((TEXTS[0], {Role.ADMINISTRATOR, Role.DISPATCHER}), (TEXTS[1], {Role.LEGAL}))
    return {
        "founding": statements.founding_statement(deployment="gateway", founders=founders, at=AT),
        "enrolment": statements.enrolment_statement(
            person=PERSON, key=TEXTS[2], roles={Role.PRIVACY, Role.LEGAL}, proposer="per_admin", at=AT
        ),
        "token": statements.token_statement(
            person=PERSON,
            scopes={Permission.RELEASE_DISPATCH, Permission.RECEIPT_RECORD},
            nonce="A" * 22,
            issued_at=AT,
            expires_at=LATER,
        ),
        "approval": statement(CASE, approver=PERSON, role="legal", at=AT),
    }


@pytest.mark.parametrize("name", FROZEN["statements"])
def test_a_statement_is_still_these_bytes_and_signed_alike(name: str) -> None:
    told = FROZEN["statements"][name]
    text = told["text"].encode()
    assert made()[name] == text == rfc8785.dumps(json.loads(text))
    assert KEYS[0].sign(text).hex() == told["signature"]
    KEYS[0].public.verify(bytes.fromhex(told["signature"]), text)


def test_the_frozen_ones_are_taken() -> None:
    assert set(made()) == set(FROZEN["statements"])
    assert parse_token_statement(FROZEN["statements"]["token"]["text"].encode()).person_id == PERSON
    text = FROZEN["statements"]["approval"]["text"].encode()
    assert check_statement(text, CASE, approver=PERSON, now=LATER) == "legal"


@pytest.mark.parametrize("failure", FROZEN["broken"]["token"])
def test_a_broken_token_statement_says_how(failure: str) -> None:
    told = FROZEN["broken"]["token"][failure]
    with pytest.raises(StatementMalformed) as caught:
        parse_token_statement(told["text"].encode())
    assert told["says"] in caught.value.detail


@pytest.mark.parametrize("failure", FROZEN["broken"]["approval"])
def test_a_broken_approval_says_how(failure: str) -> None:
    told = FROZEN["broken"]["approval"][failure]
    with pytest.raises(StatementMismatch) as caught:
        check_statement(told["text"].encode(), CASE, approver=PERSON, now=LATER)
    assert told["says"] in caught.value.detail
