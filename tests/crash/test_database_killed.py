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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.db.failures import DatabaseGone
from gateway.policy.answers import Answers
from gateway.render.model import State
from gateway.render.tables import LeaseRow
from gateway.worker.loop import Worker
from tests.crash.checks import check_acknowledged, check_all, held_by
from tests.crash.stages import LARGE, STAGES, drafted
from tests.crash.test_injected_crashes import TAKES, finished
from tests.support.databases import Postgres, close_idle
from tests.support.postgres import Cluster, programs
from tests.support.world import World

_PATIENCE_S = 60.0
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
        told: list[Mapping[str, Any]] = []

        def step(facts: Mapping[str, str] = facts, told: list[Mapping[str, Any]] = told) -> None:
            STAGES[stage].step(world, facts, told.append)

        killed = killed_in_a_commit(server, world, step, number)
        with world.gateway.units.read() as session:
            world.gateway.vault.sweep(session, older_than_s=0)
        check_acknowledged(world, told, check_all(world, held, tmp_path / f"export-{number}"))
        if killed:
            step()
        check_acknowledged(world, told, check_all(world, held, tmp_path / f"export-{number}-after"))
        (tmp_path / f"{number}").mkdir()
        finished(world, facts, stage, tmp_path / f"{number}")
        number += 1
    assert number > TAKES[stage]["commit"]


@pytest.mark.timeout(120)
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


@pytest.mark.timeout(120)
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
