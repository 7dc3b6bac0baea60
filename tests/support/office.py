"""A whole gateway behind a real server on loopback, its people with tokens, and a worker in a thread."""

from __future__ import annotations

import base64
import functools
import json
import re
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import httpx
import uvicorn

from gateway.base.clock import SystemClock
from gateway.people.model import Permission, Role
from gateway.people.rules import permissions_of
from gateway.people.statements import token_statement
from gateway.web.asgi import create_app, server_options
from tests.support.databases import SQLITE, Database
from tests.support.world import World

API = "/api/v1"
HARMLESS = {
    "export_control": "ear99",
    "personal_data": "assessed",
    "third_party": "consented",
    "defence_nexus": "no",
}


class Server:
    """uvicorn on a free loopback port, in a thread."""

    def __init__(self, app: Any, options: Mapping[str, Any], listening: socket.socket | None = None) -> None:
        self.socket = listening or free_port()
        self.port = self.socket.getsockname()[1]
        self._server = uvicorn.Server(uvicorn.Config(app, **options))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self.socket]}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + 20
        while not self._server.started:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self.socket.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def free_port() -> socket.socket:
    """A socket on a free loopback port."""
    # Without the protocol asyncio leaves Nagle on, and every answer waits 40 ms for an acknowledgement.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.bind(("127.0.0.1", 0))
    return made


class Documented:
    """Looks over every answer: it is one that the interface's document promises for that operation."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._routes = [
            (method.upper(), _pattern(path), told["responses"])
            for path, operations in schema["paths"].items()
            for method, told in operations.items()
        ]

    def __call__(self, answer: httpx.Response) -> None:
        """Fail the test whose request got another answer."""
        path = answer.request.url.path.replace(f"{API}/healthz", "/healthz").replace(f"{API}/readyz", "/readyz")
        for method, pattern, promised in self._routes:
            if answer.request.method == method and pattern.fullmatch(path):
                told = promised.get(str(answer.status_code))
                assert told is not None, f"{method} {path}: {answer.status_code} is not documented"
                kind = answer.headers.get("content-type", "").partition(";")[0]
                if answer.status_code >= 400:
                    assert kind in told["content"], f"{method} {path}: {answer.status_code} as {kind}"
                return


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", lambda name: ".+" if name[1] == "path" else "[^/]+", re.escape(template)))


@dataclass
class Office:
    """The people of the world at their desks: each with a client that carries their own token."""

    world: World
    server: Server
    clients: dict[str, httpx.Client] = field(default_factory=dict)
    documented: Documented | None = None
    interface: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> httpx.Client:
        """The client of a person; of nobody under the name `nobody`."""
        if name not in self.clients:
            self.clients[name] = self.client(None if name == "nobody" else self.token(name))
        return self.clients[name]

    def client(self, token: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        looked_over: list[Callable[..., Any]] = [self.documented] if self.documented else []
        return httpx.Client(
            base_url=self.server.url,
            headers=headers,
            timeout=60,
            event_hooks={"response": looked_over},
            verify=_authorities(),
        )

    def token_request(self, name: str, scopes: frozenset[Permission] | None = None) -> dict[str, str]:
        now = SystemClock().now()
        actor = self.world.actors[name]
        statement = token_statement(
            person=actor.person_id,
            scopes=permissions_of(actor.roles) if scopes is None else scopes,
            nonce=secrets.token_urlsafe(16),
            issued_at=now,
            expires_at=now + timedelta(hours=1),
        )
        return {"statement": statement.decode(), "signature": self.sign(name, statement)}

    def token(self, name: str, scopes: frozenset[Permission] | None = None) -> str:
        with self.client() as anybody:
            answer = anybody.post(f"{API}/tokens", json=self.token_request(name, scopes))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    def sign(self, name: str, statement: bytes) -> str:
        return base64.b64encode(self.world.keys[name].sign(statement)).decode()

    def matter(self) -> dict[str, Any]:
        """A fresh matter."""
        answer = self["builder"].post(f"{API}/matters", json=matter_body())
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def original(self, matter: str, content: bytes | None = None, kind: str = "customer_list") -> str:
        """A fresh original in `matter`."""
        answer = self["builder"].put(
            f"{API}/matters/{matter}/originals", params={"kind": kind}, content=content or CUSTOMERS
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["original"])

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(leaf) for leaf in self.world.gateway.log.entries(0, self.world.gateway.log.size())]

    def close(self) -> None:
        for client in self.clients.values():
            client.close()


_INTERFACES: list[dict[str, Any]] = []


@functools.cache
def _authorities() -> ssl.SSLContext:
    """Read once: each client would read the system's certificates again."""
    return httpx.create_ssl_context()


@contextmanager
def open_office(folder: Path, database: Database = SQLITE, **more: Any) -> Iterator[Office]:
    """A world behind a running server, whose origin is `http://localhost` with the port it listens at."""
    listening = free_port()
    world = World.create(folder, database, origin=f"http://localhost:{listening.getsockname()[1]}", **more)
    app = create_app(world.gateway)
    # The interface is the same in every deployment, and takes a second to write down.
    app.openapi_schema = interface = _INTERFACES[0] if _INTERFACES else app.openapi()
    _INTERFACES[:] = [interface]
    with Server(app, server_options(world.gateway.settings), listening) as server:
        office = Office(world, server, documented=Documented(interface), interface=interface)
        yield office
        office.close()


def one_of_each(office: Office) -> Mapping[Role, str]:
    """Enrol one person for each role, with no other role; role to the name of their client."""
    for role in Role:
        office.world.enrol(f"only-{role.value}", {role})
    return {role: f"only-{role.value}" for role in Role}


def matter_body(**changes: Any) -> dict[str, Any]:
    return {
        "title": "Export licence NdFeB 2026/1",
        "authority": "cn-mofcom",
        "regime": "cn-dual-use",
        "purpose": "export_licence",
        "jurisdiction": "CN",
        "recipients": [
            {"name": "Ningbo Example Magnetics", "class": "supplier", "language": "zh"},
            {"name": "MOFCOM Bureau", "class": "authority", "language": "zh"},
        ],
        "items": [
            {"number": "item-7", "text": "Customers", "legal_basis": "published", "kinds": ["customer_list"]},
        ],
        **changes,
    }


CUSTOMERS = (
    b"Customer;Country;City;End user;End user of this licence;End-user address;E-Mail;Ampel intern\r\n"
    b"Nordwind Antriebe GmbH;DE;Rostock;Fahrwerk AG;yes;Ring 1, Ulm;einkauf@nordwind.example;gruen\r\n"
    b"Helios Motori SpA;IT;Modena;Kita Robotics;no;2-4 Kita;acquisti@helios.example;gelb\r\n"
)


def problem_of(answer: httpx.Response) -> dict[str, Any]:
    """The problem in an answer, with the shape that every one has."""
    assert answer.headers["content-type"] == "application/problem+json", (answer.status_code, answer.text)
    told: dict[str, Any] = answer.json()
    assert told["status"] == answer.status_code
    assert told["type"].startswith("/problems/")
    assert told["title"]
    assert told["detail"].endswith((".", "?"))
    return told


def slug_of(answer: httpx.Response) -> str:
    return str(problem_of(answer)["type"]).removeprefix("/problems/")
