"""`serve` and `worker`: the processes of a running gateway.

Command line, web and worker are siblings that never import one another: a process is started by its name.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn

from gateway.app import Gateway, compose
from gateway.audit.service import Log
from gateway.base.presence import Alone
from gateway.base.problems import Problem
from gateway.base.units import KIB
from gateway.cli.listening import listening
from gateway.cli.output import note
from gateway.settings import from_environment, passphrase

_APPLICATION = ("gateway.web.asgi", "create_app")
_OPTIONS = ("gateway.web.asgi", "server_options")
_WORKER = ("gateway.worker.loop", "Worker")
_LOOK_S = 1.0
_MARK_S = 0.1
GRACE_S = 15.0
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # malloc.h
_GROUP_MEMORY = Path("/sys/fs/cgroup/memory.max")


def serve(
    workers: Annotated[int, typer.Option("--workers", min=0, help="Worker processes beside the server.")] = 0,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Serve alone; workers run elsewhere.")] = False,
) -> None:
    """Serve the HTTP interface, with workers beside it. Refuses to listen unprotected beyond this machine."""
    settings = from_environment()
    settings.check_serving()
    _log_to_stderr()
    _give_memory_back()
    gateway = compose(settings, passphrase)
    gateway.log.check_continues()
    gateway.policies.require_some()
    count = 0 if no_worker else workers or fitting_workers(settings.worker_memory_bytes)
    application = _named(_APPLICATION)(gateway)
    server = uvicorn.Server(uvicorn.Config(application, **_named(_OPTIONS)(settings)))
    alone = Alone(settings.serving, "Another server works on this data folder; stop it first.")
    with alone, _ended_by_signals(), listening(settings) as listener, _marking(gateway.log), _workers(count):
        scheme = "https" if settings.tls_certificate else "http"
        note(f"serving on {scheme}://{settings.host}:{settings.port} with {count} workers")
        server.run(sockets=[listener])


def worker(
    workers: Annotated[
        int, typer.Option("--workers", min=0, help="Processes to work in; 0: as many as cores and memory bear.")
    ] = 1,
) -> None:
    """Carry out queued renditions until stopped; with more than one process, replace those that die."""
    settings = from_environment()
    _log_to_stderr()
    count = workers or fitting_workers(settings.worker_memory_bytes)
    if count == 1:
        resource.setrlimit(resource.RLIMIT_DATA, (settings.worker_memory_bytes, settings.worker_memory_bytes))
        gateway = compose(settings, passphrase)
        gateway.log.check_continues()
        gateway.policies.require_some()
        run_worker(gateway, threading.Event())
        return
    with _ended_by_signals(), _workers(count):
        threading.Event().wait()


def fitting_workers(memory_bytes: int) -> int:
    """How many workers of this size, each with a child as large, the host bears; one per core, and never over four."""
    present = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):  # "max" where the group is not bounded
        present = min(present, int(_GROUP_MEMORY.read_text("ascii")))
    return max(1, min(4, os.cpu_count() or 1, present // (2 * memory_bytes)))


def run_worker(gateway: Gateway, stopping: threading.Event) -> None:
    """Work until a signal arrives or the process that started this one is gone.

    What is in hand then is finished, or handed back after `GRACE_S`.
    """
    running = _named(_WORKER)(gateway, alarm=_kill_in)

    def stop(*_signal: Any) -> None:
        if not stopping.is_set():
            stopping.set()
            grace = threading.Timer(GRACE_S, running.abandon)
            grace.daemon = True
            grace.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    parent = os.getppid()

    def look() -> None:
        while not stopping.wait(_LOOK_S):
            if os.getppid() != parent:
                stop()

    threading.Thread(target=look, daemon=True).start()
    running.run(stopping)


def _kill_in(seconds: float) -> None:
    """Have the kernel end this process then, whatever the interpreter is doing; 0 takes it back."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


@contextmanager
def _marking(log: Log) -> Iterator[None]:
    """Have the log signed into its high-water file soon after each act, whoever acted."""
    ending = threading.Event()

    def mark() -> None:
        told = ""
        while not ending.wait(_MARK_S):
            try:
                log.mark()
                told = ""
            except Problem as problem:
                # Once, and not five times a second.
                if problem.slug != told:
                    logging.getLogger("gateway.audit").warning("the log could not be signed: %s", problem.slug)
                told = problem.slug

    marking = threading.Thread(target=mark, daemon=True)
    marking.start()
    try:
        yield
    finally:
        ending.set()
        marking.join()


@contextmanager
def _workers(count: int) -> Iterator[None]:
    """`count` worker processes, replaced when one dies or is stopped, ended with the block."""
    ending = threading.Event()
    command = [sys.executable, "-m", "gateway.cli.main", "worker"]
    running = [subprocess.Popen(command) for _ in range(count)]  # noqa: S603 our own program

    def watch() -> None:
        while not ending.wait(_LOOK_S):
            for place, one in enumerate(running):
                _kill_if_stopped(one)
                if one.poll() is not None and not ending.is_set():
                    logging.getLogger("gateway.worker").error(
                        "a worker ended with %s; starting another", one.returncode
                    )
                    running[place] = subprocess.Popen(command)  # noqa: S603 our own program

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        ending.set()
        watching.join()
        for one in running:
            one.terminate()
        for one in running:
            _await(one)


def _kill_if_stopped(process: subprocess.Popen[bytes]) -> None:
    """A worker that was stopped renews no lease and may never go on: its place is another's."""
    with suppress(ChildProcessError):
        if os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOHANG) is not None:
            process.kill()


def _await(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM ends the block as an ordinary exit: the server hands it on once every request is answered."""

    def end(*_signal: Any) -> None:
        raise SystemExit(0)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _named(name: tuple[str, str]) -> Callable[..., Any]:
    module, member = name
    found: Callable[..., Any] = getattr(importlib.import_module(module), member)
    return found


def _give_memory_back() -> None:
    """Have glibc return every buffer when it is freed; elsewhere do nothing.

    By itself it keeps what was freed once for the next of that size, in up to eight arenas a core, and after many
    uploads the process holds several times what it uses.
    """
    with suppress(AttributeError, OSError):
        options = ctypes.CDLL(None).mallopt
        options(_M_MMAP_THRESHOLD, 256 * KIB)
        options(_M_ARENA_MAX, 2)


def _log_to_stderr() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
