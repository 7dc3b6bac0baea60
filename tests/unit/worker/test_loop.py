"""What a worker does between renditions keeps none of them waiting, and the log's heart beating."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from gateway.policy.answers import Answers
from gateway.render.model import State
from gateway.worker import loop
from gateway.worker.loop import Worker
from tests.support.world import World

_PATIENCE_S = 60.0
TABLE = b"Customer,Country\r\nAcme Wunderwerk GmbH,DE\r\nZephyr Motors SA,FR\r\n"


def test_the_log_has_a_heartbeat_while_a_worker_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.create(tmp_path, heartbeat_s=1)
    log = world.gateway.log
    monkeypatch.setattr(loop, "LISTEN_EVERY_S", 0.0)
    stopping, until = threading.Event(), time.monotonic() + _PATIENCE_S
    thread = threading.Thread(target=Worker(world.gateway, idle_s=0.05).run, args=(stopping,))
    before = log.size()
    thread.start()
    try:
        while log.size() == before and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        stopping.set()
        thread.join()
    told = json.loads(log.entry(before))
    assert (told["type"], told["actor"], told["subject"]) == ("log.heartbeat", "gateway", "log")
    assert told["facts"] == {"every_s": 1, "size": before}


def test_a_rendition_waits_for_no_more_than_one_of_the_tables_that_arrived(tmp_path: Path) -> None:
    world = World.create(tmp_path)
    gateway, matter = world.gateway, world.matter()
    originals = [world.upload(matter, "customer_list", TABLE + b"%d,DE\r\n" % n).original for n in range(4)]
    release = world.draft(matter)
    asked = gateway.releases.add(world.actors["builder"], release.id, originals[-1], policy_ref=None, answers=Answers())
    worker = Worker(gateway)
    assert worker.step()
    assert gateway.renders.get(asked.id).state is not State.QUEUED
    assert worker.step(), "the other tables are not forgotten"
    world.work()
    assert not worker.step()
