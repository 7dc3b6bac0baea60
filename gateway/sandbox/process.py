"""The sandbox of processes: one fresh child per parse, walled in before it reads the first untrusted byte.

The child is `python -I` with an empty environment, three descriptors, a new session, and nothing on its command line
but where the code lies. Untrusted bytes go down one pipe, the reply comes up another, and what the child writes to its
error stream is thrown away. Whatever the child does, `run` returns a checked reply or raises one problem.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import IO, NoReturn, cast

from gateway.base.canon import Json
from gateway.base.problems import Problem
from gateway.sandbox import wire
from gateway.sandbox.ports import Layer, Limits, Reply
from gateway.sandbox.problems import (
    ParseForbiddenCall,
    ParseMalformed,
    ParseMemory,
    ParseOversize,
    ParseRefused,
    ParseTimeout,
    SandboxMissing,
)

DEFAULT_MINIMUM = frozenset({Layer.RLIMITS, Layer.SECCOMP, Layer.LANDLOCK})

_PROBE = "gateway.sandbox.probe:attempt"
_PROBE_LIMITS = Limits(memory_bytes=1 << 29, cpu_s=10, wall_s=20, output_bytes=1 << 10)
_ENTER = "import sys; sys.path[:0] = sys.argv[1:]; from gateway.sandbox.child import main; main()"
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]
# One thread in the child, or the walls would not bind all of it; the same text everywhere.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
_PIPE_BYTES = 1 << 20
_CODE = re.compile(r"[a-z][a-z0-9-]{0,39}")
_REMEDY = {
    Layer.RLIMITS: "run the gateway on Linux",
    Layer.SECCOMP: "run it on Linux (x86_64 or aarch64) with CONFIG_SECCOMP_FILTER",
    Layer.LANDLOCK: "boot a kernel from 5.13 on with landlock in its list of security modules",
    Layer.BUBBLEWRAP: "install bubblewrap and allow user namespaces",
}


class ProcessSandbox:
    """Runs tasks of a closed list, each in its own child.

    `tasks` are `module:function` names; no other can run. `minimum` are the layers without which nothing is parsed.
    `import_roots` are folders beside the gateway's own from which tasks may be imported.
    """

    def __init__(
        self,
        tasks: tuple[str, ...],
        minimum: frozenset[Layer] = DEFAULT_MINIMUM,
        import_roots: tuple[Path, ...] = (),
    ) -> None:
        self._tasks = frozenset(tasks)
        self._minimum = minimum
        self._roots = (_PACKAGE_PARENT, *import_roots)

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
        with self._child(job) as child:
            exchange = _Exchange(child, (job.to_bytes(), wire.LENGTH.pack(len(untrusted)), untrusted), job.limits)
            try:
                return exchange.reply()
            except wire.Malformed as error:
                raise ParseMalformed(
                    "The parser's answer is not formed as agreed; treat this file as hostile and do not send it again."
                ) from error

    @contextlib.contextmanager
    def _child(self, job: wire.Job) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-I", "-B", "-X", "utf8", "-c", _ENTER, *map(str, self._roots)]
        if Layer.BUBBLEWRAP in job.walls:
            command = [*_bubblewrap(self._roots), *command]
        child = subprocess.Popen(  # noqa: S603 - the command is made here; no part of it comes from outside
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            bufsize=0,
            start_new_session=True,
        )
        try:
            yield child
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            for pipe in (child.stdin, child.stdout):
                cast(IO[bytes], pipe).close()
            child.wait()


class _Exchange:
    """One conversation with a child: feeds it, reads exactly what was announced, and watches the clock."""

    def __init__(self, child: subprocess.Popen[bytes], down: tuple[bytes, ...], limits: Limits) -> None:
        self._child = child
        self._limits = limits
        self._deadline = time.monotonic() + limits.wall_s
        self._down = [memoryview(part) for part in down if part]
        self._stdin, self._stdout = cast(IO[bytes], child.stdin), cast(IO[bytes], child.stdout)
        self._selector = selectors.DefaultSelector()
        for pipe, interest in ((self._stdin, selectors.EVENT_WRITE), (self._stdout, selectors.EVENT_READ)):
            os.set_blocking(pipe.fileno(), False)
            with contextlib.suppress(OSError):  # past the user's share of pipe memory the default size does
                fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            self._selector.register(pipe, interest)

    def reply(self) -> Reply:
        """The checked reply, or the one problem that there is instead."""
        with self._selector:
            length = wire.header_length(self._take(wire.PREFIX.size))
            head = wire.Head.from_untrusted(self._take(length))
            if head.status != wire.OK:
                _raise_told(head)
            if sum(head.lengths) > self._limits.output_bytes:
                raise ParseOversize(
                    f"The parse gave out more than {self._limits.output_bytes} bytes; split the file into smaller ones."
                )
            blobs = tuple(self._take(length) for length in head.lengths)
            self._expect_end()
        return Reply(head.header, blobs)

    def _take(self, length: int) -> bytes:
        parts = []
        while length:
            part = self._receive(length)
            if not part:
                self._raise_died()
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _expect_end(self) -> None:
        if self._receive(1):
            raise wire.Malformed("bytes after the end")

    def _receive(self, most: int) -> bytes:
        """At least one byte and at most `most`, or none at the end; feeds the child while it waits."""
        while True:
            ready = self._selector.select(max(0.0, self._deadline - time.monotonic()))
            if time.monotonic() >= self._deadline:
                self._raise_timeout()
            for key, _ in ready:
                if key.fileobj is self._stdout:
                    return os.read(self._stdout.fileno(), min(most, _PIPE_BYTES))
                self._feed()

    def _feed(self) -> None:
        try:
            while self._down:
                written = os.write(self._stdin.fileno(), self._down[0][:_PIPE_BYTES])
                self._down[0] = self._down[0][written:]
                if not self._down[0]:
                    self._down.pop(0)
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._down.clear()
        self._selector.unregister(self._stdin)
        self._stdin.close()

    def _raise_timeout(self) -> NoReturn:
        raise ParseTimeout(
            f"The parse took longer than {self._limits.wall_s} s and was stopped; split the file or make it anew."
        )

    def _raise_died(self) -> NoReturn:
        code = self._child.wait()
        # bubblewrap reports a child's death by a signal as 128 + its number.
        number = -code if code < 0 else code - 128
        if number == signal.SIGXCPU:
            raise ParseTimeout(
                f"The parse used more than {self._limits.cpu_s} s of the processor and was stopped; split the file or "
                "make it anew."
            )
        if number == signal.SIGSYS:
            raise ParseForbiddenCall(
                "The parser tried to leave its sandbox and was killed; treat this file as hostile and do not open it."
            )
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


def _bubblewrap(roots: tuple[Path, ...]) -> list[str]:
    """The command before the command: no network, no neighbours, and only the interpreter's folders to see."""
    program = shutil.which("bwrap")
    if program is None:
        raise FileNotFoundError("bwrap")
    code = [*roots, *map(Path, (sys.prefix, sys.base_prefix, *filter(None, sys.path)))]
    system = map(Path, ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache"))
    interpreter = Path(sys.executable).resolve().parent
    command = [program, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--chdir", "/"]
    for folder in dict.fromkeys((*system, *code, interpreter)):
        command += ["--ro-bind-try", str(folder), str(folder)]
    return [*command, "--proc", "/proc", "--dev", "/dev", "--"]
