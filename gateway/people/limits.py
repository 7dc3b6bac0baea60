"""Bounds on what asking for tokens writes into the log.

1. A request whose signature does not hold gets an entry while there is room in two buckets: that of the person it
   names (all unknown ones share one), and one for all together. Past that it is answered and counted, and a later
   entry tells how many there were.
2. Tokens that are given have a bucket for each person. Only a good signature draws from it, so that nobody can use up
   somebody else's.

Counts live in this process: a restart begins with full buckets.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from gateway.base.bucket import Bucket
from gateway.base.problems import Unavailable

REFUSALS_EACH, REFUSALS_EACH_REFILL_S = 10, 60.0
REFUSALS_ALL, REFUSALS_ALL_REFILL_S = 100, 6.0
TOKENS_EACH, TOKENS_EACH_REFILL_S = 60, 2.0


class TooManyRequests(Unavailable):
    """More of this in a while than is taken."""

    slug = "too-many-requests"
    title = "Too many requests"


class TokenLimits:
    """The buckets of one process; `who` is the id of a person in the register, or one word for everybody else."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._refusals: dict[str, Bucket] = {}
        self._given: dict[str, Bucket] = {}
        self._all = Bucket(REFUSALS_ALL, REFUSALS_ALL_REFILL_S, now)
        self._unlogged = 0

    def refused(self, who: str) -> int:
        """Room for the entry of a refusal, and how many had none since the last; raises `TooManyRequests`."""
        mine = self._bucket(self._refusals, who, REFUSALS_EACH, REFUSALS_EACH_REFILL_S)
        wait_s = mine.take() or self._all.take()
        if wait_s:
            with self._lock:
                self._unlogged += 1
            raise _too_many(wait_s)
        return self.unlogged()

    def given(self, who: str) -> None:
        """Room for another token, or `TooManyRequests`."""
        wait_s = self._bucket(self._given, who, TOKENS_EACH, TOKENS_EACH_REFILL_S).take()
        if wait_s:
            raise _too_many(wait_s)

    def unlogged(self) -> int:
        """How many refusals had no entry since this was asked last."""
        with self._lock:
            count, self._unlogged = self._unlogged, 0
        return count

    def _bucket(self, buckets: dict[str, Bucket], who: str, capacity: int, refill_s: float) -> Bucket:
        with self._lock:
            return buckets.setdefault(who, Bucket(capacity, refill_s, self._now))


def _too_many(wait_s: float) -> TooManyRequests:
    seconds = math.ceil(wait_s)
    return TooManyRequests(f"Too many requests for tokens; try again in {seconds} seconds.", retry_after_s=seconds)
