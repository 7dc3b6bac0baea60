"""Writers wait in order, for a bounded time, and a busy process does not keep another out."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.db.engine import sqlite_engine
from gateway.db.failures import Busy, StorageFull
from gateway.db.unit import Units
from gateway.db.writers import Line, Turnstile

_OTHER = """
import sys
from pathlib import Path
from gateway.db.engine import sqlite_engine
from gateway.db.unit import Units
from sqlalchemy import text
units = Units(sqlite_engine(Path(sys.argv[1])))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(20):
    with units.bookkeeping() as session:
        session.execute(text("INSERT INTO progress VALUES ('other')"))
print("done", flush=True)
"""


def test_those_who_wait_come_in_the_order_in_which_they_came() -> None:
    line, came = Line(), []

    def write(number: int) -> None:
        with line.turn():
            came.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
    with line.turn():
        for number, thread in enumerate(threads):
            thread.start()
            _until(line, number + 1)
    for thread in threads:
        thread.join()
    assert came == list(range(20))


def test_who_waits_too_long_is_told_and_holds_nobody_up() -> None:
    line = Line(patience_s=0.05)
    with line.turn(), pytest.raises(Busy), line.turn():
        pass
    with line.turn():
        assert not line._waiting


def test_a_failure_at_the_head_lets_the_next_one_go() -> None:
    line = Line(patience_s=0.05)
    with pytest.raises(RuntimeError), line.turn():
        raise RuntimeError
    with line.turn():
        pass


def test_one_passes_at_a_time_and_the_others_give_up_in_time(tmp_path: Path) -> None:
    first, second = (Turnstile(tmp_path / "turn", patience_s=0.05) for _ in range(2))
    with first.passing(), pytest.raises(Busy), second.passing():
        pass
    with second.passing():
        pass


def test_a_folder_that_is_gone_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(StorageFull), Turnstile(tmp_path / "gone" / "turn").passing():
        pass


def test_a_process_that_writes_without_pause_does_not_keep_another_out(tmp_path: Path) -> None:
    file = tmp_path / "gateway.db"
    engine = sqlite_engine(file)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE progress (id TEXT)"))
    units, stopping, written = Units(engine), threading.Event(), [0]

    def write() -> None:
        while not stopping.is_set():
            with units.bookkeeping() as session:
                session.execute(text("INSERT INTO progress VALUES ('busy')"))
                time.sleep(0.005)
            written[0] += 1

    threads = [threading.Thread(target=write) for _ in range(4)]
    command = [sys.executable, "-c", _OTHER, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        for thread in threads:
            thread.start()
        other.communicate("go\n", timeout=60)
        stopping.set()
    for thread in threads:
        thread.join()
    engine.dispose()
    # Fair between two processes is one for one; polling alone let hundreds of the busy one's through.
    assert other.returncode == 0
    assert written[0] < 20 * 10


def _until(line: Line, waiting: int) -> None:
    deadline = time.monotonic() + 10
    while len(line._waiting) < waiting:
        assert time.monotonic() < deadline
        time.sleep(0.001)
