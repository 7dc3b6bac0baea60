"""Uploads through a server with a certificate of its own: the same promises as in the clear on loopback."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from gateway.base.units import MIB
from gateway.web.asgi import create_app, server_options
from tests.support.databases import Database
from tests.support.office import API, CUSTOMERS, Office, Server, matter_body
from tests.support.world import World

ROWS = b"Nordwind Antriebe GmbH;DE;Rostock;x;no;y;z;a\r\n"
CONTENT = CUSTOMERS + ROWS * (32 * MIB // len(ROWS))
BOUNDARY = "tls7MA4YWxkTrZu0gW"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("certificate")
    certificate, key = folder / "server.pem", folder / "server.key"
    command = "openssl req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def client(
    request: pytest.FixtureRequest,
    database: Database,
    certificate: tuple[Path, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[httpx.Client]:
    """One connection of the person who uploads, to a server that speaks TLS alone."""
    world = World.create(tmp_path_factory.mktemp("world"), database)
    settings = replace(world.gateway.settings, tls_certificate=certificate[0], tls_key=certificate[1])
    options = server_options(settings) | {"loop": request.param}
    trusting = ssl.create_default_context(cafile=certificate[0])
    with Server(create_app(world.gateway), options) as server:
        url = f"https://127.0.0.1:{server.port}"
        one_line = httpx.Limits(max_connections=1)
        with httpx.Client(base_url=url, verify=trusting, timeout=60, limits=one_line) as anybody:
            told = Office(world, server).token_request("builder")
            token = anybody.post(f"{API}/tokens", json=told).json()["token"]
            anybody.headers["Authorization"] = f"Bearer {token}"
            yield anybody


@pytest.fixture(scope="module")
def matter(client: httpx.Client) -> str:
    return str(client.post(f"{API}/matters", json=matter_body()).json()["id"])


def _check_kept(client: httpx.Client, answer: httpx.Response) -> None:
    assert answer.status_code == 201, answer.text
    assert answer.json()["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    shown = client.get(answer.headers["location"])
    assert shown.json()["size_bytes"] == len(CONTENT), "and the connection goes on"


def test_a_raw_body_arrives_whole(client: httpx.Client, matter: str) -> None:
    at = f"{API}/matters/{matter}/originals"
    _check_kept(client, client.put(at, params={"kind": "customer_list"}, content=CONTENT))


def test_a_form_arrives_whole(client: httpx.Client, matter: str) -> None:
    lead = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    head = f'{lead}"kind"\r\n\r\ncustomer_list\r\n{lead}"file"; filename="a.csv"\r\n\r\n'
    answer = client.post(
        f"{API}/matters/{matter}/originals",
        content=head.encode() + CONTENT + f"\r\n--{BOUNDARY}--\r\n".encode(),
        headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
    )
    _check_kept(client, answer)


def test_a_resumed_body_arrives_whole(client: httpx.Client, matter: str) -> None:
    begun = client.put(
        f"{API}/matters/{matter}/originals",
        params={"kind": "customer_list"},
        headers={"Upload-Complete": "?0", "Upload-Length": str(len(CONTENT))},
    )
    assert begun.status_code == 201, begun.text
    cut = 20 * MIB + 7
    for offset, end in ((0, cut), (cut, len(CONTENT))):
        answer = client.patch(
            begun.headers["location"],
            content=CONTENT[offset:end],
            headers={
                "Content-Type": "application/partial-upload",
                "Upload-Offset": str(offset),
                "Upload-Complete": "?1" if end == len(CONTENT) else "?0",
            },
        )
        assert answer.is_success, answer.text
    _check_kept(client, answer)
