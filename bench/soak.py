"""Two hundred uploads at once and fifty reviewers at work on a real server with real workers, for a while.

Prints how long each route took (median and 99th percentile, the whole wait from the first try on) and how much memory
server and workers held. Exit code 1 when anything but back-pressure was answered (`503` with `Retry-After`, which the
clients honour and which is counted), when a request got no answer, or when the server held more than the settings
allow. The clients are one thread of one process, so that they take little from the server they share two cores with;
how late that thread itself was is told too, for every wait contains it. Each client has a connection of its own:
in a pool that all share, who wants to read waits for a connection that an upload holds.

Run: python -m bench.soak [--seconds 600] [--database postgresql://…]
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import random
import ssl
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import httpx
from PIL import Image

from bench import servers
from bench.servers import Process
from gateway.base.units import KIB, MIB
from gateway.people.model import Role
from tests.support.office import API, HARMLESS, Office, Server, matter_body
from tests.support.world import World

UPLOADERS, ORIGINATORS, REVIEWERS, RELEASES = 200, 20, 50, 20
THINK_S, FORMS, PROBE_S, PATIENCE_S = 1.0, 0.2, 0.2, 300.0
# What gateway/web/lane.py says an upload holds, and what everything else may add to the server at rest: bytes read
# ahead on 250 connections, the page caches of forty database connections, requests under way.
UPLOAD_BYTES, ELSE_BYTES = 7 * MIB, 128 * MIB
_PORT = 8489
_COLUMNS = b"Customer,Country,End user,Licensed,End use category,Volume (kg),E-Mail,Since\r\n"
_ROW = b"Acme Wunderwerk GmbH,DE,Acme Wunderwerk GmbH,yes,Passenger cars,123.5,a.smith@acme.example,2011\r\n"

Body = tuple[str, dict[str, str], bytes]


@dataclass
class Tally:
    """What was asked, how long it took, and what went wrong."""

    ends_at: float
    late_s: list[float] = field(default_factory=list)
    took_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    busy: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    sent_bytes: int = 0

    @property
    def over(self) -> bool:
        """Whether nothing more is begun."""
        return time.monotonic() > self.ends_at

    async def ask(
        self, client: httpx.AsyncClient, route: str, method: str, path: str, **sent: object
    ) -> httpx.Response | None:
        """Send until something else than back-pressure is answered; None where that was an error."""
        began = time.monotonic()
        while True:
            try:
                answer = await client.request(method, path, **sent)  # type: ignore[arg-type]
            except httpx.HTTPError as error:
                self.errors[f"{route}: {type(error).__name__} {error}"] += 1
                return None
            if answer.is_success:
                self.took_s[route].append(time.monotonic() - began)
                return answer
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or "retry-after" not in answer.headers:
                self.errors[f"{route}: {answer.status_code} {answer.text[:300]}"] += 1
                return None
            self.busy[route] += 1
            await asyncio.sleep(float(answer.headers["retry-after"]))


@dataclass(frozen=True)
class Desk:
    """A person at work: who they are, and what they send along with every request."""

    name: str
    headers: dict[str, str]


def main() -> int:
    """Prepare, load, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("SOAK_S", "600")))
    parser.add_argument("--database", help="the address of an empty PostgreSQL database")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        world = World.create(Path(name), **({"database_url": given.database} if given.database else {}))
        for number in range(ORIGINATORS):
            world.enrol(f"originator{number}", {Role.ORIGINATOR})
        for number in range(REVIEWERS):
            world.enrol(f"reviewer{number}", {Role.LEGAL})
        with servers.gateway(world, _PORT, workers=2) as server:
            office = Office(world, cast(Server, server))
            matter = office["builder"].post(f"{API}/matters", json=matter_body()).json()
            releases = _releases(office, matter)
            uploaders = [_desk(office, f"originator{number}") for number in range(ORIGINATORS)]
            reviewers = [_desk(office, f"reviewer{number}") for number in range(REVIEWERS)]
            at_rest = server.resident_bytes()
            print(f"prepared; {given.seconds:.0f} s of load begin", file=sys.stderr)
            with _memory(server) as held:
                load = Load(office, matter["id"], releases, _bodies())
                tally = asyncio.run(load.run(server.url, uploaders, reviewers, given.seconds))
        allowed = at_rest + world.gateway.settings.uploads_at_once * UPLOAD_BYTES + ELSE_BYTES
        return _told(tally, held, given.seconds, at_rest, allowed)


def _desk(office: Office, name: str) -> Desk:
    return Desk(name, {"Authorization": f"Bearer {office.token(name)}"})


def _releases(office: Office, matter: dict[str, object]) -> list[tuple[str, str, str]]:
    """Releases in review: its id, its rendition's id and SHA-256."""
    builder = office["builder"]
    original = office.original(str(matter["id"]), _COLUMNS + _ROW * 20)
    builder.put(f"{API}/originals/{original}/classification", json=HARMLESS).raise_for_status()
    recipient = cast("list[dict[str, str]]", matter["recipients"])[0]["id"]
    made = []
    wanted = {"recipient": recipient, "profile": "portal"}
    for _ in range(RELEASES):
        draft = builder.post(f"{API}/matters/{matter['id']}/releases", json=wanted)
        draft.raise_for_status()
        release = draft.json()["id"]
        asked = builder.post(f"{API}/releases/{release}/renditions", json={"original": original, "answers": {}})
        asked.raise_for_status()
        made.append((release, asked.json()["id"]))
    ready = []
    for release, rendition in made:
        deadline = time.monotonic() + 300
        while (shown := builder.get(f"{API}/renditions/{rendition}").json())["state"] != "clean":
            if shown["state"] not in {"queued", "rendering"} or time.monotonic() > deadline:
                raise SystemExit(f"a rendition ended as {shown['state']}")
            time.sleep(0.2)
        builder.post(f"{API}/releases/{release}/submit").raise_for_status()
        ready.append((release, rendition, shown["sha256"]))
    return ready


def _bodies() -> list[Body]:
    """What is uploaded: kind, headers, bytes."""
    tables = [_COLUMNS + _ROW * (size // len(_ROW)) for size in (64 * KIB, 256 * KIB, MIB, 3 * MIB, 8 * MIB)]
    pictures = []
    for side in (160, 480, 1200):
        out = io.BytesIO()
        Image.effect_noise((side, side), 80).convert("RGB").save(out, "PNG")
        pictures.append(out.getvalue())
    return [*(("customer_list", {}, one) for one in tables), *(("production_photo", {}, one) for one in pictures)]


class Load:
    """What the people do, each in a loop until the time is over."""

    def __init__(self, office: Office, matter: str, releases: list[tuple[str, str, str]], bodies: list[Body]) -> None:
        self._office = office
        self._originals = f"{API}/matters/{matter}/originals"
        self._releases = releases
        self._bodies = bodies
        self._forms = [_form(kind, data) for kind, _headers, data in bodies]

    async def run(self, url: str, uploaders: list[Desk], reviewers: list[Desk], lasts_s: float) -> Tally:
        """Everybody at once; returns when everything that was begun has been answered."""
        trusting = ssl.create_default_context()
        async with AsyncExitStack() as stack:

            async def client(desk: Desk | None = None) -> httpx.AsyncClient:
                headers = desk.headers if desk else {}
                made = httpx.AsyncClient(
                    base_url=url, headers=headers, timeout=PATIENCE_S, trust_env=False, verify=trusting
                )
                return await stack.enter_async_context(made)

            uploading = [await client(uploaders[number % len(uploaders)]) for number in range(UPLOADERS)]
            reviewing = [(desk, await client(desk)) for desk in reviewers]
            probing = await client()
            tally = Tally(time.monotonic() + lasts_s)
            people: list[Awaitable[None]] = [self._upload(one, number, tally) for number, one in enumerate(uploading)]
            people += [self._review(desk, one, number, tally) for number, (desk, one) in enumerate(reviewing)]
            await asyncio.gather(*people, _probe(probing, tally), _look_at_the_clock(tally))
        return tally

    async def _upload(self, client: httpx.AsyncClient, number: int, tally: Tally) -> None:
        dice = random.Random(number)
        while not tally.over:
            formed = dice.random() < FORMS
            kind, headers, data = dice.choice(self._forms if formed else self._bodies)
            method, path = ("POST", self._originals) if formed else ("PUT", f"{self._originals}?kind={kind}")
            headers = {**headers, "Idempotency-Key": f"soak-{number}-{dice.random()}"}
            if await tally.ask(client, f"{method} originals", method, path, headers=headers, content=data) is not None:
                tally.sent_bytes += len(data)

    async def _review(self, desk: Desk, client: httpx.AsyncClient, number: int, tally: Tally) -> None:
        release, rendition, sha256 = self._releases[number % len(self._releases)]
        dice = random.Random(1000 + number)
        reads = {
            "GET matters": f"{API}/matters",
            "GET originals": f"{self._originals}?limit=50",
            "GET release": f"{API}/releases/{release}",
            "GET rendition": f"{API}/renditions/{rendition}",
            "GET rendition content": f"{API}/renditions/{rendition}/content",
        }
        # Each release is one reviewer's to approve; the others read along.
        approves_after = dice.randrange(1, 6) if number < len(self._releases) else 0
        rounds = 0
        while not tally.over:
            for route, path in reads.items():
                await tally.ask(client, route, "GET", path)
                await asyncio.sleep(dice.random() * THINK_S)
            rounds += 1
            if rounds == approves_after:
                seen = {"verdict": "reviewed", "sha256": sha256}
                path = f"{API}/renditions/{rendition}/reviews"
                await tally.ask(client, "POST review", "POST", path, json=seen)
                await self._approve(desk, client, f"{API}/releases/{release}", tally)

    async def _approve(self, desk: Desk, client: httpx.AsyncClient, release: str, tally: Tally) -> None:
        path = f"{release}/approval-request?role=legal"
        asked = await tally.ask(client, "GET approval request", "GET", path)
        if asked is not None:
            statement = asked.json()["statement"]
            signature = self._office.sign(desk.name, statement.encode())
            signed = {"statement": statement, "signature": signature, "alg": "Ed25519"}
            await tally.ask(client, "POST approval", "POST", f"{release}/approvals", json=signed)


def _form(kind: str, data: bytes) -> Body:
    request = httpx.Request("POST", "http://form", data={"kind": kind}, files={"file": ("a.bin", data)})
    return kind, {"Content-Type": request.headers["content-type"]}, request.read()


async def _probe(client: httpx.AsyncClient, tally: Tally) -> None:
    while not tally.over:
        await tally.ask(client, "GET healthz", "GET", "/healthz")
        await asyncio.sleep(PROBE_S)


async def _look_at_the_clock(tally: Tally) -> None:
    """Note how much later than asked for this thread is woken."""
    while not tally.over:
        due = time.monotonic() + PROBE_S
        await asyncio.sleep(PROBE_S)
        tally.late_s.append(time.monotonic() - due)


@contextmanager
def _memory(server: Process) -> Iterator[dict[str, list[int]]]:
    """The server's memory and that of its workers together, once a second while the block lasts."""
    held: dict[str, list[int]] = {"server": [], "workers": []}
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(1):
            held["server"].append(server.resident_bytes())
            held["workers"].append(sum(servers.resident_bytes(pid) for pid in server.children()))

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield held
    finally:
        ended.set()
        watching.join()


def _told(tally: Tally, held: dict[str, list[int]], lasts_s: float, at_rest: int, allowed: int) -> int:
    print(f"{UPLOADERS} uploaders, {REVIEWERS} reviewers, {lasts_s:.0f} s; load at the end {os.getloadavg()[0]:.1f}\n")
    print("| route | answered | told to wait | median | 99th percentile |\n|---|---:|---:|---:|---:|")
    for route, took in sorted(tally.took_s.items()):
        print(
            f"| `{route}` | {len(took)} | {tally.busy[route]} | {statistics.median(took):.2f} s | {_high(took):.2f} s |"
        )
    lag_s = tally.late_s
    print(
        f"\nthe clients themselves were late by {statistics.median(lag_s):.2f} s, 99th percentile {_high(lag_s):.2f} s"
    )
    print(f"\n{tally.sent_bytes / MIB:.0f} MiB kept, {tally.sent_bytes / MIB / lasts_s:.0f} MiB/s")
    for name, sizes in held.items():
        half = len(sizes) // 2
        early, late = max(sizes[:half]), max(sizes[half:])
        print(f"{name}: at most {early / MIB:.0f} MiB in the first half, {late / MIB:.0f} MiB in the second")
    print(f"server at rest {at_rest / MIB:.0f} MiB, allowed {allowed / MIB:.0f} MiB")
    for what, count in tally.errors.most_common():
        print(f"error: {what} ({count} times)")
    return int(bool(tally.errors) or max(held["server"]) > allowed)


def _high(values: list[float]) -> float:
    """The 99th percentile."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))]


if __name__ == "__main__":
    sys.exit(main())
