"""Whatever a child tries, the parent gets a checked reply or one clear problem."""

from __future__ import annotations

import errno
import os
import re
import socket
import threading
import time
from pathlib import Path

import pytest

from gateway.base.canon import Json
from gateway.base.problems import Problem
from gateway.sandbox import process, wire
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
from gateway.sandbox.process import ProcessSandbox

HERE = Path(__file__).parent
TASKS = tuple(
    f"hostile_tasks:{name}"
    for name in re.findall(r"^def ([a-z]\w*)", (HERE / "hostile_tasks.py").read_text("utf-8"), re.MULTILINE)
)
LIMITS = Limits(memory_bytes=1 << 28, cpu_s=10, wall_s=20, output_bytes=1 << 20)
NOTHING: frozenset[Layer] = frozenset()


@pytest.fixture(scope="module")
def sandbox() -> ProcessSandbox:
    return ProcessSandbox(TASKS, import_roots=(HERE,))


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


def test_a_reply_comes_back_whole(sandbox: ProcessSandbox) -> None:
    data = os.urandom(3 << 18)
    reply = run(sandbox, "echo", {"a": [1, "ü"]}, data, Limits(output_bytes=1 << 22))
    assert reply == Reply({"request": {"a": [1, "ü"]}}, (data, data[::-1]))


def test_the_walls_of_the_default_minimum_stand_here(sandbox: ProcessSandbox) -> None:
    assert sandbox.layers() >= {Layer.RLIMITS, Layer.SECCOMP, Layer.LANDLOCK}


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
        process._raise_told(told)


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
        with sandbox._child(wire.Job("hostile_tasks:sleep", {}, LIMITS, NOTHING)) as child:
            time.sleep(0.3)
            environment = Path(f"/proc/{child.pid}/environ").read_bytes()
            descriptors = {path.name for path in Path(f"/proc/{child.pid}/fd").iterdir()}
    finally:
        os.close(read)
        os.close(write)
    assert b"GATEWAY" not in environment
    assert b"PATH" not in environment
    assert descriptors == {"0", "1", "2"}


def test_the_child_ends_with_the_conversation(sandbox: ProcessSandbox) -> None:
    with sandbox._child(wire.Job("hostile_tasks:sleep", {}, LIMITS, NOTHING)) as child:
        assert child.poll() is None
    assert child.returncode is not None


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
