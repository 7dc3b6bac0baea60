"""Fuzzing as one process: it names each case before it runs it, so that whoever waits knows over which one it died.

    python -m tests.fuzz.fuzzing SEED SECONDS CASES TARGET…

Up the standard output go the target and number of each case as it begins, and `wrong` with what was thrown that is no
problem. A case past the bounds of time ends the process (SIGPROF), one past those of memory is wrong like any other.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Final

from gateway.base.problems import Problem
from tests.fuzz.mutations import mutated
from tests.fuzz.targets import TARGETS

CPU_S: Final = 10
MEMORY_BYTES: Final = 1 << 30


def case(seed: str, target: str, number: int) -> bytes:
    """The file of this case."""
    chance = random.Random(f"{seed}/{target}/{number}")
    specimens = TARGETS[target].specimens()
    return mutated(chance.choice(specimens), specimens, chance)


def main(seed: str, seconds: float, cases: int, targets: list[str]) -> None:
    """Run each target for so long, or so many cases, whichever ends first."""
    warnings.simplefilter("ignore")
    for target in targets:
        TARGETS[target].read(TARGETS[target].specimens()[0])
        _bound_memory()
        until = time.monotonic() + seconds
        for number in range(cases):
            if time.monotonic() > until:
                break
            _run(seed, target, number)


def _run(seed: str, target: str, number: int) -> None:
    data = case(seed, target, number)
    os.write(1, f"case {target} {number}\n".encode())
    signal.setitimer(signal.ITIMER_PROF, CPU_S)
    try:
        TARGETS[target].read(data)
    except Problem as problem:
        if not problem.detail.endswith("."):
            _wrong("a problem without a sentence")
    except Exception as error:  # noqa: BLE001 - border: whatever is thrown here is what was looked for
        at = [frame for frame in traceback.extract_tb(error.__traceback__) if "/gateway/" in frame.filename][-1]
        _wrong(f"{type(error).__name__} at {Path(at.filename).name}:{at.lineno}")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _wrong(what: str) -> None:
    os.write(1, f"wrong {what}\n".encode())


def _bound_memory() -> None:
    own = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (own + MEMORY_BYTES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
