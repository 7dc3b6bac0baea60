"""The sandbox of processes: one child per parse, walled in before it reads the first untrusted byte.

A child is a fork of the zygote: no environment, three descriptors, no command line of its own. Untrusted bytes go down
in one sealed memory file, the reply comes up in another, and what the child writes to its error stream is thrown away.
It serves one parse and ends: what hostile bytes have touched is never used again. Whatever the child does, `run`
returns a checked reply or raises one problem.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path

from gateway.base.canon import Json
from gateway.base.problems import Problem
from gateway.sandbox import wire
from gateway.sandbox.keeper import Ending, Lost, Overdue, Zygote
from gateway.sandbox.ports import Layer, Limits, Reply
from gateway.sandbox.problems import ParseMalformed, SandboxDown
from gateway.sandbox.replies import Heard, missing, raise_overdue, reply

DEFAULT_MINIMUM = frozenset({Layer.RLIMITS, Layer.SECCOMP, Layer.LANDLOCK})

_DOWN = "The sandbox's process cannot be kept running on this host; look at its memory and its log."
_PROBE = "gateway.sandbox.probe:attempt"
_PROBE_LIMITS = Limits(memory_bytes=1 << 29, cpu_s=10, wall_s=20, output_bytes=1 << 10)
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]
_MALFORMED = "The parser's answer is not formed as agreed; treat this file as hostile and do not send it again."


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
        return self._run(self._job(task, request, limits), untrusted)

    def stream(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Iterator[bytes]:
        """The reply's blobs one by one, while `task` makes them. Raises one of `gateway.sandbox.problems`."""
        job = self._job(task, request, limits)
        with self._places, self._nursery.listen(_parts(job, untrusted), job) as heard:
            try:
                yield from heard.blobs()
            except wire.Malformed as error:
                raise ParseMalformed(_MALFORMED) from error

    def close(self) -> None:
        """End the zygotes; the next parse starts another."""
        self._nursery.close()

    def _job(self, task: str, request: Mapping[str, Json], limits: Limits) -> wire.Job:
        if task not in self._tasks:
            raise ValueError(f"{task} is not on the list of tasks")
        for layer in sorted(self._minimum - self._probed):
            missing(layer)
        return wire.Job(task, request, limits, self._probed)

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
        with self._places:
            ending, descriptor = self._nursery.converse(_parts(job, untrusted), job)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            try:
                return reply(file, ending, job.limits)
            except wire.Malformed as error:
                raise ParseMalformed(_MALFORMED) from error


def _parts(job: wire.Job, untrusted: bytes) -> tuple[bytes, ...]:
    return job.to_bytes(), wire.LENGTH.pack(len(untrusted)), untrusted


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
        for zygote in self._zygotes(job):
            try:
                ending, reply = zygote.converse(parts, job.limits.wall_s)
            except Lost:
                self._retire(zygote)
                continue
            except Overdue:
                raise_overdue(job.limits)
            if os.WIFSIGNALED(ending.status):
                # A child that was killed may have been probing for addresses, and the next one would have the same.
                self._retire(zygote)
            return ending, reply
        raise SandboxDown(_DOWN)

    @contextmanager
    def listen(self, parts: tuple[bytes, ...], job: wire.Job) -> Iterator[Heard]:
        """A child that is heard while it speaks. A zygote that is gone before it began is replaced once."""
        for zygote in self._zygotes(job):
            with ExitStack() as opened:
                try:
                    reading, leash = opened.enter_context(zygote.listen(parts))
                except Lost:
                    self._retire(zygote)
                    continue
                heard = Heard(reading, leash, job.limits)
                try:
                    yield heard
                finally:
                    if heard.was_killed:
                        self._retire(zygote)
                return
        raise SandboxDown(_DOWN)

    def _zygotes(self, job: wire.Job) -> Iterator[Zygote]:
        """At most two, the second where the first is gone."""
        for _ in range(2):
            with suppress(Lost):
                yield self._zygote(bubblewrap=Layer.BUBBLEWRAP in job.walls)

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
