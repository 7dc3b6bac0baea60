"""The servers that uploads are measured against, each a process of its own on loopback, and what they cost."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gateway.base.units import GIB
from tests.support.world import PASSPHRASE, World

_TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    """A running server and its children."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.pid = process.pid
        self.port = port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu_s(self) -> float:
        """The processor time that the server and its children have used."""
        return sum(_cpu_s(pid) for pid in [self.pid, *self.children()])

    def children(self) -> list[int]:
        """The processes that the server has started."""
        return [int(one) for one in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("ascii").split()]

    def resident_bytes(self, name: str = "VmRSS") -> int:
        """A line of the server's own status."""
        return resident_bytes(self.pid, name)


def resident_bytes(pid: int, name: str = "VmRSS") -> int:
    """A line of a process's status; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), 0)


@contextmanager
def gateway(world: World, port: int, workers: int = 0) -> Iterator[Process]:
    """`gateway serve` with so many workers."""
    environment = {
        "GATEWAY_DATA": str(world.gateway.settings.data_dir),
        "GATEWAY_PASSPHRASE": PASSPHRASE.decode(),
        "GATEWAY_PORT": str(port),
        "GATEWAY_TABLE_LIMIT_BYTES": str(8 * GIB),
    }
    if world.gateway.settings.database_url is not None:
        environment["GATEWAY_DATABASE_URL"] = world.gateway.settings.database_url
    count = ["--workers", str(workers)] if workers else ["--no-worker"]
    with running([sys.executable, "-m", "gateway.cli.main", "serve", *count], port, environment) as process:
        yield process


@contextmanager
def nginx(folder: Path, port: int) -> Iterator[Process]:
    """nginx that takes plain PUTs into a folder: one worker, its body file renamed into place."""
    (folder / "kept").mkdir(parents=True)
    # As root it would hand its worker to another account, which cannot enter the folder.
    user = "user root;" if os.getuid() == 0 else ""
    scratch = " ".join(f"{name}_temp_path {folder}/{name};" for name in ("proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"""{user} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
        events {{ worker_connections 64; }}
        http {{
          access_log off; client_max_body_size 0; client_body_temp_path {folder}/body; {scratch}
          server {{ listen 127.0.0.1:{port}; root {folder}/kept; location / {{ dav_methods PUT DELETE; }} }}
        }}""",
        "utf-8",
    )
    with running(["/usr/sbin/nginx", "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"], port) as process:
        yield process


@contextmanager
def starlette(port: int) -> Iterator[Process]:
    """A minimal Starlette application that takes a form's `UploadFile`, under the gateway's own server options."""
    with running([sys.executable, "-m", "bench.baseline", str(port)], port) as process:
        yield process


@contextmanager
def running(command: list[str], port: int, environment: Mapping[str, str] = {}) -> Iterator[Process]:
    """The command as a process, once it listens."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env={**os.environ, **environment}, stdout=quiet, stderr=quiet) as process:
        try:
            _await(port)
            yield Process(process, port)
        finally:
            process.terminate()


def _await(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("a server did not become ready")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
