"""What an upload costs a real server, beside what the same bytes cost others in clear, and how much memory it takes.

1. Processor time for each GiB of a raw PUT, hashed, encrypted and durable, beside nginx's plain PUT (no fsync).
2. The same for a form, beside Starlette's `UploadFile`, spooled in clear, under the same server options.
3. Memory of one stream and of further ones at once; the peak is reset (`/proc/PID/clear_refs`) before each.

Rounds are interleaved, one client sends everything. Prints Markdown; exit code 1 when a floor is missed.
Run: python -m bench.upload [--quick]
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from bench import servers
from bench.servers import Process
from gateway.base.units import GIB, MIB
from tests.support.office import API, Office, Server, matter_body
from tests.support.world import World

FLOOR_BYTES = 8 * MIB
RAW_FLOOR, FORM_FLOOR = 0.5, 0.9
PARALLEL = 4
_PORT = 8479
_BOUNDARY = "bench7MA4YWxkTrZu0gW"
_FORM_HEAD = (
    f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="kind"\r\n\r\norder_book\r\n'
    f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
).encode()
_FORM_TAIL = f"\r\n--{_BOUNDARY}--\r\n".encode()


@dataclass(frozen=True)
class Request:
    """One way to send the file."""

    name: str
    server: Process
    head: str
    before: bytes = b""
    after: bytes = b""
    clean: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class Cost:
    """What one request took."""

    cpu_s: float
    wall_s: float


def main() -> int:
    """Measure, print, compare with the floors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three rounds of 128 MiB instead of seven of 512 MiB")
    quick = parser.parse_args().quick
    size, rounds, whole = (128 * MIB, 3, 256 * MIB) if quick else (512 * MIB, 7, 4 * GIB)
    with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
        folder = Path(name)
        world = World.create(folder / "world")
        gateway = stack.enter_context(servers.gateway(world, _PORT))
        office = Office(world, cast(Server, gateway))
        matter = office["builder"].post(f"{API}/matters", json=matter_body()).json()["id"]
        token = office["builder"].headers["authorization"]
        nginx = stack.enter_context(servers.nginx(folder / "nginx", _PORT + 1))
        starlette = stack.enter_context(servers.starlette(_PORT + 2))
        body = folder / "body.csv"
        _write(body, size)
        form = f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n"
        at, bearer = f"{API}/matters/{matter}/originals", f"Authorization: {token}\r\n"
        blobs = world.gateway.settings.blobs_dir

        def emptied() -> None:
            for path in (*blobs.iterdir(), *(folder / "nginx" / "kept").iterdir()):
                if path.is_file():
                    path.unlink()

        requests = [
            Request("raw", gateway, f"PUT {at}?kind=order_book HTTP/1.1\r\n{bearer}", clean=emptied),
            Request("nginx", nginx, "PUT /body HTTP/1.1\r\n", clean=emptied),
            Request("form", gateway, f"POST {at} HTTP/1.1\r\n{bearer}{form}", _FORM_HEAD, _FORM_TAIL, emptied),
            Request("starlette", starlette, f"POST / HTTP/1.1\r\n{form}", _FORM_HEAD, _FORM_TAIL),
        ]
        costs: dict[str, list[Cost]] = {one.name: [] for one in requests}
        for number in range(rounds + 1):
            for one in requests if number % 2 else reversed(requests):
                cost = _sent(one, body, size)
                if number:
                    costs[one.name].append(cost)
        speed = _told(costs, size, rounds)
        return max(speed, _memory(office, matter, gateway, whole))


def _told(costs: dict[str, list[Cost]], size: int, rounds: int) -> int:
    print(f"{rounds} interleaved rounds of {size // MIB} MiB; load at the end {os.getloadavg()[0]:.1f}\n")
    print(f"| {'what':<58} | {'median':>9} | {'range':>15} | floor |\n|{'-' * 60}|{'-' * 10}:|{'-' * 16}:|------:|")
    labels = {
        "raw": "raw PUT, hashed, encrypted, fsync",
        "nginx": "nginx plain PUT, no fsync",
        "form": "form, hashed, encrypted, fsync",
        "starlette": "Starlette `UploadFile` in clear, no fsync",
    }
    for name, label in labels.items():
        _row(f"{label}: processor time per GiB", [one.cpu_s * GIB / size for one in costs[name]], " s")
        _row(f"{label}: throughput", [size / MIB / one.wall_s for one in costs[name]], " MiB/s", digits=0)
    missed = 0
    for ours, theirs, floor in (("raw", "nginx", RAW_FLOOR), ("form", "starlette", FORM_FLOOR)):
        ratios = [a.cpu_s / b.cpu_s for a, b in zip(costs[theirs], costs[ours], strict=True)]
        _row(f"{ours} ÷ {theirs}, bytes for each processor second", ratios, " ×", floor=f"{floor} ×")
        missed |= statistics.median(ratios) < floor
    return int(missed)


def _row(what: str, values: list[float], unit: str, *, digits: int = 2, floor: str = "") -> None:
    median = f"{statistics.median(values):.{digits}f}{unit}"
    spread = f"{min(values):.{digits}f} … {max(values):.{digits}f}"
    print(f"| {what:<58} | {median:>9} | {spread:>15} | {floor:>5} |")


def _sent(one: Request, body: Path, size: int) -> Cost:
    length = len(one.before) + size + len(one.after)
    head = f"{one.head}Host: bench\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n".encode()
    before_s, began = one.server.cpu_s(), time.perf_counter()
    with socket.create_connection(("127.0.0.1", one.server.port)) as line, body.open("rb") as file:
        line.sendall(head + one.before)
        line.sendfile(file)
        line.sendall(one.after)
        answer = line.recv(65536)
        while line.recv(65536):
            pass
    wall_s = time.perf_counter() - began
    if b" 201 " not in answer[:20] and b" 204 " not in answer[:20]:
        raise SystemExit(f"{one.name} answered {answer[:400]!r}")
    cost = Cost(one.server.cpu_s() - before_s, wall_s)
    one.clean()
    return cost


def _write(path: Path, size: int) -> None:
    line = b"SO-2025041873;943,0\r\n"
    chunk = line * (MIB // len(line))
    with path.open("wb") as file:
        file.write(b"Order no;Menge (kg)\r\n")
        while file.tell() + len(chunk) <= size:
            file.write(chunk)
        file.write(line * ((size - file.tell()) // len(line)))
        file.write(b" " * (size - file.tell()))


def _memory(office: Office, matter: str, server: Process, whole: int) -> int:
    rest = server.resident_bytes()
    one = _peak(office, matter, server, [whole])
    several = _peak(office, matter, server, [whole // PARALLEL] * PARALLEL)
    additional = max(several - one, 0) / (PARALLEL - 1)
    print(f"\n| {'memory':<60} | {'measured':>12} | {'floor':>8} |\n|{'-' * 62}|{'-' * 13}:|{'-' * 9}:|")
    for what, measured in (
        ("server at rest, after the uploads above", rest),
        (f"one stream of {whole // MIB} MiB over that", one - rest),
        (f"each additional of {PARALLEL} streams of {whole // PARALLEL // MIB} MiB at once", additional),
    ):
        floor = "" if measured == rest else "8 MiB"
        print(f"| {what:<60} | {measured / MIB:>8.1f} MiB | {floor:>8} |")
    return int(max(one - rest, additional) > FLOOR_BYTES)


def _peak(office: Office, matter: str, server: Process, sizes: list[int]) -> int:
    Path(f"/proc/{server.pid}/clear_refs").write_text("5", "ascii")
    clients = [office.client(office.token("builder")) for _ in sizes]

    def send(number: int, size: int) -> None:
        rows = b"SO-2025041873;943,0\r\n" * 12_000
        chunks = (rows for _ in range(size // len(rows)))
        answer = clients[number].put(f"{API}/matters/{matter}/originals?kind=order_book", content=chunks, timeout=600)
        answer.raise_for_status()

    threads = [threading.Thread(target=send, args=pair) for pair in enumerate(sizes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.close()
    return server.resident_bytes("VmHWM")


if __name__ == "__main__":
    sys.exit(main())
