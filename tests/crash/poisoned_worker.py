"""Workers whose renderer ends as its original says: as `gateway worker` runs them, but for that and a shorter clock.

`python -m tests.crash.poisoned_worker N` keeps N of them running, forked so that each death costs no imports.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping

from gateway.app import compose
from gateway.base.progress import Gauge
from gateway.cli.serving import run_worker
from gateway.render import service
from gateway.render.model import Outcome
from gateway.render.pipeline import Job, render
from gateway.sandbox.ports import Sandbox
from gateway.sandbox.syscalls import die_with_parent
from gateway.settings import from_environment, passphrase
from gateway.worker import loop

ENDS: Mapping[bytes, Callable[[], object]] = {
    b"CRASHES": lambda: ctypes.string_at(0),
    # In one call of the interpreter's own code: no thread of the process gets a turn any more.
    b"HANGS": lambda: sum(itertools.repeat(0)),
    b"GROWS": lambda: bytearray(1 << 45),
}


def poisoned(job: Job, sandbox: Sandbox, gauge: Gauge) -> Outcome:
    """Render, unless the original says how to end instead."""
    if found := re.search(rb"POISON (\w+)", job.untrusted_original):
        ENDS[found[1]]()
    return render(job, sandbox, gauge)


def work() -> None:
    """One worker, until its parent is gone."""
    setattr(service, "render", poisoned)  # noqa: B010 - a name that the module imported
    setattr(loop, "JOB_WALL_S", 12.0)  # noqa: B010 - the same clock, sooner
    run_worker(compose(from_environment(), passphrase()), threading.Event())


def main(count: int) -> None:
    """Keep so many at work, as long as the test lives."""
    die_with_parent()
    running: set[int] = set()
    while True:
        while len(running) < count:
            pid = os.fork()
            if pid == 0:
                work()
                os._exit(0)
            running.add(pid)
        running.discard(os.wait()[0])


if __name__ == "__main__":
    main(int(sys.argv[1]))
