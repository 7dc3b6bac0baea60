"""The client repeats a broken write under the same key, believes no digest it has not seen, and hands problems on."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import ssl
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from gateway.base.canon import parse_canonical
from gateway.base.problems import CheckFailed, Forbidden, Refused, Unavailable, Unprocessable, Usage
from gateway.cli.client import Client, NoAnswer, PackageDiffers, Release, RenditionUnfinished, ServerProblem
from gateway.cli.releases import fetch_package, seen
from gateway.people.statements import parse_token_statement
from gateway.seal.signature import SigningKey


def _client(answer: Callable[[httpx.Request], httpx.Response]) -> Client:
    return Client("http://gateway", "gwt_me", transport=httpx.MockTransport(answer))


def test_a_broken_write_is_repeated_under_the_same_key() -> None:
    keys = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) < 3:
            raise httpx.ReadError("cut")
        return httpx.Response(200, json={"id": "rel_1", "state": "in_review"})

    with _client(answer) as client:
        assert client.submit("rel_1").state == "in_review"
        client.submit("rel_1")
    assert keys[0] == keys[1] == keys[2] != keys[3]


def test_a_line_that_stays_broken_is_said() -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("cut")

    with _client(answer) as client, pytest.raises(NoAnswer):
        client.submit("rel_1")


@pytest.mark.parametrize(
    ("status", "slug", "family"),
    [
        (409, "separation-of-duties", Refused),
        (403, "not-permitted", Forbidden),
        (422, "unsupported-format", Unprocessable),
        (422, "digest-mismatch", CheckFailed),
        (503, "busy", Unavailable),
    ],
)
def test_what_the_server_refuses_keeps_its_sentence_and_family(status: int, slug: str, family: type) -> None:
    told = {"type": f"/problems/{slug}", "title": "T", "status": status, "detail": "Do this.", "role": "legal"}
    with _client(lambda _request: httpx.Response(status, json=told)) as client, pytest.raises(ServerProblem) as raised:
        client.matter("mat_1")
    assert (raised.value.detail, raised.value.told_slug, raised.value.family) == ("Do this.", slug, family)
    assert raised.value.members == {"role": "legal"}


def test_an_answer_that_is_no_problem_object_is_still_a_problem() -> None:
    with _client(lambda _request: httpx.Response(502, text="<html>")) as client, pytest.raises(ServerProblem):
        client.matter("mat_1")


def test_an_upload_announces_its_digest_and_hides_its_name_from_the_address(tmp_path: Path) -> None:
    requests = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append((request, request.read()))
        return httpx.Response(201, json={"original": "org_1", "audit_index": 7})

    path = tmp_path / "Kunden größter.csv"
    path.write_bytes(b"a;b\r\n" * 100_000)
    sent: list[int] = []
    with _client(answer) as client:
        assert client.upload("mat_1", "customer_list", path, progress=sent.append).audit_index == 7
    request, body = requests[0]
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert body == path.read_bytes()
    assert sum(sent) == len(body)
    assert request.headers["Content-Digest"] == f"sha-256=:{digest}:"
    assert "Kunden" not in str(request.url)
    assert "gr%C3%B6%C3%9Fter" in request.headers["Content-Disposition"]


def test_a_token_statement_is_what_the_server_parses_and_is_signed_by_the_person() -> None:
    key = SigningKey.generate()
    person = "per_01kag5v3q8m2s7d9x4e6b0cfhn"

    def answer(request: httpx.Request) -> httpx.Response:
        told = json.loads(request.read())
        statement = told["statement"].encode()
        key.public.verify(base64.b64decode(told["signature"]), statement)
        terms = parse_token_statement(statement)
        assert parse_canonical(statement)["person"] == terms.person_id == person
        return httpx.Response(201, json={"token": "gwt_x", "person": person, "scopes": ["matter.read"]})

    with _client(answer) as client:
        assert client.issue_token(key, person, ["matter.read"]).scopes == ("matter.read",)


def test_every_page_of_a_list_is_fetched() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        cursor = request.url.params.get("cursor")
        return httpx.Response(
            200, json={"people": [{"id": f"per_{cursor}", "roles": []}], "next_cursor": None if cursor else "next"}
        )

    with _client(answer) as client:
        assert [one.id for one in client.people()] == ["per_None", "per_next"]


def test_waiting_ends() -> None:
    told = {"id": "ren_1", "state": "rendering"}
    with (
        _client(lambda _request: httpx.Response(200, json=told)) as client,
        pytest.raises(RenditionUnfinished),
    ):
        client.wait("ren_1", timeout_s=0)


def test_bytes_that_are_not_the_rendition_are_not_reviewed() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/content"):
            return httpx.Response(200, content=b"other bytes")
        return httpx.Response(200, json={"id": "ren_1", "sha256": hashlib.sha256(b"bytes").hexdigest()})

    with _client(answer) as client, pytest.raises(PackageDiffers):
        seen(client, "ren_1")


def test_a_package_that_arrives_changed_is_not_kept(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"package").hexdigest()
    told = dict.fromkeys(Release.__dataclass_fields__) | {"id": "rel_1", "package_sha256": digest}
    release = Release(**told)  # type: ignore[arg-type]

    def sending(package: bytes) -> Callable[[httpx.Request], httpx.Response]:
        whole = httpx.Response(200, content=package)
        return lambda request: whole if request.url.path.endswith("/package") else httpx.Response(200, json=told)

    with _client(sending(b"pack@ge")) as client, pytest.raises(PackageDiffers):
        fetch_package(client, release, tmp_path / "p.zip")
    assert list(tmp_path.iterdir()) == []
    with _client(sending(b"package")) as client:
        fetch_package(client, release, tmp_path / "p.zip")
        client.package("rel_1", io.BytesIO())
    assert (tmp_path / "p.zip").read_bytes() == b"package"


def _once_then(status: int, headers: dict[str, str]) -> tuple[list[httpx.Request], Callable[..., httpx.Response]]:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        told = {"type": "/problems/busy", "title": "T", "status": status, "detail": "Later."}
        return httpx.Response(status, json=told, headers=headers) if len(seen) == 1 else httpx.Response(200, json={})

    return seen, answer


@pytest.mark.parametrize("status", [409, 429, 503])
def test_what_the_server_puts_off_is_sent_again_after_that_long(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("gateway.cli.line.time.sleep", slept.append)
    seen, answer = _once_then(status, {"Retry-After": "7"})
    with _client(answer) as client:
        client.submit("rel_1")
    assert slept == [7.0]
    assert len({one.headers["Idempotency-Key"] for one in seen}) == 1


@pytest.mark.parametrize(
    ("status", "headers"), [(503, {}), (409, {}), (503, {"Retry-After": "31"}), (400, {"Retry-After": "1"})]
)
def test_what_is_refused_or_put_off_for_too_long_is_told_at_once(status: int, headers: dict[str, str]) -> None:
    seen, answer = _once_then(status, headers)
    with _client(answer) as client, pytest.raises(ServerProblem):
        client.submit("rel_1")
    assert len(seen) == 1


def test_a_statement_for_a_token_is_sent_once() -> None:
    sent = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        raise httpx.ReadError("cut")

    with _client(answer) as client, pytest.raises(NoAnswer):
        client.issue_token(SigningKey.generate(), "per_1", ["matter.read"])
    assert len(sent) == 1
    assert "idempotency-key" not in sent[0].headers


def test_entries_are_cut_at_line_ends_alone() -> None:
    lines = [b'{"a":%d}' % number for number in range(60_000)]
    body = b"".join(line + b"\n" for line in lines)
    with _client(lambda _request: httpx.Response(200, content=body)) as client:
        assert list(client.entries()) == lines


def test_a_server_is_trusted_by_the_certificates_given(tmp_path: Path) -> None:
    """A real server with a certificate of its own: unknown to the system, known to whoever holds it."""
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    command = "openssl req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Healthy)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"https://127.0.0.1:{server.server_address[1]}"
    try:
        with Client(url, ca_file=certificate) as client:
            assert client.health().status == "ok"
        with Client(url) as stranger, pytest.raises(NoAnswer):
            stranger.health()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_certificates_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for name in ("missing.pem", "empty.pem"):
        with pytest.raises(Usage):
            Client("https://gateway", ca_file=tmp_path / name)


class _Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"status":"ok","version":"0"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""
