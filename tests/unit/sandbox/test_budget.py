"""Parses that are each within their bounds do not add up to more than one original may take."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.base.canon import Json
from gateway.base.units import MIB
from gateway.residue.walled import limits_for
from gateway.sandbox.budget import ORIGINAL_CPU_S, ORIGINAL_WALL_S, Budgeted
from gateway.sandbox.ports import Limits
from gateway.sandbox.problems import ParseRefused, ParseTimeout
from gateway.sandbox.process import ProcessSandbox
from gateway.worker.loop import JOB_WALL_S, JOB_WALL_S_PER_MIB

HERE = Path(__file__).parent
LIMITS = Limits(memory_bytes=1 << 28, cpu_s=10, wall_s=60, output_bytes=1 << 20)
BURN = "hostile_tasks:burn"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    with contextlib.closing(ProcessSandbox((BURN, "hostile_tasks:sleep"), import_roots=(HERE,))) as sandbox:
        yield sandbox


def burn(budgeted: Budgeted, milliseconds: int, **more: Json) -> None:
    budgeted.run(BURN, {"milliseconds": milliseconds, **more}, b"", LIMITS)


def test_what_each_parse_used_up_is_told(sandbox: ProcessSandbox) -> None:
    assert sandbox.run(BURN, {"milliseconds": 0}, b"", LIMITS).cpu_s < 0.4
    assert 0.5 <= sandbox.run(BURN, {"milliseconds": 500}, b"", LIMITS).cpu_s < 2


def test_many_small_parses_end_where_their_budget_ends(sandbox: ProcessSandbox) -> None:
    budgeted = Budgeted(sandbox, cpu_s=0.5, wall_s=60)
    with pytest.raises(ParseTimeout, match="longer to read than any file may"):
        for _ in range(20):
            burn(budgeted, 100)
    assert 0.5 <= budgeted.spent_s < 2


def test_the_last_parse_gets_what_is_left_and_no_more(sandbox: ProcessSandbox) -> None:
    with pytest.raises(ParseTimeout, match="1 s of the processor"):
        burn(Budgeted(sandbox, cpu_s=0.9, wall_s=60), 5000)


def test_the_clock_runs_for_all_of_them_together(sandbox: ProcessSandbox) -> None:
    with pytest.raises(ParseTimeout, match="longer than 1 s"):
        Budgeted(sandbox, cpu_s=60, wall_s=0.9).run("hostile_tasks:sleep", {}, b"", LIMITS)
    with pytest.raises(ParseTimeout, match="longer to read"):
        burn(Budgeted(sandbox, cpu_s=60, wall_s=-1), 0)


def test_the_clock_stands_between_two_parses(sandbox: ProcessSandbox) -> None:
    budgeted = Budgeted(sandbox, cpu_s=60, wall_s=0.9)
    burn(budgeted, 0)
    time.sleep(1)
    burn(budgeted, 0)


def test_the_clock_runs_over_several_parses(sandbox: ProcessSandbox) -> None:
    budgeted = Budgeted(sandbox, cpu_s=60, wall_s=0.5)
    with pytest.raises(ParseTimeout):
        for _ in range(20):
            burn(budgeted, 100)


def test_a_refused_parse_is_paid_for_too(sandbox: ProcessSandbox) -> None:
    budgeted = Budgeted(sandbox, cpu_s=60, wall_s=60)
    with pytest.raises(ParseRefused):
        burn(budgeted, 300, refuse=True)
    assert budgeted.spent_s >= 0.3


def test_the_budget_and_the_gates_clock_speak_before_the_workers_alarm() -> None:
    for size_bytes in (0, 64 * MIB, 256 * MIB):
        gate_s = limits_for(size_bytes).wall_s
        assert ORIGINAL_CPU_S <= ORIGINAL_WALL_S
        assert ORIGINAL_WALL_S + gate_s < JOB_WALL_S + JOB_WALL_S_PER_MIB * size_bytes / MIB
