"""Same key and same request: same answer, carried out once, whatever comes between."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from gateway.base.problems import Unavailable
from gateway.web.idempotency import Idempotency
from tests.support.office import API, HARMLESS, Office, matter_body, slug_of


def opened(office: Office, key: str, **changes: Any) -> httpx.Response:
    return office["builder"].post(f"{API}/matters", json=matter_body(**changes), headers={"Idempotency-Key": key})


def matters(office: Office) -> int:
    return sum(one["type"] == "matter.opened" for one in office.entries())


def test_a_repetition_gets_the_same_answer(office: Office) -> None:
    before = matters(office)
    first = opened(office, "once")
    size = office.world.gateway.log.size()
    again = opened(office, "once")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert matters(office) == before + 1
    assert office.world.gateway.log.size() == size


def test_the_order_of_keys_and_blanks_make_no_other_request(office: Office) -> None:
    first = opened(office, "spelt")
    body = dict(reversed(matter_body().items()))
    again = office["builder"].post(f"{API}/matters", json=body, headers={"Idempotency-Key": "spelt"})
    assert again.json() == first.json()


def test_the_same_key_for_something_else_is_refused(office: Office) -> None:
    matter = opened(office, "twice").json()["id"]
    before = matters(office)
    other = opened(office, "twice", round=2)
    assert (other.status_code, slug_of(other)) == (422, "idempotency-key-reused")
    original = office.original(matter)
    elsewhere = office["builder"].put(
        f"{API}/originals/{original}/classification", json=HARMLESS, headers={"Idempotency-Key": "twice"}
    )
    assert slug_of(elsewhere) == "idempotency-key-reused"
    assert matters(office) == before


def test_keys_belong_to_their_person(office: Office) -> None:
    office.world.enrol("other-builder", {next(iter(office.world.actors["builder"].roles))})
    office.world.enrol("second-compliance", set(office.world.actors["builder"].roles))
    first = opened(office, "mine").json()["id"]
    other = office["second-compliance"].post(f"{API}/matters", json=matter_body(), headers={"Idempotency-Key": "mine"})
    assert other.status_code == 201
    assert other.json()["id"] != first


def test_a_refused_write_is_judged_anew(office: Office) -> None:
    matter = office.matter()
    original = office.original(matter["id"])
    release = (
        office["builder"]
        .post(
            f"{API}/matters/{matter['id']}/releases",
            json={"recipient": matter["recipients"][0]["id"], "profile": "portal"},
        )
        .json()["id"]
    )
    asking: dict[str, Any] = {"json": {"original": original}, "headers": {"Idempotency-Key": "later"}}
    url = f"{API}/releases/{release}/submit"
    early = office["builder"].post(url, headers={"Idempotency-Key": "submit"})
    assert slug_of(early) == "not-ready"
    assert office["builder"].post(f"{API}/releases/{release}/renditions", **asking).status_code == 202
    again = office["builder"].post(url, headers={"Idempotency-Key": "submit"})
    assert slug_of(again) == "not-ready"
    assert again.json()["detail"] != early.json()["detail"]


def test_what_was_done_before_a_crash_is_found_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer was never kept, as if the process had died right after the commit."""
    monkeypatch.setattr(Idempotency, "_keep", lambda *_given: None)
    first = opened(office, "crashed")
    monkeypatch.undo()
    before = matters(office)
    again = opened(office, "crashed")
    assert again.status_code == 201
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    assert matters(office) == before
    assert slug_of(opened(office, "crashed", round=9)) == "idempotency-key-reused"


def test_what_was_half_done_before_a_crash_is_done(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record's entry is not the one the act ends with: the first of two transactions alone was committed."""
    from gateway.matter.service import Matters

    gateway = office.world.gateway
    real = Matters.open

    def stopped(self: Matters, *given: Any) -> Any:
        from gateway.audit.model import Act

        gateway.log.refused(Act(type="matter.begun", actor=given[0].person_id))
        raise Unavailable("The process ended here.")

    monkeypatch.setattr(Matters, "open", stopped)
    assert opened(office, "half").status_code == 503
    monkeypatch.setattr(Matters, "open", real)
    before = matters(office)
    assert opened(office, "half").status_code == 201
    assert matters(office) == before + 1
    assert opened(office, "half").headers["idempotent-replayed"] == "true"


def test_record_and_act_commit_together_or_not_at_all(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_given: Any) -> None:
        raise Unavailable("The record cannot be written.")

    monkeypatch.setattr(Idempotency, "_ride", broken)
    before = matters(office)
    assert opened(office, "together").status_code == 503
    assert matters(office) == before


def test_two_at_once_are_carried_out_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.matter.service import Matters

    real, inside = Matters.open, threading.Semaphore(1)

    def slow(self: Matters, *given: Any) -> Any:
        assert inside.acquire(blocking=False), "carried out twice at once"
        time.sleep(0.3)
        try:
            return real(self, *given)
        finally:
            inside.release()

    monkeypatch.setattr(Matters, "open", slow)
    before = matters(office)
    opened(office, "warm-up")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _n: opened(office, "at-once"), range(4)))
    assert {one.status_code for one in answers} == {201}
    assert len({one.content for one in answers}) == 1
    assert matters(office) == before + 2


def test_a_repetition_does_not_wait_for_ever(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.matter.service import Matters
    from gateway.web import idempotency

    go = threading.Event()
    real = Matters.open

    def waiting(self: Matters, *given: Any) -> Any:
        assert go.wait(20)
        return real(self, *given)

    monkeypatch.setattr(idempotency, "PATIENCE_S", 0.2)
    monkeypatch.setattr(Matters, "open", waiting)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(opened, office, "slow")
        time.sleep(0.3)
        second = opened(office, "slow")
        assert (second.status_code, slug_of(second)) == (409, "still-running")
        assert second.headers["retry-after"] == "1"
        go.set()
        assert first.result().status_code == 201


def test_kept_answers_are_sealed_and_die_with_their_matter(office: Office) -> None:
    gateway = office.world.gateway
    told = opened(office, "sealed", title="Zwickau 4711").json()
    with gateway.units.read() as session:
        rows = session.execute(text("SELECT owner, answer, key FROM idempotency")).all()
    assert told["id"] in {row[0] for row in rows}
    assert all(row[2] != "sealed" for row in rows)
    assert not [row for row in rows if b"Zwickau" in (row[1] or b"")]


def test_a_long_answer_is_made_again_instead_of_kept(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.web import idempotency

    monkeypatch.setattr(idempotency, "ANSWER_BYTES_MAX", 100)
    first = opened(office, "long")
    with office.world.gateway.units.read() as session:
        kept = session.execute(text("SELECT count(*) FROM idempotency WHERE answer IS NULL")).scalar_one()
    assert kept >= 1
    again = opened(office, "long")
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"


def test_old_records_go(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    from gateway.web import idempotency

    opened(office, "old")
    monkeypatch.setattr(idempotency, "KEPT_FOR", timedelta(0))
    time.sleep(0.01)
    opened(office, "new")
    with office.world.gateway.units.read() as session:
        assert session.execute(text("SELECT count(*) FROM idempotency")).scalar_one() <= 1


def test_every_write_takes_a_key(office: Office) -> None:

    without = {
        operation["operationId"]
        for found in office.interface["paths"].values()
        for method, operation in found.items()
        if method not in {"get", "head"}
        and "idempotency-key" not in {one["name"].lower() for one in operation.get("parameters", [])}
    }
    once = {"issueToken", "exportLog", "appendUpload", "cancelUpload", "openSession", "endSession", "traceFile"}
    once |= {
        "invitePerson",
        "acceptInvitation",
        "registerInvited",
        "beginPasskey",
        "registerPasskey",
        "countersignPasskey",
        "revokePasskey",
        "beginSignIn",
        "signIn",
        "requestPasskeyApproval",
        "approveWithPasskey",
    }
    assert without == once, (
        "nonce or challenge work once; export and trace change only the log; bytes are taken once at their offset"
    )
