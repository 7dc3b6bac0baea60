"""`kill -9` at any moment, again and again, under load: nothing acknowledged is lost, nothing unapproved gets out.

`CRASH_KILLS` is how many processes are killed on each database (4 unless told otherwise, 300 in `make nightly`): in
each round a server and a worker, and on PostgreSQL in every other one the database besides. `CRASH_SEED` repeats the
dice of an earlier run.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url

from gateway.app import compose
from gateway.seal.twin import to_text
from gateway.settings import Settings
from gateway.verify import verify_package
from tests.crash.checks import RESTART_S, check_acknowledged, check_all, held_by, plaintext_in, waited_s
from tests.crash.launcher import Launcher, free_port, inherited, told
from tests.crash.load import SECRET, Load, token
from tests.support.databases import POSTGRES, SQLITE, Database, Postgres, close_idle
from tests.support.postgres import Cluster, programs
from tests.support.world import PASSPHRASE, World

ROUNDS = int(os.environ.get("CRASH_KILLS", "4")) // 2
SEED = int(os.environ.get("CRASH_SEED", "0")) or secrets.randbits(32)
_LATEST_START_S = 240.0


@pytest.fixture
def server(database: Database) -> Iterator[Cluster | None]:
    """A database server that may be killed too, where there is one."""
    folder = programs() if database.kind == POSTGRES.kind else None
    own = None if folder is None else Cluster(folder)
    yield own
    close_idle()
    if own is not None:
        own.remove()


@pytest.fixture
def world(one_library: None, server: Cluster | None, tmp_path: Path) -> Iterator[World]:
    world = World.create(tmp_path, SQLITE if server is None else Postgres(lambda: server))
    yield world
    world.gateway.close()


@pytest.fixture
def settings(world: World) -> Settings:
    """The settings of the server processes: the world's, on a free port."""
    return replace(world.gateway.settings, port=free_port(), lease_s=1.0)


@pytest.fixture
def environment(settings: Settings, tmp_path: Path) -> dict[str, str]:
    """What the server processes are told."""
    (tmp_path / "tmp").mkdir()
    return {**told(settings, PASSPHRASE, tmp_path), "TMPDIR": str(tmp_path / "tmp")}


@pytest.fixture
def load(world: World, settings: Settings) -> Iterator[Load]:
    """Four people with tokens, on a matter with nothing in it."""
    matter = world.matter()
    tokens = {name: token(world, name) for name in ("builder", "legal1", "legal2", "dispatcher")}
    url = f"http://{settings.host}:{settings.port}"
    load = Load(world, url, tokens, matter.id, matter.recipients[0].id, SEED)
    yield load
    load.stop()


@pytest.mark.nightly
@pytest.mark.timeout(900 + 60 * ROUNDS)
def test_random_kills_under_load_lose_nothing_and_leave_nothing(
    world: World,
    server: Cluster | None,
    settings: Settings,
    environment: dict[str, str],
    load: Load,
    tmp_path: Path,
) -> None:
    sys.stderr.write(f"CRASH_SEED={SEED} CRASH_KILLS={2 * ROUNDS}\n")
    dice = random.Random(SEED)
    held = held_by(world)
    world.gateway.close()
    took = []
    seen = 0
    load.start()
    with Launcher(environment, tmp_path / "server.log") as launcher:
        for kill in range(ROUNDS):
            running = [launcher.start("serve", "--no-worker"), launcher.start("worker")]
            if dice.random() < 0.85:
                took.append(until_ready(settings, running[0]))
                assert processor_seconds(running[0]) < RESTART_S
            time.sleep(dice.uniform(0.0, 1.2))
            if server is not None and dice.random() < 0.5:
                # The gateway is at work while its database dies, and goes on when that comes back.
                server.stop(signal.SIGKILL)
                server.start()
                time.sleep(dice.uniform(0.0, 0.6))
            dice.shuffle(running)
            launcher.kill(running.pop())
            if dice.random() < 0.5:
                # The other one goes on alone.
                time.sleep(dice.uniform(0.0, 0.5))
            answered = list(load.acknowledged)
            launcher.kill(*running)
            assert plaintext_in(tmp_path, [SECRET]) == []
            world.gateway = compose(world.gateway.settings, PASSPHRASE)
            entries = check_all(world, held, tmp_path / f"export-{kill}")
            check_acknowledged(world, answered[seen:], entries)
            seen = len(answered)
            held = held_by(world)
            world.gateway.close()
            assert not load.wrong, (SEED, load.wrong)
        launcher.start("serve", "--no-worker")
        launcher.start("worker")
        load.settle(timeout_s=600)
    world.gateway = compose(world.gateway.settings, PASSPHRASE)
    entries = check_all(world, held, tmp_path / "export")
    check_acknowledged(world, load.acknowledged, entries)
    everything_happened_once(world, load, tmp_path)
    assert plaintext_in(tmp_path, [SECRET]) == []
    assert server is None or SECRET not in server.disk(make_url(settings.database_url or "").database or "")
    assert min(took) < RESTART_S
    sys.stderr.write(
        f"{len(load.originals)} originals, {len(load.journeys)} releases, {load.refused} renditions given up, "
        f"{len(entries)} entries, restarts took {statistics.median(took):.2f} s, at most {max(took):.2f} s\n"
    )


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_server_killed_beside_its_worker_comes_back(
    world: World, settings: Settings, environment: dict[str, str], load: Load, tmp_path: Path
) -> None:
    """Nothing is shared with the test here: `gateway serve` as it is started by hand, its worker left behind alive.

    How long that takes, with a Python that imports everything anew, is `python -m bench.restart`.
    """
    held = held_by(world)
    world.gateway.close()
    command = [sys.executable, "-m", "gateway.cli.main", "serve", "--workers", "1"]
    variables = {**inherited(), **environment}
    running = []
    try:
        with (tmp_path / "server.log").open("wb") as log:
            for _ in range(3):
                server = subprocess.Popen(command, env=variables, stdout=log, stderr=log, start_new_session=True)
                running.append(server)
                until_ready(settings, server.pid)
                if len(running) == 1:
                    load.start()
                if len(running) < 3:
                    time.sleep(1.0)
                    server.kill()
                    server.wait()
            load.settle(timeout_s=300)
    finally:
        for one in running:
            with_group_gone(one)
    world.gateway = compose(world.gateway.settings, PASSPHRASE)
    entries = check_all(world, held, tmp_path / "export")
    check_acknowledged(world, load.acknowledged, entries)
    everything_happened_once(world, load, tmp_path)


def everything_happened_once(world: World, load: Load, folder: Path) -> None:
    """Each upload is one original, each draft one release, and every package verifies."""
    gateway = world.gateway
    assert {one.id for one in gateway.intake.originals(load.matter)} == {one.id for one in load.originals}
    assert {one.sha256 for one in gateway.intake.originals(load.matter)} == {one.sha256 for one in load.originals}
    releases = gateway.releases.of_matter(load.matter)
    assert {one.id for one in releases} == {one.id for one in load.journeys}
    dispatched = [one for one in releases if one.package_object is not None]
    assert len(dispatched) == len(load.journeys) - load.refused
    assert dispatched, "no journey came to its end"
    for release in dispatched:
        package = folder / f"{release.id}.zip"
        package.write_bytes(world.package(release))
        report = verify_package(package, log_key=gateway.log.vkey(), package_key=to_text(gateway.package_key().public))
        assert report.ok, report.to_json()


def until_ready(settings: Settings, pid: int) -> float:
    """Wait until the server answers that it can work; the seconds that took, but for those others had the processor."""
    with httpx.Client(base_url=f"http://{settings.host}:{settings.port}", timeout=30, verify=False) as client:
        started = time.monotonic()
        while True:
            try:
                if client.get("/readyz").status_code == httpx.codes.OK:
                    break
            except httpx.TransportError:
                pass
            assert time.monotonic() - started < _LATEST_START_S, "the server did not start"
            time.sleep(0.02)
    return time.monotonic() - started - waited_s(Path(f"/proc/{pid}"))


def processor_seconds(pid: int) -> float:
    """How long a process has been computing."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def with_group_gone(process: subprocess.Popen[bytes]) -> None:
    """End a process and everything that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        process.wait()
