"""SIGTERM: requests are answered, renditions finished or handed back, and nothing of a process stays behind."""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

from gateway.app import compose
from gateway.base.progress import Gauge
from gateway.cli import serving
from gateway.policy.answers import Answers
from gateway.render import service
from gateway.render.model import Outcome, State
from gateway.render.pipeline import Job, render
from gateway.render.tables import LeaseRow
from gateway.sandbox.ports import Sandbox
from gateway.settings import Settings
from tests.crash.launcher import free_port, inherited, told
from tests.crash.load import token
from tests.crash.stages import CUSTOMERS, drafted
from tests.support.databases import Database, close_idle
from tests.support.world import PASSPHRASE, World

_PATIENCE_S = 60.0
_NEVER_S = 3600.0


@pytest.fixture
def world(one_library: None, database: Database, tmp_path: Path) -> Iterator[World]:
    world = World.create(tmp_path, database)
    yield world
    world.gateway.close()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def asked(world: World) -> str:
    facts = drafted(1)(world)
    release, original = facts["release"], facts["original"]
    builder = world.actors["builder"]
    return world.gateway.releases.add(builder, release, original, policy_ref=None, answers=Answers()).id


def lease(world: World, rendition: str) -> LeaseRow:
    with world.gateway.units.read() as session:
        return session.get_one(LeaseRow, rendition)


def _waiting_worker(settings: Settings, goes_on: Path, grace_s: float) -> None:
    """`gateway worker` with a rendition that takes until the file `goes_on` is there."""

    def slow(job: Job, sandbox: Sandbox, gauge: Gauge) -> Outcome:
        until(goes_on.exists)
        return render(job, sandbox, gauge)

    setattr(service, "render", slow)  # noqa: B010 - a name that the module imported
    setattr(serving, "GRACE_S", grace_s)  # noqa: B010 - the same grace, shorter or longer
    serving.run_worker(compose(settings, PASSPHRASE), threading.Event())


def told_to_end_at_work(world: World, rendition: str, goes_on: Path, grace_s: float) -> SpawnProcess:
    """A worker that was told to end with this rendition in hand."""
    close_idle()
    process = multiprocessing.get_context("spawn").Process(
        target=_waiting_worker, args=(world.gateway.settings, goes_on, grace_s), daemon=True
    )
    process.start()
    until(lambda: lease(world, rendition).owner is not None)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGTERM)
    return process


@pytest.mark.nightly
@pytest.mark.timeout(200)
def test_what_takes_too_long_is_handed_back_and_that_costs_no_try(world: World, tmp_path: Path) -> None:
    rendition = asked(world)
    process = told_to_end_at_work(world, rendition, tmp_path / "never", grace_s=0.5)
    process.join(_PATIENCE_S)
    assert process.exitcode == 0
    left = lease(world, rendition)
    assert (left.owner, left.attempt) == (None, 0)
    world.work()
    assert world.gateway.renders.get(rendition).state is State.CLEAN
    assert lease(world, rendition).attempt == 1


@pytest.mark.nightly
@pytest.mark.timeout(200)
def test_what_is_done_in_time_is_finished_and_nothing_more_is_begun(world: World, tmp_path: Path) -> None:
    rendition, another = asked(world), asked(world)
    process = told_to_end_at_work(world, rendition, tmp_path / "now", grace_s=_NEVER_S)
    (tmp_path / "now").touch()
    process.join(_PATIENCE_S)
    assert process.exitcode == 0
    assert world.gateway.renders.get(rendition).state is State.CLEAN
    assert lease(world, another).fence == 0


@pytest.mark.timeout(200)
def test_a_server_answers_what_is_under_way_and_takes_its_workers_along(world: World, tmp_path: Path) -> None:
    matter, settings = world.matter(), replace(world.gateway.settings, port=free_port())
    headers = {"Authorization": f"Bearer {token(world, 'builder')}", "Content-Length": str(len(CUSTOMERS))}
    world.gateway.close()
    close_idle()
    environment = {**inherited(), **told(settings, PASSPHRASE, tmp_path)}
    command = [sys.executable, "-m", "gateway.cli.main", "serve", "--workers", "1"]
    line = http.client.HTTPConnection(settings.host, settings.port, timeout=_PATIENCE_S)
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        until(lambda: b"serving on" in (tmp_path / "log").read_bytes())
        until(lambda: answers(line))
        line.putrequest("PUT", f"/api/v1/matters/{matter.id}/originals?kind=customer_list")
        for name, value in headers.items():
            line.putheader(name, value)
        line.endheaders(CUSTOMERS[:40])
        until(lambda: list((settings.blobs_dir / "tmp").iterdir()))
        server.send_signal(signal.SIGTERM)
        line.send(CUSTOMERS[40:])
        answer = line.getresponse()
        assert answer.status == http.client.CREATED
        receipt = json.loads(answer.read())
        assert server.wait(_PATIENCE_S) == 0
        with pytest.raises(ProcessLookupError):
            os.killpg(server.pid, 0)
    finally:
        line.close()
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
    world.reopen()
    assert [one.id for one in world.gateway.intake.originals(matter.id)] == [receipt["original"]]


def answers(line: http.client.HTTPConnection) -> bool:
    try:
        line.request("GET", "/readyz")
        return line.getresponse().read() != b""
    except OSError:
        line.close()
        return False
