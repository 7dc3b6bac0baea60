"""A worker that has nothing to do still says that the log goes on."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from gateway.worker import loop
from gateway.worker.loop import Worker
from tests.support.world import World

_PATIENCE_S = 60.0


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
