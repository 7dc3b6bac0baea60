"""Uploads: bounded, checked, repeatable, and without a trace where they do not end well."""

from __future__ import annotations

import base64
import gzip
import hashlib
import socket
import threading
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio.to_thread
import httpx
import pytest

from gateway.base.units import MIB
from gateway.web import stream
from gateway.web.lane import Lane
from gateway.web.protocol import Protocol
from tests.support.office import API, CUSTOMERS, Office, problem_of, slug_of


@pytest.fixture(scope="module")
def matter(office: Office) -> str:
    return str(office.matter()["id"])


def put(office: Office, matter: str, content: Any, kind: str = "customer_list", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return office["builder"].put(
        f"{API}/matters/{matter}/originals", params={"kind": kind}, content=content, headers=named
    )


def blobs(office: Office) -> set[str]:
    folder = office.world.gateway.settings.blobs_dir
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def digest(data: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


def large(mebibytes: int) -> Iterator[bytes]:
    yield b"Customer;Country\r\n"
    row = b"Nordwind Antriebe GmbH;DE\r\n" * 2500
    for _ in range(mebibytes * MIB // len(row)):
        yield row


def test_a_digest_that_fits_is_accepted_and_one_that_does_not_leaves_nothing(office: Office, matter: str) -> None:
    assert put(office, matter, CUSTOMERS, Content_Digest=digest(CUSTOMERS)).status_code == 201
    before, size = blobs(office), office.world.gateway.log.size()
    answer = put(office, matter, CUSTOMERS, Content_Digest=digest(b"other"))
    assert slug_of(answer) == "digest-mismatch"
    assert blobs(office) == before
    refused = office.entries()[size:]
    assert [(one["type"], one["facts"]["problem"]) for one in refused] == [("request.refused", "digest-mismatch")]


@pytest.mark.parametrize(
    ("content", "kind", "headers", "slug"),
    [
        (b"", "customer_list", {}, "empty-body"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 5000, "customer_list", {}, "unsupported-format"),
        (b"%PDF-1.7\n" + b"\0" * 5000, "production_photo", {}, "unsupported-format"),
        (CUSTOMERS, "no_such_kind", {}, "unsupported-format"),
        (CUSTOMERS, "customer_list", {"Content_Digest": "sha-256=x"}, "usage"),
        (CUSTOMERS, "customer_list", {"Content_Digest": "md5=:AAAA:"}, "usage"),
        (CUSTOMERS, "customer_list", {"Content_Type": "multipart/form-data; boundary=a"}, "wrong-content-type"),
        (gzip.compress(CUSTOMERS), "customer_list", {"Content_Encoding": "gzip"}, "wrong-content-type"),
        (CUSTOMERS, "customer_list", {"Content_Disposition": "attachment; filename=../x.csv"}, "file-name-malformed"),
        (
            CUSTOMERS,
            "customer_list",
            {"Content_Disposition": "attachment; filename*=UTF-8''a%2Fb"},
            "file-name-malformed",
        ),
        (
            CUSTOMERS,
            "customer_list",
            {"Content_Disposition": "attachment; filename*=UTF-8''%5C%5Ca"},
            "file-name-malformed",
        ),
        (
            CUSTOMERS,
            "customer_list",
            {"Content_Disposition": "attachment; filename*=UTF-8''a%00b"},
            "file-name-malformed",
        ),
        (
            CUSTOMERS,
            "customer_list",
            {"Content_Disposition": "attachment; filename*=UTF-8''%ff"},
            "file-name-malformed",
        ),
        (CUSTOMERS, "customer_list", {"Content_Disposition": "attachment; filename*=latin1''a"}, "file-name-malformed"),
        (
            CUSTOMERS,
            "customer_list",
            {"Content_Disposition": "attachment; filename*=UTF-8''a%E2%80%AEb"},
            "unsafe-text",
        ),
        (CUSTOMERS, "customer_list", {"Idempotency_Key": "a b"}, "idempotency-key-malformed"),
    ],
)
def test_what_cannot_be_taken_gets_one_sentence_and_leaves_nothing(
    office: Office, matter: str, content: bytes, kind: str, headers: dict[str, str], slug: str
) -> None:
    before = blobs(office)
    answer = put(office, matter, content, kind, **headers)
    assert slug_of(answer) == slug, answer.text
    assert blobs(office) == before


def test_no_name_is_fine_and_names_keep_their_letters(office: Office, matter: str) -> None:
    nameless = put(office, matter, CUSTOMERS).json()["original"]
    assert office["builder"].get(f"{API}/originals/{nameless}").json()["file_name"] is None
    for sent, kept in (
        ("attachment; filename*=UTF-8''%E5%AE%A2%E6%88%B7.csv; filename=\"x.csv\"", "客户.csv"),
        ('attachment; filename="list \\"A\\".csv"', 'list "A".csv'),
        ("attachment; filename=list.csv", "list.csv"),
    ):
        original = put(office, matter, CUSTOMERS, Content_Disposition=sent).json()["original"]
        assert office["builder"].get(f"{API}/originals/{original}").json()["file_name"] == kept


def test_an_upload_past_its_bound_is_refused_while_it_streams(
    office: Office, matter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.intake import rules

    def small(received_bytes: int, limit_bytes: int) -> None:
        real(received_bytes, min(limit_bytes, 3 * MIB))

    real = rules.check_size
    monkeypatch.setattr(rules, "check_size", small)
    before = blobs(office)
    answer = put(office, matter, large(6))
    assert slug_of(answer) == "body-too-large"
    assert problem_of(answer)["limit_bytes"] == 3 * MIB
    assert blobs(office) == before


def test_a_refused_matter_is_told_before_the_bytes_are_sent(office: Office) -> None:
    """With `Expect: 100-continue` the sender keeps its bytes: the refusal comes without a `100 Continue`."""
    with socket.create_connection(("127.0.0.1", office.server.port), timeout=10) as raw:
        raw.sendall(_head(office, "mat_" + "0" * 26, 50_000_000, "Expect: 100-continue\r\n"))
        assert raw.recv(4096).startswith(b"HTTP/1.1 404 ")


def test_the_same_key_gives_the_same_receipt_and_keeps_the_bytes_once(office: Office, matter: str) -> None:
    first = put(office, matter, CUSTOMERS, Idempotency_Key="upload-1")
    before, size = blobs(office), office.world.gateway.log.size()
    again = put(office, matter, CUSTOMERS, Idempotency_Key="upload-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert blobs(office) == before
    assert office.world.gateway.log.size() == size
    other = put(office, matter, CUSTOMERS + b"x;y\r\n", Idempotency_Key="upload-1")
    assert slug_of(other) == "idempotency-key-reused"
    assert blobs(office) == before


def test_a_cut_connection_leaves_no_trace(office: Office, matter: str, caplog: pytest.LogCaptureFixture) -> None:
    before, size = blobs(office), office.world.gateway.log.size()
    raw = socket.create_connection(("127.0.0.1", office.server.port), timeout=10)
    raw.sendall(_head(office, matter, 4 * MIB) + CUSTOMERS + b"a;b\r\n" * 300_000)
    _await(lambda: blobs(office) != before)
    raw.close()
    _await(lambda: blobs(office) == before)
    assert office.world.gateway.log.size() == size
    assert [one for one in caplog.records if one.levelname in {"WARNING", "ERROR"}] == []


def test_a_silent_sender_is_given_up(office: Office, matter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "IDLE_S", 0.3)
    monkeypatch.setattr(stream, "DRAIN_S", 0.1)
    before = blobs(office)
    with socket.create_connection(("127.0.0.1", office.server.port), timeout=10) as raw:
        raw.sendall(_head(office, matter, 4 * MIB) + CUSTOMERS)
        answer = b""
        while chunk := raw.recv(65536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"/problems/upload-stalled" in answer
    assert blobs(office) == before


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_sender_that_trickles_is_given_up(
    office: Office, matter: str, monkeypatch: pytest.MonkeyPatch, framing: str
) -> None:
    """A byte now and then holds no place: what counts is how much comes in a while."""
    monkeypatch.setattr(stream, "IDLE_S", 0.5)
    monkeypatch.setattr(stream, "DRAIN_S", 0.1)
    before = blobs(office)
    head, row = _head(office, matter, 4 * MIB), b"a;b\r\n"
    if framing == "chunked":
        head, row = head.replace(b"Content-Length: 4194304", b"Transfer-Encoding: chunked"), b"5\r\na;b\r\n\r\n"
    with socket.create_connection(("127.0.0.1", office.server.port), timeout=0.05) as raw:
        raw.sendall(head)
        answer, deadline = b"", time.monotonic() + 10
        while not answer:
            assert time.monotonic() < deadline, "still waited for"
            raw.sendall(row)
            with suppress(TimeoutError):
                answer = raw.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"/problems/upload-stalled" in answer
    _await(lambda: blobs(office) == before)


def test_a_slow_sender_that_keeps_the_pace_is_waited_for(
    office: Office, matter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "IDLE_S", 1.0)
    monkeypatch.setattr(stream, "IDLE_BYTES", 10)

    def rows() -> Iterator[bytes]:
        yield CUSTOMERS
        for _ in range(8):
            time.sleep(0.3)
            yield b"a;b;c;d;e;f;g;h\r\n"

    answer = put(office, matter, rows())
    assert answer.status_code == 201, answer.text


def test_what_waits_for_encryption_is_bounded_whatever_the_size(
    office: Office, matter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every batch is small, and the next is not received before the last was written."""
    from gateway.intake.service import Receiving

    sizes: list[int] = []
    writing = threading.Lock()
    real = Receiving.write

    def watched(self: Receiving, chunk: bytes | memoryview) -> None:
        assert writing.acquire(blocking=False), "two batches at once"
        sizes.append(len(chunk))
        real(self, chunk)
        writing.release()

    monkeypatch.setattr(Receiving, "write", watched)
    assert put(office, matter, large(24)).status_code == 201
    assert sum(sizes) > 20 * MIB
    assert max(sizes) < stream.BATCH_BYTES + MIB // 4


def test_an_upload_that_waits_is_not_read_ahead(office: Office, matter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sender is held back by TCP, and it costs the server what came along with its head: here nothing."""
    waits, goes, read = threading.Event(), threading.Event(), []

    @asynccontextmanager
    async def slot(_lane: Lane) -> AsyncIterator[None]:
        waits.set()
        await anyio.to_thread.run_sync(goes.wait)
        yield

    def counted(self: Protocol, body: bytes) -> None:
        read.append(len(body))
        on_body(self, body)

    on_body = Protocol.on_body
    monkeypatch.setattr(Lane, "slot", slot)
    monkeypatch.setattr(Protocol, "on_body", counted)
    content = CUSTOMERS + b"a;b\r\n" * 100_000
    with socket.create_connection(("127.0.0.1", office.server.port), timeout=10) as raw:
        raw.sendall(_head(office, matter, len(content)))
        assert waits.wait(10)
        sending = threading.Thread(target=raw.sendall, args=(content,))
        sending.start()
        time.sleep(0.2)
        assert read == []
        goes.set()
        assert raw.recv(65536).startswith(b"HTTP/1.1 201 ")
        sending.join()


def test_a_connection_that_stays_open_holds_nothing_of_what_it_sent(
    office: Office, matter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Batch(bytearray):
        """One that can be watched."""

    batches: list[weakref.ref[Batch]] = []

    def made(size_bytes: int = 0) -> Batch:
        batch = Batch(size_bytes)
        batches.append(weakref.ref(batch))
        return batch

    monkeypatch.setattr(stream, "bytearray", made, raising=False)
    content = CUSTOMERS + b"a;b\r\n" * 500_000
    with socket.create_connection(("127.0.0.1", office.server.port), timeout=10) as raw:
        raw.sendall(_head(office, matter, len(content)) + content)
        assert raw.recv(65536).startswith(b"HTTP/1.1 201 ")
        assert batches
        _await(lambda: all(one() is None for one in batches), latest_s=3)  # it is closed after ten


def test_nothing_of_an_upload_lies_in_clear(office: Office, matter: str) -> None:
    secret = b"Kupferbach Sonderantriebe"
    content = CUSTOMERS + secret + b";DE;Ulm;x;no;y;z;a\r\n"
    answer = put(office, matter, content, Content_Disposition="attachment; filename=Zwickauer-Kundenliste.csv")
    assert answer.status_code == 201
    for path in office.world.folder.rglob("*"):
        if path.is_file():
            data = Path(path).read_bytes()
            assert secret not in data, path
            assert b"Zwickauer" not in data, path


def _head(office: Office, matter: str, size_bytes: int, more: str = "") -> bytes:
    token = office["builder"].headers["authorization"]
    return (
        f"PUT {API}/matters/{matter}/originals?kind=customer_list HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {token}\r\nContent-Length: {size_bytes}\r\n{more}\r\n"
    ).encode()


def _await(holds: Any, latest_s: float = 10) -> None:
    deadline = time.monotonic() + latest_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
