"""What one upload asks of the kernel, in order: bytes durable, then their name, then the row that speaks of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import httpx
import pytest

from tests.support.office import API, Office, Server, matter_body
from tests.support.world import PASSPHRASE, World

PORT = 18471
CALLS = "openat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,close"


def _traceable() -> bool:
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _traceable(), reason="strace is not installed, or this machine does not permit ptrace")
def test_an_upload_is_durable_before_its_row(tmp_path: Path) -> None:
    world = World.create(tmp_path)
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-y", "-s", "0", "-e", f"trace={CALLS}", "-o", str(trace)]
    command += [sys.executable, "-m", "gateway.cli.main", "serve", "--no-worker"]
    environment = {
        **os.environ,
        "GATEWAY_DATA": str(world.gateway.settings.data_dir),
        "GATEWAY_PASSPHRASE": PASSPHRASE.decode(),
        "GATEWAY_PORT": str(PORT),
    }
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet) as traced:
        try:
            office = Office(world, cast(Server, _Remote()))
            _await_ready()
            number = office["builder"].post(f"{API}/matters", json=matter_body()).json()["id"]
            rows = b"SO-2025041873;943,0\r\n" * 150_000
            answer = office["builder"].put(
                f"{API}/matters/{number}/originals",
                params={"kind": "order_book"},
                content=b"Order no;Menge (kg)\r\n" + rows,
            )
            assert answer.status_code == 201, answer.text
            office.close()
        finally:
            _end(traced)
    calls = _calls(trace)
    blobs = str(world.gateway.settings.blobs_dir)
    (blob,) = [path.name for path in Path(blobs).iterdir() if path.is_file()]
    check_order(calls, blobs, blob, str(world.gateway.settings.database))


def check_order(calls: Sequence[str], blobs: str, blob: str, database: str) -> None:
    """write … → fsync → rename → fsync of the folder → the row's frames in the write-ahead log → their fsync."""
    temporary, final = f"{blobs}/tmp/{blob}", f"{blobs}/{blob}"
    writes = _places(calls, rf"write\(\d+<{temporary}>")
    assert len(writes) >= 4, "one for the header and each segment"
    (durable,) = _places(calls, rf"fsync\(\d+<{temporary}>")
    (renamed,) = _places(calls, rf'rename\("{temporary}", "{final}"')
    folder = next(at for at in _places(calls, rf"fsync\(\d+<{blobs}>") if at > renamed)
    assert writes[-1] < durable < renamed < folder
    wal = rf"<{database}-wal>"
    between = [at for at in _places(calls, rf"pwrite64\(\d+{wal}") if writes[0] < at < folder]
    assert between == [], "no row is written before the bytes are durable under their name"
    frames = [at for at in _places(calls, rf"pwrite64\(\d+{wal}") if at > folder]
    synced = [at for at in _places(calls, rf"f(?:data)?sync\(\d+{wal}") if at > folder]
    assert frames
    assert synced
    assert frames[0] < synced[0]
    answered = [at for at in _places(calls, r"write\(\d+<(?:socket|TCP)") if at > folder]
    assert not answered or synced[0] < answered[0], "nobody is told before the row is durable"


def _places(calls: Sequence[str], pattern: str) -> list[int]:
    return [at for at, call in enumerate(calls) if re.match(pattern, call)]


def _calls(trace: Path) -> list[str]:
    """Every call where it ended; a call that was interrupted by another thread's is joined with its beginning."""
    begun: dict[str, str] = {}
    calls = []
    for line in trace.read_text("utf-8", "replace").splitlines():
        thread, _, call = line.partition(" ")
        call = call.strip()
        if call.endswith("<unfinished ...>"):
            begun[thread] = call.removesuffix("<unfinished ...>")
        elif (again := re.match(r"<\.\.\. \w+ resumed>(.*)", call)) is not None:
            calls.append(begun.pop(thread, "") + again[1])
        else:
            calls.append(call)
    return calls


class _Remote:
    url = f"http://127.0.0.1:{PORT}"


def _await_ready() -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            if httpx.get(f"{_Remote.url}/readyz", timeout=10).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, "the traced server did not become ready"
        time.sleep(0.2)


def _end(traced: subprocess.Popen[bytes]) -> None:
    """strace hands no signal on: its child is ended, and it ends with that."""
    children = Path(f"/proc/{traced.pid}/task/{traced.pid}/children").read_text("ascii").split()
    for child in children:
        os.kill(int(child), 15)
    try:
        traced.wait(30)
    except subprocess.TimeoutExpired:
        traced.kill()
