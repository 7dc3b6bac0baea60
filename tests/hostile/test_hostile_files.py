"""Every hostile file is refused with one sentence or read, within 10 s of the processor and 1 GiB, reaching nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.app import COLD_TASKS, SANDBOX_TASKS
from gateway.sandbox.process import ProcessSandbox
from tests.hostile.files import FILES
from tests.hostile.reading import CPU_S, answer_to

# What uses up whatever time it is given.
ENDLESS = frozenset({"a pattern of invisible steps", "a shading of fifty thousand steps"})
TRACED = (
    "a workbook that asks for a file",
    "XML that asks the network",
    "a member that climbs",
    "members that are links",
    "a drawing that asks for a file",
    "a script that runs when it is opened",
    "a GIF that is a script",
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    with closing(ProcessSandbox(SANDBOX_TASKS, cold=COLD_TASKS)) as sandbox:
        yield sandbox


def check(name: str, sandbox: ProcessSandbox, cpu_s: int) -> None:
    told = answer_to(FILES[name].make(), FILES[name].kind, sandbox, cpu_s)
    if FILES[name].answer:
        assert FILES[name].answer in told
        assert re.fullmatch(r"[A-Z](?:[^.]|\.[^ ])*\.", told), "one sentence"
    else:
        assert told == ""


@pytest.mark.parametrize("name", FILES)
def test_it_is_refused_with_one_sentence_or_read_within_the_bounds(name: str, sandbox: ProcessSandbox) -> None:
    check(name, sandbox, 1 if name in ENDLESS else CPU_S)


@pytest.mark.nightly
@pytest.mark.parametrize("name", sorted(ENDLESS))
def test_what_never_ends_is_ended_after_ten_seconds(name: str, sandbox: ProcessSandbox) -> None:
    check(name, sandbox, CPU_S)


def test_there_are_thirty_and_more() -> None:
    assert len(FILES) >= 30
    assert len({hostile.answer for hostile in FILES.values()}) >= 10


def _traceable() -> bool:
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.nightly
@pytest.mark.skipif(not _traceable(), reason="strace is not installed, or this machine does not permit ptrace")
def test_behind_the_walls_no_file_is_opened_and_no_line_to_anywhere(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-s", "60", "-e", "trace=%file,%network,prctl,execve", "-o", str(trace)]
    command += [sys.executable, "-m", "tests.hostile.reading", *TRACED]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout.split() == ["True"] * len(TRACED)
    walled: set[str] = set()
    reached = []
    for line in trace.read_text("utf-8", "replace").splitlines():
        process, _, call = line.partition(" ")
        if process in walled and not re.match(r"\+\+\+|---|.*(?:AT_EMPTY_PATH|= -1 E)", call.strip()):
            reached.append(call)
        if "PR_SET_SECCOMP" in call:
            walled.add(process)
    assert len(walled) > len(TRACED), "a child for each parse, and one for the probes of each wall"
    assert reached == []
