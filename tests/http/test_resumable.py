"""Resumable uploads: what arrived stays, exactly once, for one person, encrypted, and for a while."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from gateway.base.clock import SystemClock
from gateway.base.units import MIB
from gateway.intake import uploads
from gateway.intake.model import UploadBounds
from gateway.people.model import Role
from tests.support.office import API, CUSTOMERS, Office, problem_of, slug_of

LARGE = CUSTOMERS + b"Nordwind Antriebe GmbH;DE;Rostock;x;no;y;z;a\r\n" * 400_000
PARTIAL = "application/partial-upload"


@pytest.fixture(scope="module")
def matter(office: Office) -> str:
    return str(office.matter()["id"])


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PART_BYTES", MIB)


def begin(
    office: Office, matter: str, content: Any = b"", kind: str = "customer_list", **headers: str
) -> httpx.Response:
    named = {"Upload-Complete": "?0"} | {name.replace("_", "-"): text for name, text in headers.items()}
    return office["builder"].put(
        f"{API}/matters/{matter}/originals", params={"kind": kind}, content=content, headers=named
    )


def begun(office: Office, matter: str, **headers: str) -> str:
    answer = begin(office, matter, **headers)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def append(
    office: Office, at: str, offset: int, content: Any, *, last: bool = False, who: str = "builder", **headers: str
) -> httpx.Response:
    named = {"Upload-Offset": str(offset), "Upload-Complete": f"?{int(last)}", "Content-Type": PARTIAL}
    named |= {name.replace("_", "-"): text for name, text in headers.items()}
    return office[who].patch(at, content=content, headers=named)


def blobs(office: Office) -> set[str]:
    folder = office.world.gateway.settings.blobs_dir
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def digest(data: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_upload_in_three_requests_is_one_original(office: Office, matter: str) -> None:
    before = blobs(office)
    answer = begin(
        office,
        matter,
        LARGE[:100],
        Upload_Length=str(len(LARGE)),
        Repr_Digest=digest(LARGE),
        Content_Disposition="attachment; filename*=UTF-8''Kunden%20S%C3%BCd.csv",
    )
    assert answer.status_code == 201, answer.text
    at = answer.headers["location"]
    assert answer.headers["upload-offset"] == "100"
    assert f"max-size={256 * MIB}" in answer.headers["upload-limit"]
    second = append(office, at, 100, LARGE[100:3_000_000])
    assert (second.status_code, second.headers["upload-complete"]) == (204, "?0")
    size = office.world.gateway.log.size()
    last = append(office, at, 3_000_000, LARGE[3_000_000:], last=True)
    assert last.status_code == 201, last.text
    told = last.json()
    assert last.headers["upload-complete"] == "?1"
    assert last.headers["location"] == f"{API}/originals/{told['original']}"
    assert (told["sha256"], told["size_bytes"]) == (hashlib.sha256(LARGE).hexdigest(), len(LARGE))
    assert [one["type"] for one in office.entries()[size:]] == ["original.kept"]
    assert len(blobs(office) - before) == 1, "the parts are gone"
    shown = office["builder"].get(f"{API}/originals/{told['original']}").json()
    assert shown["file_name"] == "Kunden Süd.csv"
    with office.world.gateway.units.read() as session:
        stored = office.world.gateway.intake.get(told["original"]).object_id
        with office.world.gateway.vault.open(session, stored) as opened:
            assert opened.read() == LARGE


def test_whoever_missed_the_answer_finds_the_receipt(office: Office, matter: str) -> None:
    at = begun(office, matter)
    told = append(office, at, 0, CUSTOMERS, last=True).json()
    head = office["builder"].head(at)
    assert (head.status_code, head.headers["upload-complete"]) == (204, "?1")
    assert office["builder"].get(at).json()["receipt"] == told
    again = append(office, at, len(CUSTOMERS), b"", last=True)
    assert slug_of(again) == "completed-upload"


def test_a_broken_line_loses_nothing_that_arrived(office: Office, matter: str) -> None:
    at = begun(office, matter, Upload_Length=str(len(LARGE)))
    with socket.create_connection(("127.0.0.1", office.server.port), timeout=10) as raw:
        raw.sendall(_head(office, at, 0, len(LARGE)) + LARGE[:9_500_000])
        until(lambda: office["builder"].get(at).json()["received_bytes"] >= MIB)
    # To ask where to go on before the server has seen the line break would end what it still reads.
    until(lambda: office["builder"].get(at).json()["received_bytes"] == 9_500_000)
    head = office["builder"].head(at)
    offset = int(head.headers["upload-offset"])
    assert offset == 9_500_000
    assert head.headers["upload-length"] == str(len(LARGE))
    told = append(office, at, offset, LARGE[offset:], last=True).json()
    assert told["sha256"] == hashlib.sha256(LARGE).hexdigest()


def test_what_arrived_survives_a_restart_and_its_tidying(office: Office, matter: str) -> None:
    gateway = office.world.gateway
    at = begun(office, matter)
    assert append(office, at, 0, LARGE[:1_500_000]).status_code == 204
    with gateway.units.read() as session:
        assert gateway.vault.sweep(session, older_than_s=0) == 0
    assert office["builder"].head(at).headers["upload-offset"] == "1500000"
    told = append(office, at, 1_500_000, LARGE[1_500_000:], last=True).json()
    assert told["sha256"] == hashlib.sha256(LARGE).hexdigest()


def test_another_offset_is_refused_with_the_right_one(office: Office, matter: str) -> None:
    at = begun(office, matter)
    append(office, at, 0, CUSTOMERS)
    for offset in (0, len(CUSTOMERS) - 1, len(CUSTOMERS) + 1):
        answer = append(office, at, offset, b"x;y\r\n")
        assert slug_of(answer) == "mismatching-upload-offset"
        assert answer.headers["upload-offset"] == str(len(CUSTOMERS))
        assert problem_of(answer)["expected-offset"] == len(CUSTOMERS)
        assert problem_of(answer)["provided-offset"] == offset


def test_a_later_request_takes_over_from_one_that_hangs(office: Office, matter: str) -> None:
    at = begun(office, matter)
    with socket.create_connection(("127.0.0.1", office.server.port), timeout=10) as raw:
        raw.sendall(_head(office, at, 0, len(LARGE)) + LARGE[:9_500_000])
        until(lambda: office["builder"].get(at).json()["received_bytes"] >= MIB)
        began = time.monotonic()
        offset = int(office["builder"].head(at).headers["upload-offset"])
        assert time.monotonic() - began < 5
        assert b"/problems/upload-taken-over" in raw.recv(65536)
    assert append(office, at, offset, LARGE[offset:], last=True).status_code == 201


def test_two_who_send_the_same_part_do_not_both_write_it(office: Office, matter: str) -> None:
    at = begun(office, matter)
    answers: list[httpx.Response] = []

    def send() -> None:
        with office.client(office.token("builder")) as client:
            headers = {"Upload-Offset": "0", "Upload-Complete": "?0", "Content-Type": PARTIAL}
            answers.append(client.patch(at, content=LARGE, headers=headers))

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.status_code for one in answers} <= {204, 409}
    offset = int(office["builder"].head(at).headers["upload-offset"])
    assert append(office, at, offset, LARGE[offset:], last=True).json()["sha256"] == hashlib.sha256(LARGE).hexdigest()


def test_for_everybody_else_it_does_not_exist(office: Office, matter: str) -> None:
    office.world.enrol("another", {Role.ORIGINATOR})
    at = begun(office, matter)
    for method in ("GET", "HEAD", "DELETE"):
        assert office["another"].request(method, at).status_code == 404
    assert slug_of(append(office, at, 0, CUSTOMERS, who="another")) == "not-found"
    assert office["builder"].head(at).headers["upload-offset"] == "0"


@pytest.mark.parametrize("method", ["HEAD", "DELETE", "PATCH"])
def test_nobody_else_ends_a_request_that_is_sending(office: Office, matter: str, method: str) -> None:
    who = f"stranger-{method}"
    office.world.enrol(who, {Role.ORIGINATOR})
    at = begun(office, matter)
    with socket.create_connection(("127.0.0.1", office.server.port), timeout=10) as raw:
        raw.sendall(_head(office, at, 0, len(LARGE)) + LARGE[:9_500_000])
        until(lambda: office["builder"].get(at).json()["received_bytes"] >= MIB)
        headers = {"Upload-Offset": "0", "Upload-Complete": "?0", "Content-Type": PARTIAL}
        assert office[who].request(method, at, headers=headers).status_code == 404
        raw.sendall(LARGE[9_500_000:])
        until(lambda: office["builder"].get(at).json()["received_bytes"] == len(LARGE))
        assert raw.recv(65536).startswith(b"HTTP/1.1 20")


def test_a_cancelled_upload_leaves_nothing(office: Office, matter: str) -> None:
    before = blobs(office)
    at = begun(office, matter)
    append(office, at, 0, LARGE[:1_500_000])
    assert blobs(office) != before
    assert office["builder"].delete(at).status_code == 204
    assert blobs(office) == before
    assert office["builder"].head(at).status_code == 404


@pytest.mark.parametrize(
    ("content", "kind", "headers", "slug"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 5000, "customer_list", {}, "unsupported-format"),
        (b"\x89PNG", "customer_list", {}, "unsupported-format"),
        (CUSTOMERS, "customer_list", {"Repr_Digest": digest(b"other")}, "digest-mismatch"),
        (b"", "customer_list", {}, "empty-body"),
    ],
)
def test_what_cannot_become_an_original_is_refused_and_gone(
    office: Office, matter: str, content: bytes, kind: str, headers: dict[str, str], slug: str
) -> None:
    before = blobs(office)
    at = begun(office, matter, kind=kind, **headers)
    answer = append(office, at, 0, content, last=True)
    assert slug_of(answer) == slug
    assert blobs(office) == before
    assert office["builder"].head(at).status_code == 404


def test_lengths_have_to_agree(office: Office, matter: str) -> None:
    at = begun(office, matter, Upload_Length="100")
    assert slug_of(append(office, at, 0, CUSTOMERS, last=True)) == "inconsistent-upload-length"
    assert slug_of(append(office, at, 0, b"a;b\r\n", Upload_Length="7")) == "inconsistent-upload-length"
    assert slug_of(append(office, at, 0, iter([CUSTOMERS[:50]]), last=True)) == "inconsistent-upload-length"
    assert office["builder"].head(at).headers["upload-offset"] == "50"
    assert slug_of(append(office, at, 50, iter([CUSTOMERS]))) == "inconsistent-upload-length"
    assert office["builder"].head(at).status_code == 404, "past its length it is over"


@pytest.mark.parametrize(
    ("headers", "slug"),
    [
        ({"Upload_Offset": "x"}, "usage"),
        ({"Upload_Offset": "-1"}, "usage"),
        ({"Upload_Complete": "1"}, "usage"),
        ({"Content_Type": "text/csv"}, "wrong-content-type"),
        ({"Content_Digest": digest(CUSTOMERS)}, "wrong-content-type"),
    ],
)
def test_a_request_that_is_not_formed_as_the_draft_says_changes_nothing(
    office: Office, matter: str, headers: dict[str, Any], slug: str
) -> None:
    at = begun(office, matter)
    assert slug_of(append(office, at, 0, CUSTOMERS, **headers)) == slug
    assert office["builder"].head(at).headers["upload-offset"] == "0"


def test_the_same_key_begins_the_same_upload_once(office: Office, matter: str) -> None:
    first = begun(office, matter, Idempotency_Key="resume-1", Upload_Length=str(len(CUSTOMERS)))
    assert begun(office, matter, Idempotency_Key="resume-1", Upload_Length=str(len(CUSTOMERS))) == first
    assert slug_of(begin(office, matter, Idempotency_Key="resume-1", Upload_Length="7")) == "idempotency-key-reused"
    told = append(office, first, 0, CUSTOMERS, last=True).json()
    again = office["builder"].put(
        f"{API}/matters/{matter}/originals",
        params={"kind": "customer_list"},
        content=CUSTOMERS,
        headers={"Idempotency-Key": "resume-1"},
    )
    assert again.json() == told


def test_one_person_cannot_fill_the_disk(office: Office, matter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    service = office.world.gateway.uploads
    monkeypatch.setattr(service, "_bounds", UploadBounds(3600, 1000, 300 * MIB))
    begun(office, matter, Upload_Length=str(100 * MIB))
    answer = begin(office, matter, Upload_Length=str(250 * MIB))
    assert slug_of(answer) == "too-many-uploads"
    monkeypatch.setattr(service, "_bounds", UploadBounds(3600, 1, 1 << 40))
    assert slug_of(begin(office, matter, Upload_Length="10")) == "too-many-uploads"
    assert slug_of(begin(office, matter, Upload_Length=str(257 * MIB))) == "body-too-large"


def test_what_is_not_finished_in_time_is_forgotten(
    office: Office, matter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = blobs(office)
    at = begun(office, matter)
    append(office, at, 0, LARGE[:1_500_000])
    service = office.world.gateway.uploads

    class Tomorrow(SystemClock):
        def now(self) -> Any:
            return super().now() + timedelta(hours=25)

    monkeypatch.setattr(service, "_clock", Tomorrow())
    assert office["builder"].head(at).status_code == 404
    assert service.expire() >= 1
    assert blobs(office) <= before


def test_nothing_of_an_unfinished_upload_lies_in_clear(office: Office, matter: str) -> None:
    secret = b"Kupferbach Sonderantriebe"
    at = begun(office, matter, Content_Disposition="attachment; filename=Zwickauer-Kundenliste.csv")
    append(office, at, 0, CUSTOMERS + secret * 50_000)
    for path in office.world.folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert secret not in data, path
            assert b"Zwickauer" not in data, path


@pytest.fixture(autouse=True)
def no_leftovers(office: Office) -> Iterator[None]:
    """Unfinished uploads of one test must not count against another's bounds."""
    yield
    from sqlalchemy import select

    from gateway.intake.tables import UploadRow

    with office.world.gateway.units.read() as session:
        left = session.scalars(select(UploadRow.id).where(UploadRow.original.is_(None))).all()
    for one in left:
        office.world.gateway.uploads._forget(one)


def _head(office: Office, at: str, offset: int, size_bytes: int) -> bytes:
    token = office["builder"].headers["authorization"]
    return (
        f"PATCH {at} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Type: {PARTIAL}\r\n"
        f"Upload-Offset: {offset}\r\nUpload-Complete: ?1\r\nContent-Length: {size_bytes - offset}\r\n\r\n"
    ).encode()
