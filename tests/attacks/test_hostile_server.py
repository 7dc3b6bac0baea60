"""A client that was led to something else than a gateway: one sentence, and the token goes nowhere else."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from gateway.cli.audits import unpack_export
from gateway.cli.client import Client
from gateway.cli.line import AnswerUnreadable, NoAnswer, ServerProblem

CALLS: tuple[Callable[[Client], object], ...] = (
    lambda client: client.me(),
    lambda client: list(client.matters()),
    lambda client: client.open_matter({"title": "T"}),
    lambda client: client.upload("mat_1", "customer_list", Path(__file__)),
    lambda client: client.append("upl_1", 0, iter([b"x"]), length_bytes=1),
    lambda client: client.upload_offset("upl_1"),
)


def client_of(answer: Callable[[httpx.Request], httpx.Response]) -> Client:
    return Client("http://gateway.example", "token", patience_s=0, transport=httpx.MockTransport(answer))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>", b"[]", b"null", b"7", b'"x"', b"\xff\xfe", b"[" * 100_000,
        b'{"person": 7}', b'{"matters": 7}', b'{"matters": [7]}', b'{"hops": {"a": 1}}',
    ],
)  # fmt: skip
def test_what_is_no_answer_is_one_problem(body: bytes, call: Callable[[Client], object]) -> None:
    with client_of(lambda _request: httpx.Response(200, content=body)) as client, suppress(AnswerUnreadable):
        call(client)


@pytest.mark.parametrize("call", CALLS)
def test_a_broken_encoding_is_no_answer(call: Callable[[Client], object]) -> None:
    headers = {"Content-Encoding": "gzip"}

    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(b"no gzip"))

    with client_of(answer) as client, pytest.raises(NoAnswer):
        call(client)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_token_follows_no_redirect(status: int, call: Callable[[Client], object]) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(status, headers={"Location": "http://elsewhere.example/"})

    with client_of(answer) as client, pytest.raises(ServerProblem):
        call(client)
    assert {*asked} == {"gateway.example"}


def test_an_export_is_unpacked_into_its_folder_alone(tmp_path: Path) -> None:
    """A server that is none of ours names its members as it likes."""
    packed = tmp_path / "export.zip"
    told = {"export/entries.jsonl": b"1", "export/tile/0/x001/234.p/7": b"2"}
    strange = ["../a", "/a", "export/../../a", "export/..", "a", "export/", "export//a", "export/.a", "export/a\\..\\b"]
    with zipfile.ZipFile(packed, "w") as archive:
        for name in [*strange, *told]:
            archive.writestr(name, told.get(name, b"no"))
    with zipfile.ZipFile(packed) as archive:
        unpack_export(archive, tmp_path / "inside" / "out")
    found = {path for path in tmp_path.rglob("*") if path.is_file()} - {packed}
    out = tmp_path / "inside" / "out"
    assert {path.relative_to(out).as_posix(): path.read_bytes() for path in found} == {
        name.removeprefix("export/"): data for name, data in told.items()
    }


@pytest.mark.parametrize("after", ["\u00b2", "-1", "1e9", "9" * 400, "soon"])
def test_a_strange_pause_is_none(after: str) -> None:
    headers = [(b"Retry-After", after.encode("latin-1"))]
    with client_of(lambda _request: httpx.Response(503, headers=headers)) as client, pytest.raises(ServerProblem):
        client.me()
