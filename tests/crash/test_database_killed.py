"""PostgreSQL dies while the gateway is at work: a commit whose answer was lost counts once, and the work goes on.

A server that waits for a standby which never comes holds each commit when it is durable and before it is answered:
that is where it is killed.
"""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.db.failures import DatabaseGone
from gateway.matter.model import Matter
from gateway.policy.answers import Answers
from gateway.render.model import State
from gateway.render.tables import LeaseRow
from gateway.worker.loop import Worker
from tests.crash.checks import check_acknowledged, check_all, held_by
from tests.crash.launcher import Launcher, free_port, told
from tests.crash.load import API, token
from tests.crash.stages import CUSTOMERS, LARGE, STAGES, drafted
from tests.crash.test_injected_crashes import TAKES, finished
from tests.support.databases import Postgres, close_idle
from tests.support.office import HARMLESS
from tests.support.postgres import Cluster, programs
from tests.support.world import PASSPHRASE, World

_PATIENCE_S = 240.0
_MOST_COMMITS = 12
_WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
_ANSWER = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
_HOLDING = "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'checkpointer' AND wait_event = 'CheckpointerMain'"


@pytest.fixture
def server() -> Iterator[Cluster]:
    """A database server that may be killed."""
    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL is not on this machine (Debian: apt install postgresql), or may not be started")
    own = Cluster(folder)
    yield own
    close_idle()
    own.remove()


@pytest.fixture
def world(one_library: None, server: Cluster, tmp_path: Path) -> Iterator[World]:
    world = World.create(tmp_path, Postgres(lambda: server))
    yield world
    world.gateway.close()


@dataclass
class Running:
    """An act in a thread, and how it ended."""

    act: Callable[[], object]
    raised: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.act()
        except BaseException as error:  # noqa: BLE001 border: a thread's failure is the test's to judge
            self.raised.append(error)

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return not self._thread.is_alive()

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join(_PATIENCE_S)
        assert self.ended


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def restarted(server: Cluster, *, holding: bool) -> None:
    """Kill the server as a power cut does, and start it, holding every commit or none."""
    server.stop(signal.SIGKILL)
    server.start(**({"synchronous_standby_names": "nobody"} if holding else {}))
    until(lambda: not holding or server.run(_HOLDING))


def killed_in_a_commit(server: Cluster, world: World, act: Callable[[], object], number: int = 0) -> bool:
    """Run `act` until so many commits of its were answered and one more is durable, kill the server there, start it.

    False if `act` makes no more than that.
    """
    restarted(server, holding=True)
    world.gateway.units.close()
    running = Running(act)
    for _ in range(number):
        until(lambda: running.ended or server.run(_WAITING))
        # Whoever is cancelled here goes on as if the standby had answered.
        server.run(_ANSWER)
    until(lambda: running.ended or server.run(_WAITING))
    killed = not running.ended
    restarted(server, holding=False)
    running.join()
    # The renewal of a lease may be what was killed: then the act itself notices nothing.
    assert [type(error) for error in running.raised] in ([], [DatabaseGone] * killed)
    world.gateway.units.close()
    return killed


@pytest.mark.nightly
@pytest.mark.timeout(900)
@pytest.mark.parametrize("stage", ["upload", "resume", "render", "approve", "dispatch-sealed"])
def test_whichever_commits_answer_was_lost_the_work_is_carried_on(
    stage: str, world: World, server: Cluster, tmp_path: Path
) -> None:
    held = held_by(world)
    killed, number = True, 0
    while killed:
        assert number < _MOST_COMMITS
        facts = STAGES[stage].prepare(world)
        answered: list[Mapping[str, Any]] = []

        def step(facts: Mapping[str, str] = facts, answered: list[Mapping[str, Any]] = answered) -> None:
            STAGES[stage].step(world, facts, answered.append)

        killed = killed_in_a_commit(server, world, step, number)
        with world.gateway.units.read() as session:
            world.gateway.vault.sweep(session, older_than_s=0)
        check_acknowledged(world, answered, check_all(world, held, tmp_path / f"export-{number}"))
        if killed:
            step()
        check_acknowledged(world, answered, check_all(world, held, tmp_path / f"export-{number}-after"))
        (tmp_path / f"{number}").mkdir()
        finished(world, facts, stage, tmp_path / f"{number}")
        number += 1
    assert number > TAKES[stage]["commit"]


@pytest.mark.timeout(600)
def test_a_part_is_kept_where_nobody_knows_whether_its_row_is_there(world: World, server: Cluster) -> None:
    builder, uploads, matter = world.actors["builder"], world.gateway.uploads, world.matter()
    upload = uploads.begin(
        builder,
        matter.id,
        "customer_list",
        length_bytes=len(LARGE),
        file_name=None,
        digest=None,
        idempotency_key="once",
    )

    def send(at: int, stop: int) -> None:
        with uploads.append(builder, upload.id, offset=at) as appending:
            appending.write(memoryview(LARGE)[at:stop])
            appending.finish()

    half = len(LARGE) // 2
    assert killed_in_a_commit(server, world, lambda: send(0, half))
    at = uploads.get(builder, upload.id).received_bytes
    assert at == half
    send(at, len(LARGE))
    assert uploads.complete(builder, upload.id).sha256 == hashlib.sha256(LARGE).hexdigest()


@pytest.mark.timeout(600)
def test_a_rendition_is_handed_on_when_the_database_is_back_and_that_costs_no_try(
    world: World, server: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = drafted(1)(world)
    gateway = world.gateway
    asked = world.gateway.releases.add(
        world.actors["builder"], facts["release"], facts["original"], policy_ref=None, answers=Answers()
    )
    worker = Worker(gateway, retry_s=0.0)
    carry_out = type(gateway.renders).carry_out

    def meanwhile(*args: Any) -> State:
        monkeypatch.setattr(type(gateway.renders), "carry_out", carry_out)
        server.stop(signal.SIGKILL)
        return carry_out(*args)

    monkeypatch.setattr(type(gateway.renders), "carry_out", meanwhile)
    for _ in range(2):
        with pytest.raises(DatabaseGone):
            worker.step()
    server.start()
    assert worker.step()
    assert gateway.renders.get(asked.id).state is State.CLEAN
    with gateway.units.read() as session:
        lease = session.get_one(LeaseRow, asked.id)
        assert (lease.fence, lease.attempt) == (2, 1)


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_clients_are_told_when_to_come_again_and_nobody_has_to_start_anything(
    world: World, server: Cluster, tmp_path: Path
) -> None:
    """`gateway serve` and `gateway worker` outlive their database: the same two processes from beginning to end."""
    matter, held = world.matter(), held_by(world)
    bearer = {"Authorization": f"Bearer {token(world, 'builder')}"}
    settings = replace(world.gateway.settings, port=free_port())
    world.gateway.units.close()
    url = f"http://{settings.host}:{settings.port}"
    with (
        Launcher(told(settings, PASSPHRASE, tmp_path), tmp_path / "server.log") as launcher,
        httpx.Client(base_url=url, headers=bearer, timeout=_PATIENCE_S) as client,
    ):
        launcher.start("serve", "--no-worker")
        launcher.start("worker")
        until(lambda: ready(client))

        def upload(name: str) -> httpx.Response:
            path = f"{API}/matters/{matter.id}/originals?kind=customer_list"
            return client.put(
                path, content=CUSTOMERS.replace(b"Zephyr", name.encode()), headers={"Idempotency-Key": name}
            )

        before = upload("before")
        assert before.status_code == httpx.codes.CREATED
        restarted(server, holding=True)
        answers: list[httpx.Response] = []
        under_way = Running(lambda: answers.append(upload("in-its-commit")))
        until(lambda: server.run(_WAITING))
        server.stop(signal.SIGKILL)
        under_way.join()
        answers += [upload("while-it-is-gone"), client.get(f"{API}/matters/{matter.id}"), client.get("/readyz")]
        for answer in answers:
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["type"] == "/problems/database-gone"
            assert answer.headers["Retry-After"] == "1"
        assert client.get("/healthz").status_code == httpx.codes.OK
        server.start()
        until(lambda: ready(client))
        again = [upload(name) for name in ("before", "in-its-commit", "while-it-is-gone")]
        assert [one.status_code for one in again] == [httpx.codes.CREATED] * 3
        assert again[0].json() == before.json()
        asked = asked_for(client, matter, again[1].json()["original"])
        until(lambda: state_of(client, asked) not in {State.QUEUED, State.RENDERING})
        assert state_of(client, asked) == State.CLEAN
    entries = check_all(world, held, tmp_path / "export")
    receipts = [one.json() for one in again]
    kept = [{"original": one["original"], "sha256": one["sha256"], "index": one["audit_index"]} for one in receipts]
    check_acknowledged(world, kept, entries)
    assert len(world.gateway.intake.originals(matter.id)) == 3


def ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def state_of(client: httpx.Client, rendition: str) -> str:
    return str(client.get(f"{API}/renditions/{rendition}").json()["state"])


def asked_for(client: httpx.Client, matter: Matter, original: str) -> str:
    """A rendition of this original in a new draft."""
    classified = client.put(f"{API}/originals/{original}/classification", json=HARMLESS)
    assert classified.is_success, classified.text
    body = {"recipient": matter.recipients[0].id, "profile": "portal"}
    release = client.post(f"{API}/matters/{matter.id}/releases", json=body).json()["id"]
    asked = client.post(f"{API}/releases/{release}/renditions", json={"original": original})
    assert asked.is_success, asked.text
    return str(asked.json()["id"])
