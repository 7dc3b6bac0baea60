"""The sandbox of processes: one child per parse, walled in before it reads the first untrusted byte.

A child is a fork of the zygote: no environment, three descriptors, no command line of its own. Untrusted bytes go down
in one sealed memory file, the reply comes up in another, and what the child writes to its error stream is thrown away.
It serves one parse and ends: what hostile bytes have touched is never used again. Whatever the child does, `run`
returns a checked reply or raises one problem.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import weakref
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import IO, NoReturn

from gateway.base.canon import Json
from gateway.base.problems import Problem
from gateway.sandbox import wire
from gateway.sandbox.keeper import Ending, Lost, Overdue, Zygote
from gateway.sandbox.ports import Layer, Limits, Reply
from gateway.sandbox.problems import (
    ParseForbiddenCall,
    ParseMalformed,
    ParseMemory,
    ParseOversize,
    ParseRefused,
    ParseTimeout,
    SandboxDown,
    SandboxMissing,
)

DEFAULT_MINIMUM = frozenset({Layer.RLIMITS, Layer.SECCOMP, Layer.LANDLOCK})

_PROBE = "gateway.sandbox.probe:attempt"
_PROBE_LIMITS = Limits(memory_bytes=1 << 29, cpu_s=10, wall_s=20, output_bytes=1 << 10)
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]
_CODE = re.compile(r"[a-z][a-z0-9-]{0,39}")
_REMEDY = {
    Layer.RLIMITS: "run the gateway on Linux",
    Layer.SECCOMP: "run it on Linux (x86_64 or aarch64) with CONFIG_SECCOMP_FILTER",
    Layer.LANDLOCK: "boot a kernel from 5.13 on with landlock in its list of security modules",
    Layer.BUBBLEWRAP: "install bubblewrap and allow user namespaces",
}


class ProcessSandbox:
    """Runs tasks of a closed list, each in its own child, at most `parallel` at once.

    `tasks` are `module:function` names; no other can run. `minimum` are the layers without which nothing is parsed.
    `import_roots` are folders beside the gateway's own from which tasks may be imported. `cold` are those tasks whose
    import starts threads, which a fork would leave behind: each of their children imports them itself.
    """

    def __init__(
        self,
        tasks: tuple[str, ...],
        minimum: frozenset[Layer] = DEFAULT_MINIMUM,
        import_roots: tuple[Path, ...] = (),
        *,
        cold: frozenset[str] = frozenset(),
        parallel: int | None = None,
    ) -> None:
        self._tasks = frozenset(tasks)
        self._minimum = minimum
        self._nursery = _Nursery((_PACKAGE_PARENT, *import_roots), frozenset({_PROBE, *tasks}) - cold)
        self._places = threading.BoundedSemaphore(parallel or (os.cpu_count() or 1) + 1)
        weakref.finalize(self, self._nursery.close)

    def layers(self) -> frozenset[Layer]:
        """The walls that stand around a child on this host: each was tried once by a child behind that wall alone."""
        return self._probed

    def run(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Reply:
        """Run `task` over `untrusted` behind every wall there is. Raises one of `gateway.sandbox.problems`."""
        if task not in self._tasks:
            raise ValueError(f"{task} is not on the list of tasks")
        for layer in sorted(self._minimum - self._probed):
            _missing(layer)
        return self._run(wire.Job(task, request, limits, self._probed), untrusted)

    def close(self) -> None:
        """End the zygotes; the next parse starts another."""
        self._nursery.close()

    @cached_property
    def _probed(self) -> frozenset[Layer]:
        if not sys.platform.startswith("linux"):
            return frozenset()
        return frozenset(layer for layer in Layer if self._holds(layer))

    def _holds(self, layer: Layer) -> bool:
        job = wire.Job(_PROBE, {"layer": layer}, _PROBE_LIMITS, frozenset({layer}))
        try:
            return self._run(job, b"").header == {"held": True}
        except (Problem, OSError):
            return False

    def _run(self, job: wire.Job, untrusted: bytes) -> Reply:
        parts = (job.to_bytes(), wire.LENGTH.pack(len(untrusted)), untrusted)
        with self._places:
            ending, descriptor = self._nursery.converse(parts, job)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            try:
                return _reply(file, ending, job.limits)
            except wire.Malformed as error:
                raise ParseMalformed(
                    "The parser's answer is not formed as agreed; treat this file as hostile and do not send it again."
                ) from error


class _Nursery:
    """The zygotes of one sandbox: one behind bubblewrap, one without, each started when it is first needed."""

    def __init__(self, roots: tuple[Path, ...], warm: frozenset[str]) -> None:
        self._roots = roots
        self._modules = sorted({task.partition(":")[0] for task in warm})
        self._lock = threading.Lock()
        self._serving: dict[bool, Zygote] = {}
        self._leaving: list[Zygote] = []

    def converse(self, parts: tuple[bytes, ...], job: wire.Job) -> tuple[Ending, int]:
        """How a child ended, and its sealed reply. A zygote that is gone is replaced once, and nobody notices."""
        bubblewrap = Layer.BUBBLEWRAP in job.walls
        for _ in range(2):
            try:
                zygote = self._zygote(bubblewrap=bubblewrap)
            except Lost:
                continue
            try:
                ending, reply = zygote.converse(parts, job.limits.wall_s)
            except Lost:
                self._retire(zygote)
                continue
            except Overdue:
                raise ParseTimeout(
                    f"The parse took longer than {job.limits.wall_s} s and was stopped; split the file or make it anew."
                ) from None
            if os.WIFSIGNALED(ending.status):
                # A child that was killed may have been probing for addresses, and the next one would have the same.
                self._retire(zygote)
            return ending, reply
        raise SandboxDown("The sandbox's process cannot be kept running on this host; look at its memory and its log.")

    def close(self) -> None:
        """End every zygote."""
        with self._lock:
            ending = [*self._serving.values(), *self._leaving]
            self._serving.clear()
            self._leaving.clear()
        for zygote in ending:
            zygote.end()

    def _zygote(self, *, bubblewrap: bool) -> Zygote:
        with self._lock:
            self._leaving = [zygote for zygote in self._leaving if zygote.process.poll() is None]
            if bubblewrap not in self._serving:
                self._serving[bubblewrap] = Zygote(self._roots, self._modules, bubblewrap=bubblewrap)
            return self._serving[bubblewrap]

    def _retire(self, zygote: Zygote) -> None:
        with self._lock:
            for place, one in list(self._serving.items()):
                if one is zygote:
                    del self._serving[place]
                    zygote.let_go()
                    self._leaving.append(zygote)


def _reply(file: IO[bytes], ending: Ending, limits: Limits) -> Reply:
    """The checked reply, or the one problem that there is instead."""
    if os.WIFSIGNALED(ending.status):
        _raise_killed(os.WTERMSIG(ending.status), limits)
    head = wire.Head.from_untrusted(_taken(file, wire.header_length(_taken(file, wire.PREFIX.size))))
    if head.status != wire.OK:
        _raise_told(head)
    if sum(head.lengths) > limits.output_bytes:
        raise ParseOversize(
            f"The parse gave out more than {limits.output_bytes} bytes; split the file into smaller ones."
        )
    blobs = tuple(_taken(file, length) for length in head.lengths)
    if file.read(1):
        raise wire.Malformed("bytes after the end")
    return Reply(head.header, blobs, ending.cpu_s)


def _taken(file: IO[bytes], length: int) -> bytes:
    # Its size first, so that a length that was made up takes no memory.
    if length > os.fstat(file.fileno()).st_size:
        _raise_died()
    data = file.read(length)
    if len(data) != length:
        _raise_died()
    return data


def _raise_killed(number: int, limits: Limits) -> NoReturn:
    if number == signal.SIGXCPU:
        raise ParseTimeout(
            f"The parse used more than {limits.cpu_s} s of the processor and was stopped; split the file or make it "
            "anew."
        )
    if number == signal.SIGSYS:
        raise ParseForbiddenCall(
            "The parser tried to leave its sandbox and was killed; treat this file as hostile and do not open it."
        )
    _raise_died()


def _raise_died() -> NoReturn:
    raise ParseRefused("The parser died over this file; it is damaged or hostile, so make it anew from its source.")


def _raise_told(head: wire.Head) -> NoReturn:
    if head.status == wire.REFUSED:
        code, numbers = head.header.get("code"), head.header.get("numbers")
        if not isinstance(code, str) or not _CODE.fullmatch(code) or not isinstance(numbers, dict):
            raise wire.Malformed("refusal")
        if not all(_CODE.fullmatch(key.replace("_", "-")) and type(value) is int for key, value in numbers.items()):
            raise wire.Malformed("numbers")
        raise ParseRefused("The parser would not take this file; make it anew from its source.", code, numbers)
    if head.status == wire.NO_MEMORY:
        raise ParseMemory("The parse needed more memory than one file may use; split the file into smaller ones.")
    if head.status == wire.NO_WALL:
        layer = head.header.get("layer")
        _missing(Layer(layer) if layer in set(Layer) else Layer.SECCOMP)
    if head.status == wire.FAILED:
        raise ParseRefused("The parser broke over this file; it is damaged, so make it anew from its source.")
    raise wire.Malformed("status")


def _missing(layer: Layer) -> NoReturn:
    raise SandboxMissing(f"The sandbox layer {layer} does not stand on this host: {_REMEDY[layer]}.")
