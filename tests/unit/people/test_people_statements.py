"""The bytes people sign, frozen, and what is not such bytes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.base.canon import Json, canonical
from gateway.people.model import Permission, Role, StatementMalformed
from gateway.people.statements import (
    enrolment_statement,
    founding_statement,
    parse_token_statement,
    token_statement,
)

AT = datetime(2026, 1, 31, 8, 0, 0, 123456, tzinfo=UTC)
LATER = datetime(2026, 1, 31, 20, tzinfo=UTC)
PERSON = "per_01kfz3v0000000000000000000"
KEY = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


def terms(**changes: Json) -> dict[str, Json]:
    return {
        "type": "disclosure-gateway/token/v1",
        "person": PERSON,
        "scopes": ["audit.read", "matter.read"],
        "nonce": "bm9uY2Utbm9uY2U_-",
        "issued_at": "2026-01-31T08:00:00.123Z",
        "expires_at": "2026-01-31T20:00:00.000Z",
        **changes,
    }


def test_the_founding_statement_is_frozen() -> None:
    founders = [(KEY, {Role.DISPATCHER, Role.ADMINISTRATOR}), (KEY, {Role.LEGAL})]
    assert founding_statement(deployment="plant-7", founders=founders, at=AT) == (
        b'{"at":"2026-01-31T08:00:00.123Z","deployment":"plant-7","founders":['
        b'{"key":"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=","roles":["administrator","dispatcher"]},'
        b'{"key":"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=","roles":["legal"]}],'
        b'"type":"disclosure-gateway/founding/v1"}'
    )


def test_the_enrolment_statement_is_frozen() -> None:
    statement = enrolment_statement(
        person=PERSON, key=KEY, roles=[Role.PRIVACY, Role.LEGAL], proposer="per_01kfz3v0000000000000000001", at=AT
    )
    assert statement == (
        b'{"at":"2026-01-31T08:00:00.123Z","key":"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",'
        b'"person":"per_01kfz3v0000000000000000000","proposer":"per_01kfz3v0000000000000000001",'
        b'"roles":["legal","privacy"],"type":"disclosure-gateway/enrolment/v1"}'
    )


def test_the_token_statement_is_frozen_and_reads_back() -> None:
    statement = token_statement(
        person=PERSON,
        scopes={Permission.MATTER_READ, Permission.AUDIT_READ},
        nonce="bm9uY2Utbm9uY2U_-",
        issued_at=AT,
        expires_at=LATER,
    )
    assert statement == (
        b'{"expires_at":"2026-01-31T20:00:00.000Z","issued_at":"2026-01-31T08:00:00.123Z",'
        b'"nonce":"bm9uY2Utbm9uY2U_-","person":"per_01kfz3v0000000000000000000",'
        b'"scopes":["audit.read","matter.read"],"type":"disclosure-gateway/token/v1"}'
    )
    read = parse_token_statement(statement)
    assert (read.person_id, read.nonce, read.expires_at) == (PERSON, "bm9uY2Utbm9uY2U_-", LATER)
    assert read.scopes == {Permission.MATTER_READ, Permission.AUDIT_READ}
    assert read.issued_at == AT.replace(microsecond=123000)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "disclosure-gateway/enrolment/v1"},
        {"person": "per_short"},
        {"person": 7},
        {"scopes": []},
        {"scopes": "matter.read"},
        {"scopes": ["matter.everything"]},
        {"scopes": [["matter.read"]]},
        {"scopes": ["matter.read", "audit.read"]},
        {"scopes": ["matter.read", "matter.read"]},
        {"nonce": "short"},
        {"nonce": "n" * 65},
        {"nonce": "sixteen characters and a space"},
        {"nonce": 1},
        {"issued_at": "2026-01-31T08:00:00Z"},
        {"issued_at": "2026-01-31T08:00:00.1Z"},
        {"issued_at": 5},
        {"expires_at": "2026-02-31T08:00:00.000Z"},
        {"name": "x"},
    ],
)
def test_other_terms_are_malformed(changes: dict[str, Json]) -> None:
    parse_token_statement(canonical(terms()))
    with pytest.raises(StatementMalformed):
        parse_token_statement(canonical(terms(**changes)))


def test_other_bytes_are_malformed() -> None:
    missing = terms()
    del missing["nonce"]
    for statement in (b"", b"[]", b"\xff", canonical(missing), canonical(terms()) + b"\n", b"[" * 5000):
        with pytest.raises(StatementMalformed):
            parse_token_statement(statement)
    long = canonical(terms(scopes=["x" * 5000]))
    with pytest.raises(StatementMalformed, match="4096"):
        parse_token_statement(long)
