"""One budget for everything that is parsed of one original, however many children that takes."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from dataclasses import replace

from gateway.base.canon import Json
from gateway.base.problems import Problem
from gateway.sandbox.ports import Layer, Limits, Reply, Sandbox
from gateway.sandbox.problems import ParseTimeout

# Several times what 300 dense pages take, and with the gate's clock behind it less than a worker's patience.
ORIGINAL_CPU_S, ORIGINAL_WALL_S = 240.0, 360.0


class Budgeted:
    """A sandbox whose parses together use at most `cpu_s` of the processor and end `wall_s` from now at the latest.

    A document is parsed a few pages at a time: bounds of one parse alone would let hostile pages add up to hours.
    """

    def __init__(self, sandbox: Sandbox, *, cpu_s: float = ORIGINAL_CPU_S, wall_s: float = ORIGINAL_WALL_S) -> None:
        self._sandbox = sandbox
        self._cpu_s = cpu_s
        self._spent_s = 0.0
        self._ends = time.monotonic() + wall_s
        self._lock = threading.Lock()

    @property
    def spent_s(self) -> float:
        """Seconds of the processor that were used up so far."""
        return self._spent_s

    def layers(self) -> frozenset[Layer]:
        """The walls that stand around each child."""
        return self._sandbox.layers()

    def run(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Reply:
        """`task` within its own limits and what is left of the budget. Raises `ParseTimeout` once nothing is left."""
        begun = time.monotonic()
        left_s, clock_s = self._cpu_s - self._spent_s, self._ends - begun
        if left_s <= 0 or clock_s <= 0:
            raise ParseTimeout("The file took longer to read than any file may; split it or make it anew.")
        cut = replace(limits, cpu_s=min(limits.cpu_s, math.ceil(left_s)), wall_s=min(limits.wall_s, math.ceil(clock_s)))
        try:
            reply = self._sandbox.run(task, request, untrusted, cut)
        except Problem:
            # How much a child that failed had used is not told; it was not more than this.
            self._charge(min(time.monotonic() - begun, cut.cpu_s))
            raise
        self._charge(reply.cpu_s)
        return reply

    def _charge(self, used_s: float) -> None:
        with self._lock:
            self._spent_s += used_s
