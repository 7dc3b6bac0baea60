"""Forms: the same promises as raw uploads, whatever the parser is fed, and never a copy in clear."""

from __future__ import annotations

import base64
import hashlib
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Self

import httpx
import pytest

from gateway.base.problems import Problem
from gateway.base.units import MIB
from gateway.intake.service import Receiving
from gateway.web.multipart import Form
from tests.support.office import API, CUSTOMERS, Office, slug_of

BOUNDARY = "----gateway7MA4YWxkTrZu0gW"
KIND = b'Content-Disposition: form-data; name="kind"\r\n\r\ncustomer_list'
NAMED = (
    'Content-Disposition: form-data; name="file"; filename="Kunden Süd.csv"\r\nContent-Type: text/csv\r\n\r\n'.encode()
)
FILE = NAMED + CUSTOMERS


def form(*parts: bytes, end: str = "--\r\n") -> bytes:
    lead = f"--{BOUNDARY}".encode()
    return b"".join(lead + b"\r\n" + part + b"\r\n" for part in parts) + lead + end.encode()


@pytest.fixture(scope="module")
def matter(office: Office) -> str:
    return str(office.matter()["id"])


def post(office: Office, matter: str, content: bytes | Iterator[bytes], **headers: str) -> httpx.Response:
    named = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    named |= {name.replace("_", "-"): text for name, text in headers.items()}
    return office["builder"].post(f"{API}/matters/{matter}/originals", content=content, headers=named)


def blobs(office: Office) -> set[str]:
    folder = office.world.gateway.settings.blobs_dir
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_form_is_kept_like_a_raw_upload(office: Office, matter: str) -> None:
    answer = post(office, matter, form(KIND, FILE))
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert answer.headers["location"] == f"{API}/originals/{told['original']}"
    assert told["sha256"] == hashlib.sha256(CUSTOMERS).hexdigest()
    shown = office["builder"].get(f"{API}/originals/{told['original']}").json()
    assert (shown["kind"], shown["file_name"], shown["size_bytes"]) == (
        "customer_list",
        "Kunden Süd.csv",
        len(CUSTOMERS),
    )


def test_what_an_ordinary_client_sends_is_taken(office: Office, matter: str) -> None:
    answer = office["builder"].post(
        f"{API}/matters/{matter}/originals",
        data={"kind": "customer_list"},
        files={"file": ("客户.csv", CUSTOMERS, "text/csv")},
    )
    assert answer.status_code == 201, answer.text
    original = answer.json()["original"]
    assert office["builder"].get(f"{API}/originals/{original}").json()["file_name"] == "客户.csv"


def test_a_key_and_a_digest_hold_for_forms_too(office: Office, matter: str) -> None:
    digest = base64.b64encode(hashlib.sha256(CUSTOMERS).digest()).decode()
    announced = b"Content-Digest: sha-256=:%s:\r\n" % digest.encode()
    first = post(office, matter, form(KIND, announced + FILE), Idempotency_Key="form-1")
    again = post(office, matter, form(KIND, FILE), Idempotency_Key="form-1")
    assert (first.status_code, again.status_code) == (201, 201), first.text
    assert first.json() == again.json()
    assert slug_of(post(office, matter, form(KIND, announced + FILE + b"x;y\r\n"))) == "digest-mismatch"
    assert slug_of(post(office, matter, form(KIND, FILE), Content_Digest=f"sha-256=:{digest}:")) == "usage"


@pytest.mark.parametrize(
    ("content", "slug"),
    [
        (form(FILE, KIND), "form-refused"),
        (form(KIND), "form-refused"),
        (form(FILE), "form-refused"),
        (form(KIND, FILE, FILE), "form-refused"),
        (form(KIND, KIND, FILE), "form-refused"),
        (form(KIND, b'Content-Disposition: form-data; name="other"\r\n\r\nx', FILE), "form-refused"),
        (form(KIND, FILE, end=""), "form-refused"),
        (form(KIND, FILE)[:-6], "form-refused"),
        (form(KIND, FILE)[: len(form(KIND)) + 40], "form-refused"),
        (form(KIND, FILE).replace(b"--\r\n", b"--\r\n" + b"x" * 9 * MIB), "form-refused"),
        (form(KIND, FILE).replace(BOUNDARY.encode(), b"another"), "form-refused"),
        (form(KIND + b"x" * 100, FILE), "form-refused"),
        (form(KIND[:-13] + b"\xff", FILE), "form-refused"),
        (form(KIND, b"X: " + b"y" * 3000 + b"\r\n" + FILE), "form-refused"),
        (form(KIND, b"".join(b"X-%d: y\r\n" % n for n in range(9)) + FILE), "form-refused"),
        (form(KIND, b"Content-Type: text/csv\r\n" + FILE), "form-refused"),
        (form(KIND, b"Content-Transfer-Encoding: base64\r\n" + FILE), "form-refused"),
        (form(KIND, b"\r\nno headers"), "file-name-malformed"),
        (form(KIND, FILE.replace(b"Kunden S", b"../x")), "file-name-malformed"),
        (form(KIND, FILE.replace(b'name="file"', b'name="file"; name="kind"')), "file-name-malformed"),
        (form(KIND, NAMED), "empty-body"),
        (form(KIND[:-13] + b"no_such_kind", FILE), "unsupported-format"),
        (form(KIND, NAMED + b"\x89PNG\r\n\x1a\n" + b"\0" * 5000), "unsupported-format"),
        (b"", "form-refused"),
        (b"not a form at all", "form-refused"),
    ],
)
def test_a_form_that_is_not_one_kind_and_one_file_leaves_nothing(
    office: Office, matter: str, content: bytes, slug: str
) -> None:
    before = blobs(office)
    answer = post(office, matter, content)
    assert slug_of(answer) == slug, answer.text
    assert answer.status_code in {400, 422}
    assert blobs(office) == before


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/mixed; boundary=a", "application/json", "multipart/form-data; boundary="],
)
def test_only_forms_are_posted(office: Office, matter: str, content_type: str) -> None:
    assert slug_of(post(office, matter, form(KIND, FILE), Content_Type=content_type)) == "wrong-content-type"


def test_a_cut_form_leaves_no_trace(office: Office, matter: str) -> None:
    before = blobs(office)
    body = form(KIND, FILE + b"a;b\r\n" * 3_000_000)
    head = (
        f"POST {API}/matters/{matter}/originals HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {office['builder'].headers['authorization']}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", office.server.port), timeout=10) as raw:
        raw.sendall(head.encode() + body[: 9 * MIB])
        deadline = time.monotonic() + 10
        while blobs(office) == before:
            assert time.monotonic() < deadline
    while blobs(office) != before:
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Collector:
    """Stands where the vault's writer does, and shows what came."""

    def __init__(self) -> None:
        self.data = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None: ...

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        self.data += bytes(chunk)


def parsed(content: bytes, cuts: Callable[[int], int]) -> bytes:
    file = Collector()

    def open_file(_kind: str, _digest: str | None) -> Receiving:
        return file  # type: ignore[return-value]

    with Form(BOUNDARY.encode(), open_file) as one:
        at = 0
        while at < len(content):
            step = cuts(at)
            one.write(bytearray(content[at : at + step]))
            at += step
        one.finish()
    return file.data


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_cuts_the_file_comes_out_as_it_went_in(seed: int) -> None:
    """Also where it holds most of the boundary."""
    dice = random.Random(seed)
    lead = f"\r\n--{BOUNDARY}".encode()
    pieces = [lead[: dice.randrange(1, len(lead))], b"\r", b"\n", b"-", dice.randbytes(30)]
    data = b"".join(dice.choice(pieces) for _ in range(200))
    if lead in data:
        data = data.replace(lead, b"")
    assert parsed(form(KIND, NAMED + data), lambda _at: dice.randrange(1, 50)) == data
    assert parsed(form(KIND, NAMED + data), lambda _at: 1) == data


@pytest.mark.parametrize("seed", range(50))
def test_any_damage_is_refused_or_harmless(seed: int) -> None:
    dice = random.Random(seed)
    content = bytearray(form(KIND, FILE))
    for _ in range(3):
        content[dice.randrange(len(content))] = dice.randrange(256)
    del content[dice.randrange(len(content)) :][: dice.randrange(5)]
    with suppress(Problem):
        parsed(bytes(content), lambda _at: 64)
