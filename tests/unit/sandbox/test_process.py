"""Whatever a child tries, the parent gets a checked reply or one clear problem."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.base.canon import Json
from gateway.base.problems import Problem
from gateway.sandbox import replies, wire
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
from gateway.sandbox.process import ProcessSandbox
from gateway.sandbox.zygote import _Nursery

HERE = Path(__file__).parent
TASKS = tuple(
    f"hostile_tasks:{name}"
    for name in re.findall(r"^def ([a-z]\w*)", (HERE / "hostile_tasks.py").read_text("utf-8"), re.MULTILINE)
)
LIMITS = Limits(memory_bytes=1 << 28, cpu_s=10, wall_s=20, output_bytes=1 << 20)
NOTHING: frozenset[Layer] = frozenset()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    with contextlib.closing(ProcessSandbox(TASKS, import_roots=(HERE,))) as sandbox:
        yield sandbox


def run(
    sandbox: ProcessSandbox,
    task: str,
    request: dict[str, Json] | None = None,
    data: bytes = b"",
    limits: Limits = LIMITS,
) -> Reply:
    return sandbox.run(f"hostile_tasks:{task}", request or {}, data, limits)


def behind(sandbox: ProcessSandbox, walls: frozenset[Layer], task: str, **request: Json) -> Reply:
    """Run `task` behind these walls and no others, which only a test may do."""
    return sandbox._run(wire.Job(f"hostile_tasks:{task}", request, LIMITS, walls), b"")


def zygote_of(sandbox: ProcessSandbox) -> subprocess.Popen[bytes]:
    return next(iter(sandbox._nursery._serving.values())).process


def until_children(sandbox: ProcessSandbox, other_than: int = 0) -> int:
    """The process id of the only child there is."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with contextlib.suppress(StopIteration, OSError):
            zygote = zygote_of(sandbox).pid
            children = Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split()
            if zygote != other_than and len(children) == 1:
                return int(children[0])
        time.sleep(0.01)
    raise AssertionError("no child")


@contextlib.contextmanager
def asleep(sandbox: ProcessSandbox, wall_s: int = 5) -> Iterator[int]:
    """A child that sleeps until its clock ends it; its process id."""
    job = wire.Job("hostile_tasks:sleep", {}, replace(LIMITS, wall_s=wall_s), NOTHING)
    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(sandbox._run, job, b"")
        child = until_children(sandbox)
        until = time.monotonic() + 5
        while len(list(Path(f"/proc/{child}/fd").iterdir())) > 3 and time.monotonic() < until:
            time.sleep(0.01)
        yield child
        with pytest.raises(ParseTimeout):
            ending.result()


def test_a_reply_comes_back_whole(sandbox: ProcessSandbox) -> None:
    data = os.urandom(3 << 18)
    reply = run(sandbox, "echo", {"a": [1, "ü"]}, data, Limits(output_bytes=1 << 22))
    assert reply == Reply({"request": {"a": [1, "ü"]}}, (data, data[::-1]))


def test_the_walls_of_the_default_minimum_stand_here(sandbox: ProcessSandbox) -> None:
    assert sandbox.layers() >= {Layer.RLIMITS, Layer.SECCOMP, Layer.LANDLOCK}


def told(sandbox: ProcessSandbox, count: int, ends_after: int, how: str, limits: Limits) -> Iterator[bytes]:
    request: dict[str, Json] = {"count": count, "ends_after": ends_after, "how": how}
    return sandbox.stream("hostile_tasks:tell_one_by_one", request, b"more", limits)


STREAM = Limits(memory_bytes=1 << 28, cpu_s=10, wall_s=20, output_bytes=1 << 30)


def test_blobs_come_one_by_one_and_never_all_at_once(sandbox: ProcessSandbox) -> None:
    lengths = [len(blob) for blob in told(sandbox, 300, 300, "ends", STREAM)]
    assert lengths == [1 << 20] * 300, "more than the child may hold"


@pytest.mark.parametrize(
    ("how", "problem", "limits"),
    [
        ("breaks", ParseRefused, STREAM),
        ("sleeps", ParseTimeout, replace(STREAM, wall_s=1)),
        ("spins", ParseTimeout, replace(STREAM, cpu_s=1)),
        ("is killed", ParseForbiddenCall, STREAM),
        ("goes on", ParseMalformed, STREAM),
        ("ends", ParseOversize, replace(STREAM, output_bytes=1 << 20)),
    ],
)
def test_blobs_that_stop_coming_are_one_problem(
    sandbox: ProcessSandbox, how: str, problem: type[Problem], limits: Limits
) -> None:
    with pytest.raises(problem):
        list(told(sandbox, 5, 3, how, limits))
    assert len(list(told(sandbox, 2, 2, "ends", STREAM))) == 2, "the next one is served"


def test_a_child_that_nobody_hears_any_more_is_killed(sandbox: ProcessSandbox) -> None:
    blobs = told(sandbox, 300, 300, "ends", STREAM)
    next(blobs)
    child = until_children(sandbox)
    blobs.close()  # type: ignore[attr-defined]
    until = time.monotonic() + 5
    while Path(f"/proc/{child}").exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert not Path(f"/proc/{child}").exists()


def test_a_child_that_ends_as_it_is_let_go_ends_nothing_else() -> None:
    """Both are heard in one round; the zygote serves on, and nobody else's file is said to be damaged."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control, closed = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    closed.close()
    child = os.posix_spawn("/bin/true", ["true"], {})
    nursery = _Nursery(control)
    nursery._watch(child, theirs)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    ours.close()
    nursery.serve()
    assert theirs.fileno() < 0
    with pytest.raises(ChildProcessError):
        os.waitpid(child, 0)
    control.close()


def test_only_tasks_on_the_list_run(sandbox: ProcessSandbox) -> None:
    with pytest.raises(ValueError, match="not on the list"):
        sandbox.run("os:system", {}, b"", LIMITS)


def test_a_missing_wall_refuses_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProcessSandbox, "_probed", frozenset({Layer.RLIMITS, Layer.SECCOMP}))
    with pytest.raises(SandboxMissing, match=r"landlock does not stand on this host: boot a kernel"):
        ProcessSandbox(TASKS).run(TASKS[0], {}, b"", LIMITS)


def test_a_wall_that_falls_between_probe_and_run_refuses(sandbox: ProcessSandbox) -> None:
    told = wire.Head(wire.NO_WALL, {"layer": "landlock"})
    with pytest.raises(SandboxMissing, match="landlock"):
        replies.raise_told(told)


@pytest.mark.parametrize("task", ["open_file", "executable_memory"])
def test_what_seccomp_denies(sandbox: ProcessSandbox, task: str) -> None:
    assert behind(sandbox, NOTHING, task).header == {"errno": 0}
    assert behind(sandbox, frozenset({Layer.SECCOMP}), task).header == {"errno": errno.EPERM}
    assert run(sandbox, task).header["errno"] != 0


@pytest.mark.parametrize("task", ["open_socket", "fork", "start_thread", "signal_parent"])
def test_what_seccomp_kills_for(sandbox: ProcessSandbox, task: str) -> None:
    assert behind(sandbox, NOTHING, task).header == {"errno": 0}
    with pytest.raises(ParseForbiddenCall):
        behind(sandbox, frozenset({Layer.SECCOMP}), task)
    with pytest.raises(ParseForbiddenCall):
        run(sandbox, task)


def test_a_task_that_may_begin_threads_has_them_behind_the_same_walls(sandbox: ProcessSandbox) -> None:
    limits = replace(LIMITS, threads=True)
    assert run(sandbox, "start_thread", limits=limits).header == {"errno": 0}
    assert run(sandbox, "open_file_in_a_thread", limits=limits).header["errno"] != 0
    for task in ("fork", "execute", "open_socket"):
        with pytest.raises(ParseForbiddenCall):
            run(sandbox, task, limits=limits)


@pytest.mark.parametrize("task", ["execute", "trace_parent"])
def test_no_other_program_and_no_tracing(sandbox: ProcessSandbox, task: str) -> None:
    with pytest.raises(ParseForbiddenCall):
        run(sandbox, task)


def test_landlock_alone_closes_files_and_ports(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    alone = frozenset({Layer.LANDLOCK})
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert behind(sandbox, NOTHING, "reach_network", port=port).header == {"errno": 0}
        assert behind(sandbox, alone, "reach_network", port=port).header == {"errno": errno.EACCES}
    assert behind(sandbox, alone, "open_file").header == {"errno": errno.EACCES}
    assert behind(sandbox, alone, "make_file", path=str(tmp_path / "x")).header == {"errno": errno.EACCES}
    assert not list(tmp_path.iterdir())


def test_limits_alone_leave_no_descriptor(sandbox: ProcessSandbox) -> None:
    assert behind(sandbox, frozenset({Layer.RLIMITS}), "open_file").header == {"errno": errno.EMFILE}


def test_memory_beyond_the_limit_is_one_problem(sandbox: ProcessSandbox) -> None:
    assert run(sandbox, "allocate", {"bytes": 1 << 20}).header == {"length": 1 << 20}
    with pytest.raises(ParseMemory, match="more memory"):
        run(sandbox, "allocate", {"bytes": 1 << 29})


def test_a_spinning_parse_ends_with_the_processor_time(sandbox: ProcessSandbox) -> None:
    with pytest.raises(ParseTimeout, match="1 s of the processor"):
        run(sandbox, "spin", limits=Limits(cpu_s=1, wall_s=30))


def test_a_sleeping_parse_ends_with_the_clock(sandbox: ProcessSandbox) -> None:
    begun = time.monotonic()
    with pytest.raises(ParseTimeout, match="longer than 1 s"):
        run(sandbox, "sleep", limits=Limits(wall_s=1))
    assert time.monotonic() - begun < 10


def test_a_reply_past_its_bound_is_not_read(sandbox: ProcessSandbox) -> None:
    assert len(run(sandbox, "flood_reply", {"bytes": 1 << 20}).blobs[0]) == 1 << 20
    with pytest.raises(ParseOversize, match="1048576 bytes"):
        run(sandbox, "flood_reply", {"bytes": (1 << 20) + 1})


GOOD_HEAD: dict[str, Json] = {"status": "ok", "header": {}, "blobs": [1]}


@pytest.mark.parametrize(
    ("task", "request_"),
    [
        ("flood_raw", {}),
        ("flood_header", {}),
        ("say", {"head": GOOD_HEAD, "tail": "ab"}),
        ("say", {"head": {**GOOD_HEAD, "blobs": [-1]}}),
        ("say", {"head": {**GOOD_HEAD, "blobs": [True]}}),
        ("say", {"head": {**GOOD_HEAD, "blobs": [0] * (wire.MAX_BLOBS + 1)}}),
        ("say", {"head": {**GOOD_HEAD, "more": 1}}),
        ("say", {"head": {**GOOD_HEAD, "header": []}}),
        ("say", {"head": {**GOOD_HEAD, "status": "fine"}}),
        ("say", {"head": [1]}),
        ("say", {"head": {"status": "refused", "header": {"code": "x", "numbers": {"row": "secret"}}, "blobs": []}}),
        ("say", {"head": {"status": "refused", "header": {"code": "x", "numbers": {"Müller": 1}}, "blobs": []}}),
    ],
)
def test_a_reply_that_is_not_formed_as_agreed(sandbox: ProcessSandbox, task: str, request_: dict[str, Json]) -> None:
    with pytest.raises(ParseMalformed):
        run(sandbox, task, request_)


def test_a_reply_cut_short(sandbox: ProcessSandbox) -> None:
    with pytest.raises(ParseRefused, match="died"):
        run(sandbox, "say", {"head": {**GOOD_HEAD, "blobs": [3]}, "tail": "ab"})
    with pytest.raises(ParseRefused, match="died"):
        run(sandbox, "die", {"code": 3})


def test_a_parser_that_gives_up_is_not_taken_for_one_that_breaks_out(sandbox: ProcessSandbox) -> None:
    with pytest.raises(ParseRefused, match="died"):
        run(sandbox, "give_up")


def test_a_refusal_carries_a_code_and_numbers(sandbox: ProcessSandbox) -> None:
    with pytest.raises(ParseRefused) as caught:
        run(sandbox, "refuse")
    assert (caught.value.code, caught.value.numbers) == ("ragged-row", {"row": 17})


@pytest.mark.parametrize("task", ["throw", "whisper"])
def test_no_text_of_the_content_reaches_a_sentence(sandbox: ProcessSandbox, task: str) -> None:
    with pytest.raises(Problem) as caught:
        run(sandbox, task, data=b"Kowalski AG 48211")
    told = repr(caught.value) + repr(vars(caught.value)) + repr(caught.value.__cause__)
    assert "Kowalski" not in told


def test_nothing_can_be_loaded_behind_the_walls(sandbox: ProcessSandbox) -> None:
    assert behind(sandbox, NOTHING, "import_late").header == {"name": "wave"}
    with pytest.raises(ParseRefused, match="broke"):
        run(sandbox, "import_late")


def test_the_child_sees_no_environment_and_no_descriptor(
    sandbox: ProcessSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_PASSPHRASE", "secret")
    read, write = os.pipe()
    os.set_inheritable(write, True)
    try:
        with asleep(ProcessSandbox(TASKS, import_roots=(HERE,))) as child:
            environment = Path(f"/proc/{child}/environ").read_bytes()
            descriptors = {path.name for path in Path(f"/proc/{child}/fd").iterdir()}
    finally:
        os.close(read)
        os.close(write)
    assert b"GATEWAY" not in environment
    assert b"PATH" not in environment
    assert descriptors == {"0", "1", "2"}


def test_the_child_ends_with_the_conversation(sandbox: ProcessSandbox) -> None:
    with asleep(sandbox, wall_s=1) as child:
        assert Path(f"/proc/{child}").exists()
    assert not Path(f"/proc/{child}").exists()


def test_every_parse_has_a_child_of_its_own(sandbox: ProcessSandbox) -> None:
    assert run(sandbox, "remember").header == {"seen": 1}
    assert run(sandbox, "remember").header == {"seen": 1}


def test_children_die_with_whoever_holds_the_sandbox() -> None:
    script = (
        f"import sys, threading; sys.path[:0] = [{str(HERE)!r}]\n"
        "from test_process import *\n"
        "sandbox = ProcessSandbox(TASKS, import_roots=(HERE,))\n"
        "with asleep(sandbox) as child:\n"
        "    print(child, zygote_of(sandbox).pid, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=HERE.parents[2])
    gone = [Path(f"/proc/{pid}") for pid in done.stdout.split()]
    assert len(gone) == 2, done.stderr
    until = time.monotonic() + 10
    while any(one.exists() for one in gone):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_dead_zygote_is_replaced_and_nobody_notices(sandbox: ProcessSandbox) -> None:
    assert run(sandbox, "echo", data=b"x").blobs == (b"x", b"x")
    first = zygote_of(sandbox)
    first.kill()
    assert run(sandbox, "echo", data=b"y").blobs == (b"y", b"y")
    assert zygote_of(sandbox).pid != first.pid


def test_a_zygote_that_dies_under_a_parse_is_replaced(sandbox: ProcessSandbox) -> None:
    with asleep(sandbox, wall_s=2) as child:
        first = zygote_of(sandbox)
        first.kill()
        assert until_children(sandbox, other_than=first.pid) != child


def test_a_sandbox_that_cannot_start_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = ProcessSandbox(("no_such_module:task",))
    with pytest.raises(SandboxMissing):
        broken.run("no_such_module:task", {}, b"", LIMITS)
    with pytest.raises(SandboxDown, match="cannot be kept running"):
        broken._run(wire.Job("no_such_module:task", {}, LIMITS, NOTHING), b"")


def test_a_killed_child_takes_its_addresses_with_it(sandbox: ProcessSandbox) -> None:
    run(sandbox, "echo")
    first = zygote_of(sandbox).pid
    run(sandbox, "echo")
    assert zygote_of(sandbox).pid == first
    with pytest.raises(ParseRefused, match="died"):
        run(sandbox, "crash")
    run(sandbox, "echo")
    assert zygote_of(sandbox).pid != first


def test_a_cold_task_is_imported_by_its_child() -> None:
    with contextlib.closing(ProcessSandbox(TASKS, import_roots=(HERE,), cold=frozenset(TASKS))) as sandbox:
        assert run(sandbox, "echo", data=b"x").blobs == (b"x", b"x")


def test_what_the_child_is_given_cannot_be_changed(sandbox: ProcessSandbox) -> None:
    told = behind(sandbox, NOTHING, "write_to_input").header
    assert told == {"errno": errno.EPERM}


def test_no_more_children_than_allowed() -> None:
    with contextlib.closing(ProcessSandbox(TASKS, import_roots=(HERE,), parallel=1)) as sandbox:
        sandbox.layers()
        with asleep(sandbox, wall_s=1):
            begun = time.monotonic()
            run(sandbox, "echo")
            assert time.monotonic() - begun > 0.2


def test_many_children_at_once(sandbox: ProcessSandbox) -> None:
    results: list[bytes] = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(run(sandbox, "echo", data=bytes([n]) * 9).blobs[0]))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [bytes([n]) * 9 for n in range(6)]
