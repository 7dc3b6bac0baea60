"""The worker's loop: claim, render in the sandbox while the lease is renewed, finish under the fence.

How far the job is goes along with the lease, from the thread that renews it: the job itself never waits for that.

Everything that reads hostile bytes or searches for hostile values runs in children of the sandbox, so that nothing
keeps the lease from being renewed for long. A job that is stuck all the same is ended by the kernel's own clock, which
needs nothing of the interpreter; its lease runs out, and after bounded tries the original is refused.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from gateway.app import Gateway
from gateway.base.problems import Problem, Unavailable
from gateway.base.progress import Gauge, Progress
from gateway.base.units import MIB
from gateway.render.model import Claim, State
from gateway.render.queue import FencedOut
from gateway.sandbox.problems import SandboxDown

_log = logging.getLogger("gateway.worker")
TIDY_EVERY_S = 3600.0
# How often it is looked whether a heartbeat is due: often enough for intervals of minutes.
LISTEN_EVERY_S = 15.0
# How often somebody who waits is told how far it is; what is done sooner tells nothing.
TELL_EVERY_S = 2.0
# More than the clocks of its parse and its gate together, so that those speak first, with a better reason.
JOB_WALL_S, JOB_WALL_S_PER_MIB = 1_800.0, 20.0


class Worker:
    """One worker. Start as many as there are cores; each holds one rendition at a time.

    `alarm` is told after how many seconds the process must be dead if it has not taken the alarm back with 0.
    """

    def __init__(
        self,
        gateway: Gateway,
        *,
        idle_s: float = 0.2,
        retry_s: float = 5.0,
        alarm: Callable[[float], object] = lambda _seconds: None,
    ) -> None:
        self._gateway = gateway
        self._idle_s = idle_s
        self._retry_s = retry_s
        self._alarm = alarm
        self._claim: Claim | None = None
        self._owed: tuple[Claim, bool] | None = None
        # A host's name may have 255 characters; whoever reads the lease needs only enough of it.
        self._name = f"{socket.gethostname()[:40]}:{os.getpid()}:{threading.get_ident()}"

    def run(self, stopping: threading.Event) -> None:
        """Work until `stopping` is set. A job that fails is logged by id and kind of failure, never by content."""
        tidied = listened = time.monotonic()
        while not stopping.is_set():
            try:
                if time.monotonic() - tidied > TIDY_EVERY_S:
                    tidied = time.monotonic()
                    self._gateway.tidy()
                if time.monotonic() - listened > LISTEN_EVERY_S:
                    listened = time.monotonic()
                    if self._gateway.heartbeat.beat():
                        self._gateway.extracts.keep_mapped()
                        self._gateway.cosigning.checkpoint()
                worked = self.step()
            except Problem as problem:
                _log.warning("a rendition could not be carried out: %s", problem.slug)
                worked = False
            except Exception as error:  # noqa: BLE001 border: job; the lease runs out and bounded tries end in `refused`
                _log.error("a rendition ended abnormally: %s", type(error).__name__)
                worked = False
            if not worked:
                stopping.wait(self._idle_s)

    def step(self) -> bool:
        """Commit to one table that arrived and carry out one queued rendition, as far as there are any.

        One of each, so that however much arrives nobody waits for more than one table.
        """
        self._give_back()
        committed = self._gateway.commitments.step()
        return self._rendered() or committed

    def _rendered(self) -> bool:
        queue = self._gateway.renders.queue
        claim = queue.claim(self._name)
        if claim is None:
            return False
        try:
            state = self._carried_out(claim)
        except FencedOut:
            _log.warning("rendition %s was taken over; this result is discarded", claim.rendition)
            return True
        except Unavailable as problem:
            # No key, no disk space: not the original's fault, and it can be mended. What makes the sandbox die
            # under it may well be.
            self._owed = (claim, isinstance(problem, SandboxDown))
            self._give_back()
            raise
        _log.info("rendition %s: %s", claim.rendition, state.value)
        return True

    def _carried_out(self, claim: Claim) -> State:
        gateway = self._gateway
        rendition = gateway.renders.get(claim.rendition)
        size_bytes = gateway.intake.get(rendition.original).size_bytes
        gauge = Gauge()
        with self._held(claim, gauge, JOB_WALL_S + JOB_WALL_S_PER_MIB * size_bytes / MIB):
            return gateway.renders.carry_out(claim, gateway.releases.frame(rendition.release), gauge)

    def _give_back(self) -> None:
        """Hand on what could not be carried out; where the database was what failed, as soon as it is back."""
        if self._owed is not None:
            claim, counts = self._owed
            self._gateway.renders.queue.give_back(claim, self._retry_s, counts=counts)
            self._owed = None

    def abandon(self) -> NoReturn:
        """End the process now, and let another worker begin with what this one holds; that costs no try."""
        claim = self._claim
        try:
            if claim is not None:
                self._gateway.renders.queue.give_back(claim, 0.0)
        finally:
            os._exit(0)  # Without its database too: then the lease runs out.

    @contextmanager
    def _held(self, claim: Claim, gauge: Gauge, wall_s: float) -> Iterator[None]:
        """Renew the lease from a thread, and say how far `gauge` is, while the job runs, for at most so long."""
        done = threading.Event()
        queue = self._gateway.renders.queue

        def renew() -> None:
            told: Progress | None = None
            due, every_s = time.monotonic(), queue.lease_s / 3
            while not done.wait(min(TELL_EVERY_S, every_s)):
                if gauge.now is told and time.monotonic() < due:
                    continue
                told, due = gauge.now, time.monotonic() + every_s
                try:
                    queue.renew(claim, told)
                except FencedOut:
                    return  # What comes of the job will not count; that is said when it ends.
                except Problem as problem:
                    _log.warning("the lease on %s was not renewed: %s", claim.rendition, problem.slug)

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        self._claim = claim
        self._alarm(wall_s)
        try:
            yield
        finally:
            self._alarm(0)
            self._claim = None
            done.set()
            thread.join()
