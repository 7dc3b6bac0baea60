"""Tokens, enrolment by a second signature, roles, retirement, over HTTP."""

from __future__ import annotations

import base64
from typing import Any

from gateway.people.model import Role
from gateway.seal.signature import SigningKey, to_text
from tests.support.office import API, Office, slug_of


def proposed(
    office: Office, name: str = "Wang Fang", roles: tuple[str, ...] = ("legal",)
) -> tuple[dict[str, Any], SigningKey]:
    key = SigningKey.generate()
    answer = office["dispatcher"].post(
        f"{API}/people", json={"name": name, "roles": list(roles), "public_key": to_text(key.public)}
    )
    assert answer.status_code == 201, answer.text
    return answer.json(), key


def test_a_person_is_enrolled_by_a_second_signature(office: Office) -> None:
    person, key = proposed(office)
    assert (person["state"], person["roles"]) == ("proposed", [])
    waiting = office["legal1"].get(f"{API}/role-proposals").json()["proposals"]
    assert person["id"] in {one["person"] for one in waiting}
    statement = office["legal1"].get(f"{API}/people/{person['id']}/enrolment").json()["statement"]
    url = f"{API}/people/{person['id']}/countersignatures"
    own = office["dispatcher"].post(url, json={"signature": office.sign("dispatcher", statement.encode())})
    assert slug_of(own) == "second-person-needed"
    wrong = office["legal1"].post(url, json={"signature": base64.b64encode(key.sign(b"x")).decode()})
    assert slug_of(wrong) == "signature-refused"
    assert slug_of(office["legal1"].post(url, json={"signature": "%%%"})) == "not-base64"
    enrolled = office["legal1"].post(url, json={"signature": office.sign("legal1", statement.encode())})
    assert enrolled.status_code == 201, enrolled.text
    assert (enrolled.json()["state"], enrolled.json()["roles"]) == ("active", ["legal"])
    assert office["legal1"].get(f"{API}/people/{person['id']}").json() == enrolled.json()


def test_roles_are_proposed_granted_and_removed(office: Office) -> None:
    office.world.enrol("growing", {Role.LEGAL})
    person = office.world.actors["growing"].person_id
    asked = office["dispatcher"].post(f"{API}/people/{person}/role-proposals", json={"roles": ["privacy"]})
    assert asked.status_code == 201, asked.text
    proposal = asked.json()
    granted = office["legal1"].post(
        f"{API}/role-proposals/{proposal['id']}/countersignatures",
        json={"signature": office.sign("legal1", proposal["statement"].encode())},
    )
    assert granted.status_code == 201, granted.text
    assert granted.json()["roles"] == ["legal", "privacy"]
    removed = office["dispatcher"].post(f"{API}/people/{person}/role-removals", json={"roles": ["legal"]})
    assert removed.json()["roles"] == ["privacy"]


def test_a_retired_person_is_out_at_once(office: Office) -> None:
    office.world.enrol("leaving", {Role.LEGAL})
    assert office["leaving"].get(f"{API}/me").status_code == 200
    gone = office["dispatcher"].post(f"{API}/people/{office.world.actors['leaving'].person_id}/retirement")
    assert gone.json()["state"] == "retired"
    assert slug_of(office["leaving"].get(f"{API}/me")) == "token-not-valid"


def test_tokens_are_given_once_and_ended_at_will(office: Office) -> None:
    office.world.enrol("careful", {Role.LEGAL})
    request = office.token_request("careful")
    first = office["nobody"].post(f"{API}/tokens", json=request)
    assert first.status_code == 201
    assert slug_of(office["nobody"].post(f"{API}/tokens", json=request)) == "token-replayed"
    forged = {**office.token_request("careful"), "signature": request["signature"]}
    refused = office["nobody"].post(f"{API}/tokens", json=forged)
    assert (refused.status_code, slug_of(refused)) == (401, "signature-refused")
    with office.client(first.json()["token"]) as client:
        me = client.get(f"{API}/me").json()
        assert me["person"]["id"] == office.world.actors["careful"].person_id
        assert "rendition.review" in me["scopes"]
        assert client.post(f"{API}/people/{me['person']['id']}/token-revocations").json()["revoked"] == 1
        assert slug_of(client.get(f"{API}/me")) == "token-not-valid"
