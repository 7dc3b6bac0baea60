"""How long `gateway serve` takes to answer again after `kill -9`, beside an empty FastAPI application under uvicorn.

The data folder holds a matter with originals and releases, as after some use. In each round both are killed and
started again, in turn, and asked until they answer: the gateway at `/readyz`, which is when it can work. Prints one
Markdown table; exit code 1 when the median is above five seconds.
Run: python -m bench.restart [--quick]
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx

from bench import servers
from tests.support.world import World

CEILING_S = 5.0
ORIGINALS = 200
_PORT, _BASELINE_PORT = 8486, 8487
_EVERY_S, _LATEST_S = 0.02, 120.0
_EMPTY = f"import fastapi, uvicorn; uvicorn.run(fastapi.FastAPI(), port={_BASELINE_PORT})"


def main() -> int:
    """Measure, print, compare with the ceiling."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    rounds = 3 if parser.parse_args().quick else 15
    gateway: list[float] = []
    empty: list[float] = []
    with tempfile.TemporaryDirectory(prefix="restart-") as name:
        world = World.create(Path(name))
        matter = world.matter()
        for number in range(ORIGINALS):
            world.upload(matter, "customer_list", f"Customer,Country\r\nAcme {number},DE\r\n".encode())
        world.gateway.close()
        for number in range(rounds + 1):
            first = number == 0  # what is read from the disk for the first time, and compiled, is not a restart
            for took, start, path in (
                (gateway, lambda: servers.gateway(world, _PORT), "/readyz"),
                (empty, lambda: servers.running([sys.executable, "-c", _EMPTY], _BASELINE_PORT), "/"),
            ):
                seconds = _until_answered(start, path)
                if not first:
                    took.append(seconds)
    return _told(gateway, empty)


def _until_answered(start: Callable[[], AbstractContextManager[servers.Process]], path: str) -> float:
    """From the start of the process to its first answer; it is killed then, so that the next start is a restart."""
    began = time.monotonic()
    with start() as process:
        while time.monotonic() - began < _LATEST_S:
            try:
                answer = httpx.get(f"{process.url}{path}", trust_env=False)
            except httpx.TransportError:
                time.sleep(_EVERY_S)
                continue
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                took = time.monotonic() - began
                os.kill(process.pid, signal.SIGKILL)
                return took
            time.sleep(_EVERY_S)
    raise SystemExit("a server did not become ready")


def _told(gateway: list[float], empty: list[float]) -> int:
    print(f"load {os.getloadavg()[0]:.1f}\n")
    print("| server | median | range | ceiling | ok |\n|---|---:|---:|---:|---|")
    good = statistics.median(gateway) <= CEILING_S
    for name, took, ceiling, ok in (
        (f"`gateway serve`, {ORIGINALS} originals", gateway, f"{CEILING_S:.0f} s", "yes" if good else "NO"),
        ("empty FastAPI application", empty, "", ""),
    ):
        print(f"| {name} | {statistics.median(took):.2f} s | {min(took):.2f}-{max(took):.2f} | {ceiling} | {ok} |")
    print(f"\nratio of medians {statistics.median(gateway) / statistics.median(empty):.1f}")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
