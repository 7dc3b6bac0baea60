"""One budget for everything that is parsed of one original, however many children that takes."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

from gateway.base.canon import Json
from gateway.base.problems import Problem
from gateway.sandbox.ports import Layer, Limits, Reply, Sandbox
from gateway.sandbox.problems import ParseTimeout

# Several times what 300 dense pages take, and with the gate's clock behind it less than a worker's patience.
ORIGINAL_CPU_S, ORIGINAL_WALL_S = 240.0, 360.0


class Budgeted:
    """A sandbox whose parses together use at most `cpu_s` of the processor and are waited for at most `wall_s`.

    A document is parsed a few pages at a time: bounds of one parse alone would let hostile pages add up to hours. What
    is done with pages between two parses, as when a detector looks at them, is not the parser's doing.
    """

    def __init__(self, sandbox: Sandbox, *, cpu_s: float = ORIGINAL_CPU_S, wall_s: float = ORIGINAL_WALL_S) -> None:
        self._sandbox = sandbox
        self._cpu_s = cpu_s
        self._spent_s = 0.0
        self._wall_s = wall_s
        self._waited_s = 0.0
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
        cut = self._left(limits)
        try:
            reply = self._sandbox.run(task, request, untrusted, cut)
        except Problem:
            # How much a child that failed had used is not told; it was not more than this.
            waited_s = time.monotonic() - begun
            self._charge(min(waited_s, cut.cpu_s), waited_s)
            raise
        self._charge(reply.cpu_s, time.monotonic() - begun)
        return reply

    def stream(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Iterator[bytes]:
        """Blobs within the same bounds. What the child uses up is not told; it is charged as what it was waited for."""
        cut, waited_s = self._left(limits), 0.0
        blobs = self._sandbox.stream(task, request, untrusted, cut)
        try:
            while True:
                begun = time.monotonic()
                try:
                    blob = next(blobs, None)
                finally:
                    waited_s += time.monotonic() - begun
                if blob is None:
                    return
                yield blob
        finally:
            self._charge(min(waited_s, cut.cpu_s), waited_s)

    def _left(self, limits: Limits) -> Limits:
        left_s, clock_s = self._cpu_s - self._spent_s, self._wall_s - self._waited_s
        if left_s <= 0 or clock_s <= 0:
            raise ParseTimeout("The file took longer to read than any file may; split it or make it anew.")
        return replace(
            limits, cpu_s=min(limits.cpu_s, math.ceil(left_s)), wall_s=min(limits.wall_s, math.ceil(clock_s))
        )

    def _charge(self, used_s: float, waited_s: float) -> None:
        with self._lock:
            self._spent_s += used_s
            self._waited_s += waited_s
