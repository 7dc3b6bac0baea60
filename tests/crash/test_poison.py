"""Originals that kill, hang or swell the renderer, and workers that are killed or stopped: the queue goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.cli import serving
from gateway.policy.answers import Answers
from gateway.render.model import Rendition, State
from gateway.render.service import MAX_ATTEMPTS
from tests.crash.launcher import inherited, told
from tests.crash.poisoned_worker import ENDS
from tests.crash.stages import CUSTOMERS
from tests.support.world import PASSPHRASE, World

LEASE_S = 1.5
AT_WORK = (State.QUEUED, State.RENDERING)


@pytest.fixture
def world(one_library: None, tmp_path: Path) -> Iterator[World]:
    world = World.create(tmp_path)
    yield world
    world.gateway.close()


@pytest.fixture
def environment(world: World, tmp_path: Path) -> dict[str, str]:
    settings = replace(world.gateway.settings, lease_s=LEASE_S)
    return {**inherited(), **told(settings, PASSPHRASE, tmp_path)}


@contextmanager
def workers(environment: dict[str, str], count: int = 1) -> Iterator[int]:
    """So many workers, replaced when they die, and gone when the block ends; their process group."""
    command = (sys.executable, "-m", "tests.crash.poisoned_worker", str(count))
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def asked(world: World, *poisons: str) -> list[Rendition]:
    """One queued rendition for each poison, and one of a harmless original behind them."""
    matter = world.matter()
    release = world.draft(matter)
    queued = []
    for poison in (*(f"POISON {how}" for how in poisons), "harmless"):
        original = world.upload(matter, "customer_list", CUSTOMERS.replace(b"Zephyr", poison.encode())).original
        builder = world.actors["builder"]
        queued.append(world.gateway.releases.add(builder, release.id, original, policy_ref=None, answers=Answers()))
    return queued


def until(world: World, condition: Callable[[], bool], timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the queue does not go on"
        time.sleep(0.1)


def state(world: World, one: Rendition) -> State:
    return world.gateway.renders.get(one.id).state


@pytest.mark.nightly
@pytest.mark.timeout(400)
def test_poison_ends_refused_after_bounded_tries_and_the_others_go_on(
    world: World, environment: dict[str, str]
) -> None:
    queued = asked(world, *(how.decode() for how in ENDS))
    with workers(environment, 2):
        until(world, lambda: all(state(world, one) not in AT_WORK for one in queued), timeout_s=300)
    settled = [state(world, one) for one in queued]
    assert settled[-1] in (State.CLEAN, State.WAITING)
    for one in queued[:-1]:
        refused = world.gateway.renders.get(one.id)
        assert refused.state is State.REFUSED
        assert f"the renderer died {MAX_ATTEMPTS} times over this original" in (refused.reason or "")


@pytest.mark.timeout(200)
def test_a_killed_workers_job_is_taken_over(world: World, environment: dict[str, str]) -> None:
    (one,) = asked(world)
    with workers(environment):
        until(world, lambda: state(world, one) is not State.QUEUED)
    with workers(environment):
        until(world, lambda: state(world, one) in (State.CLEAN, State.WAITING))


@pytest.mark.timeout(100)
def test_whoever_watches_kills_a_stopped_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_LOOK_S", 0.05)
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def sleeping(_command: object) -> subprocess.Popen[bytes]:
        started.append(popen([sys.executable, "-c", "import time; time.sleep(60)"]))
        return started[-1]

    monkeypatch.setattr("gateway.cli.serving.subprocess.Popen", sleeping)
    with serving._workers(1):
        started[0].send_signal(signal.SIGSTOP)
        deadline = time.monotonic() + 30
        while len(started) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert [one.returncode for one in started] == [-signal.SIGKILL, -signal.SIGTERM]
