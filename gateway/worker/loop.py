"""The worker's loop: claim, render in the sandbox while the lease is renewed, finish under the fence."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.app import Gateway
from gateway.base.problems import Problem, Unavailable
from gateway.render.model import Claim
from gateway.render.queue import FencedOut

_log = logging.getLogger("gateway.worker")
TIDY_EVERY_S = 3600.0


class Worker:
    """One worker. Start as many as there are cores; each holds one rendition at a time."""

    def __init__(self, gateway: Gateway, *, idle_s: float = 0.2, retry_s: float = 5.0) -> None:
        self._gateway = gateway
        self._idle_s = idle_s
        self._retry_s = retry_s
        # A host's name may have 255 characters; whoever reads the lease needs only enough of it.
        self._name = f"{socket.gethostname()[:40]}:{os.getpid()}:{threading.get_ident()}"

    def run(self, stopping: threading.Event) -> None:
        """Work until `stopping` is set. A job that fails is logged by id and kind of failure, never by content."""
        tidied = time.monotonic()
        while not stopping.is_set():
            try:
                if time.monotonic() - tidied > TIDY_EVERY_S:
                    tidied = time.monotonic()
                    self._gateway.tidy()
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
        """Carry out one queued rendition, if there is one."""
        claim = self._gateway.renders.queue.claim(self._name)
        if claim is None:
            return False
        release = self._gateway.renders.get(claim.rendition).release
        with self._held(claim):
            try:
                state = self._gateway.renders.carry_out(claim, self._gateway.releases.frame(release))
            except FencedOut:
                _log.warning("rendition %s was taken over; this result is discarded", claim.rendition)
                return True
            except Unavailable:
                # No key, no sandbox, no disk space: none of it is the original's fault, and all of it can be mended.
                self._gateway.renders.queue.give_back(claim, self._retry_s)
                raise
        _log.info("rendition %s: %s", claim.rendition, state.value)
        return True

    @contextmanager
    def _held(self, claim: Claim) -> Iterator[None]:
        """Renew the lease from a thread while the job runs."""
        done = threading.Event()
        queue = self._gateway.renders.queue

        def renew() -> None:
            while not done.wait(queue.lease_s / 3):
                try:
                    queue.renew(claim)
                except Problem as problem:
                    _log.warning("the lease on %s was not renewed: %s", claim.rendition, problem.slug)
                    return

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
