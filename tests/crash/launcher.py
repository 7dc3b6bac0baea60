"""A process that imports the command line once and forks it: `gateway serve` and `gateway worker`, killed and replaced.

What runs in the children is the command line's own code from its first line on; only the imports are shared. Each
child leads a process group, so that its sandboxes die with it. One JSON line in, one out.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from gateway.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def inherited() -> dict[str, str]:
    """This process's variables, but for what they tell a gateway, and where its code lies."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    return {**ours, "PYTHONPATH": str(ROOT)}


def told(settings: Settings, passphrase: bytes, folder: Path) -> dict[str, str]:
    """What a process of the gateway is told to work with these settings; the passphrase goes to a file in `folder`."""
    (folder / "passphrase").write_bytes(passphrase)
    return {
        "GATEWAY_DATA": str(settings.data_dir),
        "GATEWAY_PORT": str(settings.port),
        "GATEWAY_LEASE_S": str(settings.lease_s),
        "GATEWAY_PASSPHRASE_FILE": str(folder / "passphrase"),
        **({} if settings.database_url is None else {"GATEWAY_DATABASE_URL": settings.database_url}),
    }


class Launcher:
    """The forking process, from the outside."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.launcher"],
            cwd=ROOT,
            env={**inherited(), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._running: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill(*self._running)
        self._process.communicate(timeout=20)

    def start(self, *arguments: str) -> int:
        """Start `gateway` with these arguments; its process id."""
        pid = int(self._ask({"start": list(arguments), "log": str(self._log)}))
        self._running.add(pid)
        return pid

    def kill(self, *pids: int) -> None:
        """`kill -9` these processes and what they started; on return they are gone."""
        if pids:
            self._ask({"kill": list(pids)})
            self._running -= set(pids)

    def _ask(self, request: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the launcher died"
        return json.loads(line)


def _started(arguments: Sequence[str], log: str) -> int:
    child = os.fork()
    if child:
        return child
    os.setsid()
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (descriptor, 1), (descriptor, 2)):
        os.dup2(source, target)
    from gateway.cli.main import main

    sys.argv = ["gateway", *arguments]
    main()
    os._exit(0)


def _killed(pids: Sequence[int]) -> int:
    for pid in pids:
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            os.kill(pid, signal.SIGKILL)
    for pid in pids:
        os.waitpid(pid, 0)
    return len(pids)


def _serve() -> None:
    for name in ("gateway.cli.main", "gateway.web.asgi", "gateway.worker.loop", "gateway.release.index_pdf"):
        importlib.import_module(name)
    for line in sys.stdin:
        request = json.loads(line)
        answer = _started(request["start"], request["log"]) if "start" in request else _killed(request["kill"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
