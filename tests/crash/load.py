"""People at work on a server that keeps dying: each carries on, over HTTP, from wherever things stand.

Everything the server answered is written down as acknowledged. A write that got no answer is repeated under its own
Idempotency-Key until it gets one, so that at the end everything was carried out exactly once.
"""

from __future__ import annotations

import base64
import hashlib
import random
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from gateway.base.clock import SystemClock
from gateway.people.rules import permissions_of
from gateway.people.statements import token_statement
from tests.support.world import World

API = "/api/v1"
# Stands in every row of every original and in nothing that is released.
SECRET = b"Geheimkunde7f3a9"
_HARMLESS = {
    "export_control": "ear99",
    "personal_data": "assessed",
    "third_party": "consented",
    "defence_nexus": "no",
}
_HEADER = "Customer,Country,End user,Licensed,End use category,Volume (kg),E-Mail,Since"
_ENOUGH_OPEN = 3
# What a client is to repeat by itself, and is told when.
_PASSING = frozenset({"/problems/database-gone", "/problems/busy"})


class NoAnswer(Exception):
    """The server died, or has not come back yet."""


@dataclass
class Original:
    """One upload, from the first try to its classification."""

    key: str
    data: bytes
    large: bool
    id: str = ""
    classified: bool = False
    release: str = ""

    @property
    def sha256(self) -> str:
        """What the receipt has to say."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass
class Journey:
    """One release on its way."""

    id: str
    key: str
    original: str
    done: bool = False


@dataclass
class Load:
    """Four people's threads: one uploads, one builds, one approves, one dispatches."""

    world: World
    url: str
    tokens: Mapping[str, str]
    matter: str
    recipient: str
    seed: int
    acknowledged: list[Mapping[str, Any]] = field(default_factory=list)
    originals: list[Original] = field(default_factory=list)
    journeys: list[Journey] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    refused: int = 0
    enough: threading.Event = field(default_factory=threading.Event)
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        works = (self._upload, self._build, self._approve, self._dispatch)
        self._threads = [threading.Thread(target=self._work, args=(work,), daemon=True) for work in works]
        self._dice = random.Random(self.seed)

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def settle(self, timeout_s: float) -> None:
        """Begin nothing new, and wait until everything that was begun has come to its end."""
        self.enough.set()
        until = time.monotonic() + timeout_s
        while not self._settled():
            assert not self.wrong, self.wrong
            assert time.monotonic() < until, (self.originals, self.journeys)
            time.sleep(0.1)
        self.stop()

    def stop(self) -> None:
        """End the threads."""
        self.stopping.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(60)

    def _settled(self) -> bool:
        uploaded = all(one.id and one.classified for one in self.originals)
        built = all(one.release for one in self.originals if not one.large)
        return uploaded and built and all(one.done for one in self.journeys)

    def _work(self, work: Callable[[httpx.Client], None]) -> None:
        with httpx.Client(base_url=self.url, timeout=30, verify=False) as client:
            while not self.stopping.wait(0.05):
                try:
                    work(client)
                except NoAnswer:
                    self.stopping.wait(0.15)
                except Exception as error:  # noqa: BLE001 border: a thread's failure is the test's to judge
                    self.wrong.append(f"{work.__name__}: {error!r}")
                    return

    def _upload(self, client: httpx.Client) -> None:
        one = next((one for one in self.originals if not one.classified), None)
        if one is None:
            waiting = sum(not journey.done for journey in self.journeys)
            if self.enough.is_set():
                return
            large = waiting >= _ENOUGH_OPEN or len(self.originals) % 3 == 2
            rows = self._dice.randrange(500, 4000) if large else self._dice.randrange(2, 6)
            one = Original(f"upload-{self.seed}-{len(self.originals)}", self._table(rows), large)
            self.originals.append(one)
        if not one.id:
            told = self._ask(
                client,
                "builder",
                "PUT",
                f"/matters/{self.matter}/originals?kind=customer_list",
                content=one.data,
                headers={"Idempotency-Key": one.key, "Content-Disposition": 'attachment; filename="Q3.csv"'},
            )
            assert told["sha256"] == one.sha256
            one.id = told["original"]
            self.acknowledged.append({"original": one.id, "sha256": one.sha256, "index": told["audit_index"]})
        self._ask(client, "builder", "PUT", f"/originals/{one.id}/classification", json=_HARMLESS)
        self.acknowledged.append({"classified": one.id})
        one.classified = True

    def _build(self, client: httpx.Client) -> None:
        for one in [one for one in self.originals if one.classified and not one.large and not one.release]:
            body = {"recipient": self.recipient, "profile": "portal"}
            drafted = self._post(client, "builder", f"/matters/{self.matter}/releases", body, key=f"draft-{one.key}")
            journey = Journey(drafted["id"], one.key, one.id)
            asked = self._post(
                client, "builder", f"/releases/{journey.id}/renditions", {"original": one.id}, key=f"add-{one.key}"
            )
            self.acknowledged.append({"requested": asked["id"]})
            self.journeys.append(journey)
            one.release = journey.id

    def _approve(self, client: httpx.Client) -> None:
        for journey in [one for one in self.journeys if not one.done]:
            detail = self._ask(client, "builder", "GET", f"/releases/{journey.id}")
            (rendition,) = (self._rendition(client, one) for one in detail["renditions"])
            if rendition["state"] == "refused":
                # Three crashes in one rendition's sandbox: it is given up, and says so.
                journey.done = True
                self.refused += 1
                continue
            assert rendition["state"] in {"queued", "rendering", "clean", "reviewed"}, rendition
            if detail["state"] == "draft" and rendition["state"] == "clean":
                told = self._post(client, "builder", f"/releases/{journey.id}/submit", {}, key=f"submit-{journey.key}")
                self.acknowledged.append({"submitted": journey.id, "manifest": told["manifest_sha256"]})
            elif detail["state"] == "in_review" and rendition["state"] == "clean":
                body = {"verdict": "reviewed", "sha256": rendition["sha256"]}
                self._post(client, "legal1", f"/renditions/{rendition['id']}/reviews", body, key=f"see-{journey.key}")
                self.acknowledged.append({"reviewed": rendition["id"]})
            elif detail["state"] == "in_review":
                given = {one["approver"] for one in detail["approvals"]["given"]}
                for name in ("legal1", "legal2"):
                    if self.world.actors[name].person_id not in given:
                        self._sign(client, name, journey.id)

    def _rendition(self, client: httpx.Client, one: Mapping[str, Any]) -> Any:
        return self._ask(client, "builder", "GET", f"/renditions/{one['id']}")

    def _sign(self, client: httpx.Client, name: str, release: str) -> None:
        told = self._ask(client, name, "GET", f"/releases/{release}/approval-request?role=legal")
        statement = told["statement"]
        signature = base64.b64encode(self.world.keys[name].sign(statement.encode())).decode()
        body = {"statement": statement, "signature": signature, "alg": "Ed25519"}
        self._post(client, name, f"/releases/{release}/approvals", body, key=None)
        self.acknowledged.append({"approved": release, "by": self.world.actors[name].person_id})

    def _dispatch(self, client: httpx.Client) -> None:
        for journey in [one for one in self.journeys if not one.done]:
            detail = self._ask(client, "dispatcher", "GET", f"/releases/{journey.id}")
            if detail["state"] == "approved":
                detail = self._post(client, "dispatcher", f"/releases/{journey.id}/dispatch", {}, key=None)
            if detail["state"] == "dispatched":
                told = {"dispatched": journey.id, "sha256": detail["package_sha256"], "index": detail["sealed_index"]}
                self.acknowledged.append(told)
                journey.done = True

    def _post(
        self, client: httpx.Client, who: str, path: str, body: Mapping[str, Any], *, key: str | None
    ) -> Mapping[str, Any]:
        headers = {"Idempotency-Key": key} if key else {}
        return self._ask(client, who, "POST", path, json=body, headers=headers)

    def _ask(self, client: httpx.Client, who: str, method: str, path: str, **more: Any) -> Mapping[str, Any]:
        headers = {"Authorization": f"Bearer {self.tokens[who]}", **more.pop("headers", {})}
        try:
            answer = client.request(method, API + path, headers=headers, **more)
        except httpx.TransportError as error:
            raise NoAnswer from error
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            assert answer.json()["type"] in _PASSING, answer.text
            assert int(answer.headers["Retry-After"]) > 0
            raise NoAnswer
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        told: Mapping[str, Any] = answer.json()
        return told

    def _table(self, rows: int) -> bytes:
        lines = [_HEADER]
        for _ in range(rows):
            word = f"{self._dice.getrandbits(64):016x}"
            lines.append(f"{SECRET.decode()} {word},DE,Robotwerk {word[:4]},yes,Robots,{len(word)},,2011")
        return ("\r\n".join(lines) + "\r\n").encode()


def token(world: World, name: str) -> str:
    """A token for everything the person may do."""
    now = SystemClock().now()
    actor = world.actors[name]
    statement = token_statement(
        person=actor.person_id,
        scopes=permissions_of(actor.roles),
        nonce=secrets.token_urlsafe(16),
        issued_at=now,
        expires_at=now + timedelta(hours=2),
    )
    return world.gateway.people.issue_token(statement, world.keys[name].sign(statement)).token
