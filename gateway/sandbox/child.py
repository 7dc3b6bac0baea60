"""The child: a fork of the zygote that walls itself in, then reads untrusted bytes, answers and ends.

1. Die with the zygote; keep no descriptor but input and output. 2. Read the job (the parent's own word). 3. Import the
task and with it all it will need, if the zygote has not. 4. Raise the walls: no new privileges, Landlock, resource
limits, seccomp. 5. Only now read the untrusted bytes. 6. Run the task, write one reply, end without running anything
else.
"""

from __future__ import annotations

import importlib
import os
import resource
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn, cast

from gateway.sandbox import syscalls, wire
from gateway.sandbox.ports import Layer, Limits
from gateway.sandbox.task import Answer, Coming, LongAnswer, Task, TaskRefused


class WallMissing(Exception):
    """A wall that was asked for does not stand."""


def main(down: int, up: int, zygote: int) -> NoReturn:
    """Serve one job from the descriptor `down` to the descriptor `up` and end the process."""
    try:
        syscalls.die_with_parent()
        if os.getppid() == zygote:
            _live(down, up)
    finally:
        os._exit(1)


def _live(down: int, up: int) -> NoReturn:
    os.dup2(down, 0)
    os.dup2(up, 1)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    _be_first_to_go()
    with open(0, "rb", buffering=0, closefd=False) as stdin:
        job = wire.Job.from_bytes(_read_framed(stdin))
        task = _load(job.task)
        try:
            _raise_walls(job.walls, job.limits)
        except WallMissing as missing:
            _answer(wire.Head(wire.NO_WALL, {"layer": str(missing)}))
        _serve(task, job, stdin)


def _be_first_to_go() -> None:
    """Where the host runs out of memory, the kernel takes the child and neither the zygote nor the gateway."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")


def _load(name: str) -> Task:
    module, _, function = name.partition(":")
    return cast(Task, getattr(importlib.import_module(module), function))


def _serve(task: Task, job: wire.Job, stdin: Any) -> NoReturn:
    answer: Answer | LongAnswer = {}, ()
    try:
        answer = task(job.request, _read_framed(stdin))
        head = wire.Head(wire.OK, answer[0], _lengths(answer))
    except TaskRefused as refused:
        head = wire.Head(wire.REFUSED, {"code": refused.code, "numbers": refused.numbers})
    except MemoryError:
        head = wire.Head(wire.NO_MEMORY, {})
    except Exception:  # noqa: BLE001 - border: whatever a parser throws over hostile bytes is one plain refusal
        head = wire.Head(wire.FAILED, {})
    _answer(head, answer[1] if head.status == wire.OK else ())


def _lengths(answer: Answer | LongAnswer) -> tuple[int, ...]:
    blobs = answer[1]
    return (blobs.each_bytes,) * blobs.count if isinstance(blobs, Coming) else tuple(map(len, blobs))


def _answer(head: wire.Head, blobs: Any = ()) -> NoReturn:
    for part in chain((head.to_bytes(),), blobs):
        left = memoryview(part)
        while left:
            left = left[os.write(1, left) :]
    os._exit(0)


def _read_framed(stdin: Any) -> bytes:
    (length,) = wire.LENGTH.unpack(_read_exactly(stdin, wire.LENGTH.size))
    return _read_exactly(stdin, length)


def _read_exactly(stdin: Any, length: int) -> bytes:
    parts = []
    while length:
        part = stdin.read(length)
        if not part:
            os._exit(1)
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _raise_walls(walls: frozenset[Layer], limits: Limits) -> None:
    if len(os.listdir("/proc/self/task")) != 1:  # noqa: PTH208 - the walls bind one thread; a second stays outside
        raise WallMissing(Layer.SECCOMP)
    own_bytes = _address_space_bytes()
    steps = [
        (Layer.LANDLOCK, syscalls.landlock),
        (Layer.RLIMITS, lambda: _limit(limits, own_bytes)),
        (Layer.SECCOMP, lambda: syscalls.seccomp(threads=limits.threads)),
    ]
    syscalls.forbid_new_privileges()
    for layer, step in steps:
        if layer in walls:
            try:
                step()
            except (OSError, ValueError) as error:
                raise WallMissing(layer) from error


def _limit(limits: Limits, own_bytes: int) -> None:
    for what, most in (
        (resource.RLIMIT_AS, own_bytes + limits.memory_bytes),
        # The reply is the one file there is: the wall is as high as the longest reply.
        (resource.RLIMIT_FSIZE, wire.PREFIX.size + wire.MAX_HEADER_BYTES + limits.output_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 0),
    ):
        _bound(what, most, most)
    if not limits.threads:
        # Threads count as processes; where they may be, seccomp alone keeps processes away.
        _bound(resource.RLIMIT_NPROC, 0, 0)
    # The soft bound first: its own signal tells the parent why the child died.
    _bound(resource.RLIMIT_CPU, limits.cpu_s, limits.cpu_s + 1)


def _address_space_bytes() -> int:
    """What the code took up before the job: it is not the parse's to pay for."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()


def _bound(what: int, soft: int, hard: int) -> None:
    _, ceiling = resource.getrlimit(what)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(what, (soft, hard))
