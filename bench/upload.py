"""How much memory an upload takes in a real server, whatever the size of its body, and how fast it is kept.

Prints one Markdown table. Exit code 1 when the floor is missed: ≤ 8 MiB for an additional upload stream. The peak
of the server's resident memory is reset (`/proc/PID/clear_refs`) before each measurement, after two uploads that load
what every upload needs. Run: python -m bench.upload [--quick]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import httpx

from gateway.base.units import GIB, MIB
from tests.support.office import API, Office, Server, matter_body
from tests.support.world import PASSPHRASE, World

FLOOR_BYTES = 8 * MIB
PARALLEL = 4
_PORT = 8479


def main() -> int:
    """Measure, print, compare with the floor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="256 MiB instead of 4 GiB")
    whole = 256 * MIB if parser.parse_args().quick else 4 * GIB
    with tempfile.TemporaryDirectory() as folder:
        world = World.create(Path(folder))
        environment = {
            **os.environ,
            "GATEWAY_DATA": str(world.gateway.settings.data_dir),
            "GATEWAY_PASSPHRASE": PASSPHRASE.decode(),
            "GATEWAY_PORT": str(_PORT),
            "GATEWAY_TABLE_LIMIT_BYTES": str(8 * GIB),
        }
        command = [sys.executable, "-m", "gateway.cli.main", "serve", "--no-worker"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                return _measure(world, server.pid, whole)
            finally:
                server.terminate()


def _measure(world: World, pid: int, whole: int) -> int:
    office = Office(world, cast(Server, _Remote(f"http://127.0.0.1:{_PORT}")))
    _wait(office)
    matter = office["builder"].post(f"{API}/matters", json=matter_body()).json()["id"]
    for _ in range(2):
        _uploads(office, matter, [64 * MIB])
    rest = _resident(pid, "VmRSS")
    one, seconds = _peak(office, matter, pid, [whole])
    several, _ = _peak(office, matter, pid, [whole // PARALLEL] * PARALLEL)
    additional = max(several - one, 0) / (PARALLEL - 1)
    print(f"| {'what':<60} | {'measured':>12} | {'floor':>8} | ok  |")
    print(f"|{'-' * 62}|{'-' * 13}:|{'-' * 9}:|-----|")
    _row("server at rest, after two uploads of 64 MiB", f"{rest / MIB:.1f} MiB")
    _row(f"one stream of {whole // MIB} MiB over that", f"{(one - rest) / MIB:.1f} MiB", one - rest)
    name = f"each additional of {PARALLEL} streams of {whole // PARALLEL // MIB} MiB at once"
    _row(name, f"{additional / MIB:.1f} MiB", additional)
    _row("one stream received, hashed, encrypted, durable", f"{whole / MIB / seconds:.0f} MiB/s")
    return 0 if max(one - rest, additional) <= FLOOR_BYTES else 1


def _row(what: str, measured: str, spent_bytes: float | None = None) -> None:
    floor = "" if spent_bytes is None else "8 MiB"
    verdict = "" if spent_bytes is None else "yes" if spent_bytes <= FLOOR_BYTES else "NO"
    print(f"| {what:<60} | {measured:>12} | {floor:>8} | {verdict:<3} |")


class _Remote:
    """A server that runs in another process."""

    def __init__(self, url: str) -> None:
        self.url = url


def _wait(office: Office) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{office.server.url}/readyz", timeout=5).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("the server did not become ready")


def _peak(office: Office, matter: str, pid: int, sizes: list[int]) -> tuple[int, float]:
    Path(f"/proc/{pid}/clear_refs").write_text("5", "ascii")
    began = time.perf_counter()
    _uploads(office, matter, sizes)
    return _resident(pid, "VmHWM"), time.perf_counter() - began


def _uploads(office: Office, matter: str, sizes: list[int]) -> None:
    clients = [office.client(office.token("builder")) for _ in sizes]

    def send(client: httpx.Client, size: int) -> None:
        answer = client.put(f"{API}/matters/{matter}/originals?kind=order_book", content=_body(size), timeout=600)
        answer.raise_for_status()

    threads = [threading.Thread(target=send, args=pair) for pair in zip(clients, sizes, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.close()


def _body(size: int) -> Iterator[bytes]:
    head = b"Order no;Menge (kg)\r\n"
    line = b"SO-2025041873;943,0\r\n"
    chunk = line * (256 * 1024 // len(line))
    sent = len(head)
    yield head
    while sent + len(chunk) <= size:
        yield chunk
        sent += len(chunk)


def _resident(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"no {name} for the server")


if __name__ == "__main__":
    sys.exit(main())
