"""Two hundred uploads at once and fifty reviewers at work on a real server with real workers, for a while.

Prints how long each route took (median and 99th percentile) and how much memory server and workers held. Exit code 1
when anything but back-pressure was answered (`503` with `Retry-After`, which the clients honour and which is counted),
when a request got no answer, or when memory kept growing. Run: SOAK_S=600 python -m bench.soak
"""

from __future__ import annotations

import io
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
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

UPLOADERS, ORIGINATORS, REVIEWERS = 200, 20, 50
THINK_S, FORMS = 1.0, 0.2
_PORT = 8489
_COLUMNS = b"Customer,Country,End user,Licensed,End use category,Volume (kg),E-Mail,Since\r\n"
_ROW = b"Acme Wunderwerk GmbH,DE,Acme Wunderwerk GmbH,yes,Passenger cars,123.5,a.smith@acme.example,2011\r\n"


@dataclass
class Tally:
    """What was asked, how long it took, and what went wrong."""

    took_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    busy: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    sent_bytes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, route: str, send: Callable[[], httpx.Response]) -> httpx.Response | None:
        """Send until something else than back-pressure is answered; None where that was an error."""
        while True:
            began = time.monotonic()
            try:
                answer = send()
            except httpx.HTTPError as error:
                with self.lock:
                    self.errors[f"{route}: {type(error).__name__}"] += 1
                return None
            with self.lock:
                if answer.is_success:
                    self.took_s[route].append(time.monotonic() - began)
                    return answer
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or "retry-after" not in answer.headers:
                    self.errors[f"{route}: {answer.status_code} {answer.json().get('type')}"] += 1
                    return None
                self.busy[route] += 1
            time.sleep(float(answer.headers["retry-after"]))


def main() -> int:
    """Prepare, load, print, judge."""
    lasts_s = float(os.environ.get("SOAK_S", "600"))
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        world = World.create(Path(name))
        with servers.gateway(world, _PORT, workers=2) as server:
            office = Office(world, cast(Server, server))
            for number in range(ORIGINATORS):
                world.enrol(f"originator{number}", {Role.ORIGINATOR})
            for number in range(REVIEWERS):
                world.enrol(f"reviewer{number}", {Role.LEGAL})
            matter = office["builder"].post(f"{API}/matters", json=matter_body()).json()
            releases = _releases(office, matter)
            tally, stopping, bodies = Tally(), threading.Event(), _bodies()
            work: list[tuple[Callable[..., None], tuple[object, ...]]]
            work = [(_upload, (office, matter["id"], n, bodies, tally, stopping)) for n in range(UPLOADERS)]
            work += [(_review, (office, matter["id"], n, releases[n], tally, stopping)) for n in range(REVIEWERS)]
            people = [threading.Thread(target=target, args=args) for target, args in work]
            print(f"prepared; {lasts_s:.0f} s of load begin", file=sys.stderr)
            with _memory(server) as held:
                for one in people:
                    one.start()
                time.sleep(lasts_s)
                stopping.set()
                for one in people:
                    one.join()
        return _told(tally, held, lasts_s)


def _releases(office: Office, matter: dict[str, object]) -> list[tuple[str, str, str]]:
    """One release in review for each reviewer: its id, its rendition's id and SHA-256."""
    builder = office["builder"]
    original = office.original(str(matter["id"]), _COLUMNS + _ROW * 20)
    builder.put(f"{API}/originals/{original}/classification", json=HARMLESS).raise_for_status()
    recipient = cast("list[dict[str, str]]", matter["recipients"])[0]["id"]
    made = []
    wanted = {"recipient": recipient, "profile": "portal"}
    for _ in range(REVIEWERS):
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


def _bodies() -> list[tuple[str, bytes]]:
    tables = [_COLUMNS + _ROW * (size // len(_ROW)) for size in (64 * KIB, 256 * KIB, MIB, 3 * MIB, 8 * MIB)]
    pictures = []
    for side in (160, 480, 1200):
        out = io.BytesIO()
        Image.effect_noise((side, side), 80).convert("RGB").save(out, "PNG")
        pictures.append(out.getvalue())
    return [*(("customer_list", one) for one in tables), *(("production_photo", one) for one in pictures)]


def _upload(
    office: Office, matter: str, number: int, bodies: list[tuple[str, bytes]], tally: Tally, stopping: threading.Event
) -> None:
    dice = random.Random(number)
    token = office.token(f"originator{number % ORIGINATORS}")
    with office.client(token) as client:
        client.timeout = httpx.Timeout(300)
        while not stopping.is_set():
            kind, data = dice.choice(bodies)
            path = f"{API}/matters/{matter}/originals"
            send = partial(client.put, path, params={"kind": kind}, content=data)
            if dice.random() < FORMS:
                send = partial(client.post, path, data={"kind": kind}, files={"file": ("a.bin", data)})
            key = f"soak-{number}-{dice.random()}"
            answer = tally.ask(
                f"{send.func.__name__.upper()} originals", partial(send, headers={"Idempotency-Key": key})
            )
            if answer is not None:
                with tally.lock:
                    tally.sent_bytes += len(data)


def _review(
    office: Office, matter: str, number: int, mine: tuple[str, str, str], tally: Tally, stopping: threading.Event
) -> None:
    release, rendition, sha256 = mine
    name = f"reviewer{number}"
    dice = random.Random(1000 + number)
    with office.client(office.token(name)) as client:
        client.timeout = httpx.Timeout(300)
        reads = {
            "GET matters": f"{API}/matters",
            "GET originals": f"{API}/matters/{matter}/originals?limit=50",
            "GET release": f"{API}/releases/{release}",
            "GET rendition": f"{API}/renditions/{rendition}",
            "GET rendition content": f"{API}/renditions/{rendition}/content",
        }
        approves_after = dice.randrange(1, 6)
        rounds = 0
        while not stopping.is_set():
            for route, path in reads.items():
                tally.ask(route, partial(client.get, path))
                stopping.wait(dice.random() * THINK_S)
            rounds += 1
            if rounds == approves_after:
                seen = {"verdict": "reviewed", "sha256": sha256}
                tally.ask("POST review", partial(client.post, f"{API}/renditions/{rendition}/reviews", json=seen))
                _approve(office, client, name, f"{API}/releases/{release}", tally)


def _approve(office: Office, client: httpx.Client, name: str, release: str, tally: Tally) -> None:
    wanted = partial(client.get, f"{release}/approval-request", params={"role": "legal"})
    asked = tally.ask("GET approval request", wanted)
    if asked is not None:
        statement = asked.json()["statement"]
        signed = {"statement": statement, "signature": office.sign(name, statement.encode()), "alg": "Ed25519"}
        tally.ask("POST approval", partial(client.post, f"{release}/approvals", json=signed))


@contextmanager
def _memory(server: Process) -> Iterator[dict[str, list[int]]]:
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


def _told(tally: Tally, held: dict[str, list[int]], lasts_s: float) -> int:
    print(f"{UPLOADERS} uploaders, {REVIEWERS} reviewers, {lasts_s:.0f} s; load at the end {os.getloadavg()[0]:.1f}\n")
    print("| route | answered | told to wait | median | 99th percentile |\n|---|---:|---:|---:|---:|")
    for route, took in sorted(tally.took_s.items()):
        ranked = sorted(took)
        high = ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))]
        print(f"| `{route}` | {len(took)} | {tally.busy[route]} | {statistics.median(took):.2f} s | {high:.2f} s |")
    print(f"\n{tally.sent_bytes / MIB:.0f} MiB kept, {tally.sent_bytes / MIB / lasts_s:.0f} MiB/s")
    grew = False
    for name, sizes in held.items():
        half = len(sizes) // 2
        early, late = max(sizes[:half]), max(sizes[half:])
        grew |= late > early * 1.25 + 32 * MIB
        print(f"{name}: at most {early / MIB:.0f} MiB in the first half, {late / MIB:.0f} MiB in the second")
    for what, count in tally.errors.most_common():
        print(f"error: {what} ({count} times)")
    return int(bool(tally.errors) or grew)


if __name__ == "__main__":
    sys.exit(main())
