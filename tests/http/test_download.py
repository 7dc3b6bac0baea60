"""Bytes out: under an opening, by range, closed whatever happens, and never longer than what is authentic."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import anyio
import httpx
import pytest

from gateway.base.units import MIB
from gateway.vault.service import Opened
from gateway.web import stream
from gateway.web.headers import Span, span_of
from gateway.web.problems import RangeRefused
from tests.support.office import API, CUSTOMERS, Office, problem_of, slug_of

BIG = b"Customer;Country\r\n" + b"Nordwind Antriebe GmbH;DE\r\n" * (5 * MIB // 27)


@pytest.fixture(scope="module")
def original(office: Office) -> str:
    return office.original(office.matter()["id"])


@pytest.fixture(scope="module")
def big(office: Office) -> str:
    return office.original(office.matter()["id"], BIG)


def content(office: Office, original: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return office["legal1"].get(f"{API}/originals/{original}/content", headers=named)


def test_all_bytes_and_headers_that_keep_browsers_out(office: Office, original: str) -> None:
    answer = content(office, original)
    assert (answer.status_code, answer.content) == (200, CUSTOMERS)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-length"] == str(len(CUSTOMERS))


@pytest.mark.parametrize(
    ("asked", "expected", "told"),
    [
        ("bytes=0-0", CUSTOMERS[:1], f"bytes 0-0/{len(CUSTOMERS)}"),
        ("bytes=5-9", CUSTOMERS[5:10], f"bytes 5-9/{len(CUSTOMERS)}"),
        ("bytes=10-", CUSTOMERS[10:], f"bytes 10-{len(CUSTOMERS) - 1}/{len(CUSTOMERS)}"),
        ("bytes=-7", CUSTOMERS[-7:], f"bytes {len(CUSTOMERS) - 7}-{len(CUSTOMERS) - 1}/{len(CUSTOMERS)}"),
        ("bytes=10-99999999", CUSTOMERS[10:], f"bytes 10-{len(CUSTOMERS) - 1}/{len(CUSTOMERS)}"),
    ],
)
def test_one_range(office: Office, original: str, asked: str, expected: bytes, told: str) -> None:
    answer = content(office, original, Range=asked)
    assert (answer.status_code, answer.content) == (206, expected)
    assert answer.headers["content-range"] == told


@pytest.mark.parametrize("asked", ["bytes=9999999-", "bytes=5-2", "bytes=0-1,3-4", "bytes=-0", "bytes=x", "bytes=-"])
def test_a_range_that_is_not_there(office: Office, original: str, asked: str) -> None:
    answer = content(office, original, Range=asked)
    assert answer.status_code == 416
    assert slug_of(answer) == "range-refused"
    assert answer.headers["content-range"] == f"bytes */{len(CUSTOMERS)}"


@pytest.mark.parametrize("headers", [{"Range": "rows=1-2"}, {"Range": "bytes=0-1", "If-Range": '"x"'}])
def test_a_range_that_is_not_meant(office: Office, original: str, headers: dict[str, str]) -> None:
    answer = office["legal1"].get(f"{API}/originals/{original}/content", headers=headers)
    assert (answer.status_code, answer.content) == (200, CUSTOMERS)


ETAG = '"obj_1"'


def test_spans_are_exact_at_every_edge() -> None:
    size = 10
    for first in range(12):
        for last in range(12):
            inside = first < size and first <= last
            if not inside:
                with pytest.raises(RangeRefused):
                    span_of(f"bytes={first}-{last}", None, size, ETAG)
                continue
            span = span_of(f"bytes={first}-{last}", None, size, ETAG)
            assert bytes(range(size))[span.offset : span.offset + span.length] == bytes(range(size))[first : last + 1]
    assert span_of("bytes=-99", None, size, ETAG) == Span(0, size, size, partial=True)


def test_looking_is_an_entry_before_the_first_byte_and_ranges_share_it(office: Office) -> None:
    original = office.original(office.matter()["id"])
    assert office["legal1"].get(f"{API}/me").status_code == 200
    size = office.world.gateway.log.size()
    for _ in range(3):
        assert content(office, original, Range="bytes=0-3").status_code == 206
    opened = office.entries()[size:]
    assert [(one["type"], one["actor"], one["subject"]) for one in opened] == [
        ("object.opened", office.world.actors["legal1"].person_id, original)
    ]
    office["builder"].get(f"{API}/originals/{original}/fields")
    assert office.entries()[-1]["actor"] == office.world.actors["builder"].person_id


def test_what_may_not_be_opened_has_its_entry_too(office: Office, original: str) -> None:
    auditor = office["auditor"]
    size = office.world.gateway.log.size()
    assert slug_of(auditor.get(f"{API}/originals/{original}/content")) == "not-permitted"
    (refused,) = office.entries()[size:]
    assert refused["type"] == "request.refused"
    assert refused["subject"] == original
    assert refused["facts"]["route"] == f"{API}/originals/{{original_id}}/content"


def test_file_names_and_labels_are_told_to_those_who_may_open(office: Office) -> None:
    matter = office.matter()["id"]
    original = (
        office["builder"]
        .put(
            f"{API}/matters/{matter}/originals",
            params={"kind": "customer_list"},
            content=CUSTOMERS,
            headers={"Content-Disposition": "attachment; filename=secret.csv"},
        )
        .json()["original"]
    )
    assert office["dispatcher"].get(f"{API}/originals/{original}").json()["file_name"] is None
    assert office["legal1"].get(f"{API}/originals/{original}").json()["file_name"] == "secret.csv"
    hidden = office["dispatcher"].get(f"{API}/originals/{original}/fields").json()["fields"]
    shown = office["legal1"].get(f"{API}/originals/{original}/fields").json()["fields"]
    assert {one["label"] for one in hidden} == {None}
    assert "Ampel intern" in {one["label"] for one in shown}


def test_damage_at_the_start_is_a_problem(office: Office) -> None:
    original = office.original(office.matter()["id"])
    _flip(office, original, 60)
    answer = content(office, original)
    assert answer.status_code == 422
    assert slug_of(answer) == "object-damaged"


def test_damage_further_on_cuts_the_download_short(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    original = office.original(office.matter()["id"], BIG)
    _flip(office, original, 4 * MIB)
    with pytest.raises(httpx.RemoteProtocolError):
        content(office, original)
    told = " ".join(one.getMessage() for one in caplog.records)
    assert "object-damaged" in told
    assert "Traceback" not in caplog.text


def test_a_listener_who_leaves_is_nothing_special(
    office: Office, big: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    closed: list[str] = []
    real = Opened.close

    def closing(self: Opened) -> None:
        closed.append(self.object_id)
        real(self)

    def slowly(self: Opened, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        for chunk in chunks(self, offset, length):
            time.sleep(0.05)
            yield chunk

    chunks = Opened.chunks
    monkeypatch.setattr(Opened, "close", closing)
    monkeypatch.setattr(Opened, "chunks", slowly)
    with socket.create_connection(("127.0.0.1", office.server.port), timeout=10) as raw:
        token = office["legal1"].headers["authorization"]
        raw.sendall(f"GET {API}/originals/{big}/content HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 200 ")
    deadline = time.monotonic() + 10
    while not closed:
        assert time.monotonic() < deadline, "the object stays open"
        time.sleep(0.02)
    assert [one for one in caplog.records if one.levelname in {"WARNING", "ERROR"}] == []


def test_a_download_ends_when_nobody_listens_and_closes_its_source() -> None:
    closed: list[bool] = []

    async def run() -> int:
        sent, leaving = 0, anyio.Event()

        async def receive() -> dict[str, str]:
            await leaving.wait()
            return {"type": "http.disconnect"}

        async def send(_message: Any) -> None:
            nonlocal sent
            sent += 1
            if sent > 5:
                leaving.set()

        with anyio.fail_after(10):
            endless = iter(lambda: b"x", b"")
            await stream.Download(endless, lambda: closed.append(True), media_type="text/csv")({}, receive, send)
        return sent

    assert anyio.run(run) > 5
    assert closed == [True]


def test_the_first_chunk_is_drawn_at_once() -> None:
    with pytest.raises(ZeroDivisionError):
        stream.peeked(bytes(1 // size) for size in (0, 1))
    assert list(stream.peeked(iter([b"a", b"b"]))) == [b"a", b"b"]
    assert list(stream.peeked(iter([]))) == []


def test_before_there_is_a_package_there_is_none(office: Office) -> None:
    matter: dict[str, Any] = office.matter()
    release = office["builder"].post(
        f"{API}/matters/{matter['id']}/releases",
        json={"recipient": matter["recipients"][0]["id"], "profile": "portal"},
    )
    answer = office["dispatcher"].get(f"{API}/releases/{release.json()['id']}/package")
    assert slug_of(answer) == "not-dispatched"
    assert problem_of(answer)["status"] == 409


def _flip(office: Office, original: str, place: int) -> None:
    gateway = office.world.gateway
    with gateway.units.read() as session:
        name = gateway.vault.object(session, gateway.intake.get(original).object_id).blob_name
    (path,) = [one for one in gateway.settings.blobs_dir.rglob(name) if one.is_file()]
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
