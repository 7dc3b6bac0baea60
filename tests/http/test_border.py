"""The border: nothing escapes it, everything refused has its entry, nothing that is told tells too much."""

from __future__ import annotations

import logging
import socket
from typing import Any

import pytest

from gateway.base.problems import Problem
from gateway.db.failures import StorageFull
from gateway.matter.service import Matters
from gateway.web import bodies
from gateway.web.asgi import server_options
from gateway.web.problems import BodyMalformed
from tests.support.office import API, Office, matter_body, problem_of, slug_of

SECRET = "Zwickauer Sonderantriebe"


def test_a_defect_is_one_problem_without_details(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_given: Any) -> Any:
        raise LookupError(SECRET)

    builder, size = office["builder"], office.world.gateway.log.size()
    monkeypatch.setattr(Matters, "open", broken)
    answer = builder.post(f"{API}/matters", json=matter_body(title=SECRET))
    told = problem_of(answer)
    assert (answer.status_code, told["type"]) == (500, "/problems/unexpected")
    assert told["request"] == answer.headers["request-id"]
    assert SECRET not in answer.text
    assert "LookupError" not in answer.text
    lines = [one.getMessage() for one in caplog.records]
    assert any("LookupError" in line and told["request"] in line for line in lines)
    assert SECRET not in caplog.text
    assert "Traceback" not in caplog.text
    assert [one["facts"]["problem"] for one in office.entries()[size:]] == ["unexpected"]


def test_every_refused_write_of_a_known_person_has_one_entry(office: Office) -> None:
    for name in ("builder", "legal1", "dispatcher"):
        office[name].get(f"{API}/me")
    matter = "mat_" + "0" * 26
    size = office.world.gateway.log.size()
    answers = [
        office["builder"].post(f"{API}/matters", json={}),
        office["builder"].post(f"{API}/matters", content=b"{"),
        office["legal1"].post(f"{API}/matters", json=matter_body()),
        office["builder"].post(f"{API}/matters/{matter}/releases", json={"recipient": "x", "profile": "portal"}),
        office["legal1"].post(f"{API}/people", json={}),
        office["dispatcher"].post(
            f"{API}/people", json={"name": "A", "roles": ["legal", "auditor"], "public_key": "x"}
        ),
        office["builder"].delete(f"{API}/matters"),
    ]
    entries = office.entries()[size:]
    assert len(entries) == len(answers)
    for answer, entry in zip(answers, entries, strict=True):
        assert answer.status_code >= 400
        assert entry["facts"]["problem"] == slug_of(answer)
        assert problem_of(answer)["entry"] == size + entries.index(entry)
    assert entries[3]["facts"] == {
        "method": "POST",
        "route": f"{API}/matters/{{matter_id}}/releases",
        "problem": "no-such-matter",
    }
    assert entries[3]["subject"] == matter


def test_refusals_that_a_room_logged_are_not_logged_twice(office: Office) -> None:
    office["dispatcher"].get(f"{API}/me")
    size = office.world.gateway.log.size()
    key = office["dispatcher"].get(f"{API}/me").json()["person"]["public_key"]
    body = {"name": "A", "roles": ["legal", "auditor"], "public_key": key}
    answer = office["dispatcher"].post(f"{API}/people", json=body)
    assert slug_of(answer) == "roles-refused"
    assert [one["type"] for one in office.entries()[size:]] == ["person.refused"]


def test_refused_reads_leave_no_entry_and_nobody_fills_the_log(office: Office) -> None:
    office["builder"].get(f"{API}/me")
    size = office.world.gateway.log.size()
    assert office["builder"].get(f"{API}/matters?limit=0").status_code == 400
    assert office["builder"].get(f"{API}/nothing").status_code == 404
    assert office["nobody"].post(f"{API}/matters", json={}).status_code == 401
    assert office["nobody"].post(f"{API}/tokens", json={}).status_code == 400
    assert office.world.gateway.log.size() == size


def test_where_the_entry_cannot_be_written_that_is_the_answer(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    builder = office["builder"]

    def full(*_given: Any) -> Any:
        raise StorageFull("The database cannot be written; free disk space and try again.")

    monkeypatch.setattr(type(office.world.gateway.log), "refused", full)
    answer = builder.post(f"{API}/matters", json={})
    assert (answer.status_code, slug_of(answer)) == (507, "storage-full")


def test_logs_hold_templates_and_no_ids_names_or_values(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    matter = office.matter()["id"]
    office["builder"].get(f"{API}/matters/{matter}", params={"x": SECRET})
    office["builder"].post(f"{API}/matters", json=matter_body(title=SECRET, purpose=SECRET))
    office["builder"].put(
        f"{API}/matters/{matter}/originals",
        params={"kind": SECRET},
        content=b"a;b",
        headers={"Content-Disposition": "attachment; filename*=UTF-8''" + SECRET.replace(" ", "%20")},
    )
    # pytest listens to uvicorn's access log although it is off: nothing else hears it.
    assert server_options(office.world.gateway.settings)["access_log"] is False
    assert not logging.getLogger("uvicorn.access").propagate
    lines = [one.getMessage() for one in caplog.records if one.name.startswith(("gateway", "uvicorn.error"))]
    assert any(f"GET {API}/matters/{{matter_id}} 200" in line for line in lines)
    for line in lines:
        assert matter not in line
        assert SECRET not in line
        assert SECRET.split(maxsplit=1)[0] not in line


def test_every_answer_carries_the_headers(office: Office) -> None:
    for answer in (
        office["nobody"].get("/healthz"),
        office["nobody"].get(f"{API}/openapi.json"),
        office["nobody"].get(f"{API}/me"),
        office["builder"].get(f"{API}/matters"),
        office["builder"].get(f"{API}/nothing"),
        office["builder"].delete(f"{API}/matters"),
        office["builder"].post(f"{API}/matters", content=b"x" * 2_000_000),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["request-id"].startswith("req_")
        assert "server" not in answer.headers


def test_unknown_routes_and_methods_are_problems_too(office: Office) -> None:
    assert slug_of(office["builder"].get(f"{API}/nothing")) == "no-such-route"
    wrong = office["builder"].patch(f"{API}/matters/mat_{'0' * 26}")
    assert (wrong.status_code, slug_of(wrong)) == (405, "wrong-method")
    assert wrong.headers["allow"] == "GET"
    assert slug_of(office["builder"].get(f"{API}/matters/")) == "no-such-route"


@pytest.mark.parametrize(
    ("content", "headers", "slug"),
    [
        (b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}, "wrong-content-type"),
        (b"{}", {}, "wrong-content-type"),
        (b"{}", {"Content-Type": "text/json"}, "wrong-content-type"),
        (b"{}", {"Content-Type": "application/json", "Content-Encoding": "br"}, "wrong-content-type"),
        (b"[" * 5000, {"Content-Type": "application/json"}, "body-malformed"),
        (b"{" * 5000, {"Content-Type": "application/json"}, "body-malformed"),
        (b" " * bodies.LIMIT_BYTES + b"1", {"Content-Type": "application/json"}, "request-too-large"),
    ],
)
def test_bodies_are_bounded(office: Office, content: bytes, headers: dict[str, str], slug: str) -> None:
    assert slug_of(office["builder"].post(f"{API}/matters", content=content, headers=headers)) == slug


def test_a_chunked_body_has_the_same_bound(office: Office) -> None:
    answer = office["builder"].post(
        f"{API}/matters", content=iter([b" " * 65536] * 40), headers={"Content-Type": "application/json"}
    )
    assert slug_of(answer) == "request-too-large"


def test_a_body_is_not_read_for_nobody(office: Office) -> None:
    """Without a token the answer comes before the body does."""
    with socket.create_connection(("127.0.0.1", office.server.port), timeout=10) as raw:
        raw.sendall(
            f"POST {API}/matters HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
            "Content-Type: application/json\r\n\r\n".encode()
        )
        assert raw.recv(4096).startswith(b"HTTP/1.1 401 ")


def test_a_body_that_never_comes_is_given_up(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PATIENCE_S", 0.2)
    token = office["builder"].headers["authorization"]
    with socket.create_connection(("127.0.0.1", office.server.port), timeout=10) as raw:
        raw.sendall(
            f"POST {API}/matters HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nAuthorization: {token}\r\n"
            "Content-Type: application/json\r\n\r\n{".encode()
        )
        told = b""
        while chunk := raw.recv(65536):
            told += chunk
    assert b"/problems/upload-stalled" in told


@pytest.mark.parametrize("depth", [bodies.DEPTH_MAX, bodies.DEPTH_MAX + 1])
def test_the_depth_is_exact(depth: int) -> None:
    body = b"[" * (depth - 1) + b"1" + b"]" * (depth - 1)
    if depth <= bodies.DEPTH_MAX:
        bodies.parse(body)
    else:
        with pytest.raises(BodyMalformed):
            bodies.parse(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b"NaN",
        b'"\\u0000"',
        b'{"\\u0000":1}',
        b'"\\udc00"',
        b'{"\\ud83d":1}',
        b"\xef\xbb\xbf{}",
        b"1 2",
    ],
)
def test_json_is_read_in_one_way_only(body: bytes) -> None:
    with pytest.raises(BodyMalformed):
        bodies.parse(body)


def test_a_problem_cannot_replace_the_members_of_the_standard() -> None:
    from gateway.web.problems import body_of

    told = body_of(Problem("Sentence.", status=200, type="x", title="y", other=1))
    assert (told["status"], told["type"], told["title"], told["other"]) == (500, "/problems/problem", Problem.title, 1)


def test_the_process_answers_for_itself(office: Office) -> None:
    nobody = office["nobody"]
    assert nobody.get("/healthz").json()["status"] == "ok"
    assert nobody.get(f"{API}/readyz").json()["status"] == "ready"
    metrics = nobody.get("/metrics").text
    assert "gateway_requests_in_flight 1" in metrics
    assert 'gateway_requests_total{status="2xx"}' in metrics


def test_not_ready_says_what_is_in_the_way(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_self: Any) -> Any:
        raise StorageFull("The database cannot be written; free disk space and try again.")

    monkeypatch.setattr(type(office.world.gateway.log), "public_key", missing)
    assert slug_of(office["nobody"].get("/readyz")) == "storage-full"
