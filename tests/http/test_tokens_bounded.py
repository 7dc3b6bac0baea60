"""Asking for tokens: whoever has no key can neither fill the log nor keep somebody else from working."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.base.canon import canonical
from gateway.base.ids import new_id
from gateway.people import limits
from gateway.people.model import Role
from gateway.seal.signature import SigningKey
from tests.support.office import API, Office, open_office, problem_of, slug_of


@pytest.fixture
def own(tmp_path: Path) -> Any:
    """An office of one test, its buckets full."""
    with open_office(tmp_path) as office:
        yield office


def forged(office: Office, name: str) -> dict[str, str]:
    """A fresh statement of this person, signed by somebody else."""
    told = office.token_request(name)
    office.world.keys["forger"] = office.world.keys.get("forger") or SigningKey.generate()
    return {**told, "signature": office.sign("forger", told["statement"].encode())}


def asked(office: Office, body: dict[str, str]) -> httpx.Response:
    return office["nobody"].post(f"{API}/tokens", json=body)


def refusals(office: Office) -> list[dict[str, Any]]:
    return [one["facts"] for one in office.entries() if one["type"] == "token.refused"]


def test_forged_requests_have_entries_up_to_a_bound_and_are_counted_after_it(own: Office) -> None:
    answers = [asked(own, forged(own, "legal1")) for _ in range(limits.REFUSALS_EACH + 7)]
    assert [one.status_code for one in answers] == [401] * limits.REFUSALS_EACH + [429] * 7
    assert slug_of(answers[-1]) == "too-many-requests"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= limits.REFUSALS_EACH_REFILL_S
    assert problem_of(answers[-1])["retry_after_s"] == int(answers[-1].headers["retry-after"])
    assert len(refusals(own)) == limits.REFUSALS_EACH
    assert asked(own, own.token_request("legal1")).status_code == 201, "the person themselves is not kept out"
    assert refusals(own)[-1] == {"problem": "too-many-requests", "unlogged": 7}
    assert len(refusals(own)) == limits.REFUSALS_EACH + 1


def test_the_next_entry_tells_how_many_had_none(own: Office) -> None:
    for _ in range(limits.REFUSALS_EACH + 3):
        asked(own, forged(own, "legal1"))
    asked(own, forged(own, "legal2"))
    assert refusals(own)[-1] == {"problem": "signature-refused", "unlogged": 3}


def test_made_up_people_share_one_bucket(own: Office) -> None:
    def made_up() -> dict[str, str]:
        told = own.token_request("legal1")
        terms = {**json.loads(told["statement"]), "person": new_id("per")}
        return {**told, "statement": canonical(terms).decode()}

    size = own.world.gateway.log.size()
    answers = [asked(own, made_up()).status_code for _ in range(limits.REFUSALS_EACH + 20)]
    assert answers.count(401) == limits.REFUSALS_EACH
    assert own.world.gateway.log.size() == size + limits.REFUSALS_EACH
    assert asked(own, forged(own, "legal1")).status_code == 401, "known people have their own"


def test_all_together_have_one_bound(own: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"somebody-{number}" for number in range(limits.REFUSALS_ALL // limits.REFUSALS_EACH + 1)]
    for name in names:
        own.world.enrol(name, {Role.LEGAL})
    for name in names:
        for _ in range(limits.REFUSALS_EACH):
            asked(own, forged(own, name))
    assert limits.REFUSALS_ALL <= len(refusals(own)) <= limits.REFUSALS_ALL + 5, "a few seconds refill a few"


def test_tokens_of_one_person_are_bounded_and_nobody_elses(own: Office) -> None:
    answers = [asked(own, own.token_request("builder")).status_code for _ in range(limits.TOKENS_EACH + 30)]
    given = answers.count(201)
    assert limits.TOKENS_EACH <= given < limits.TOKENS_EACH + 30
    assert set(answers) == {201, 429}
    assert asked(own, own.token_request("legal1")).status_code == 201


def test_what_had_no_entry_is_told_before_the_process_ends(tmp_path: Path) -> None:
    with open_office(tmp_path) as office:
        for _ in range(limits.REFUSALS_EACH + 4):
            asked(office, forged(office, "legal1"))
    assert refusals(office)[-1] == {"problem": "too-many-requests", "unlogged": 4}
