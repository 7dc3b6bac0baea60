"""A token bucket: so many at once, so many in the long run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Bucket:
    """Holds `capacity` at first, and gains one every `refill_s` seconds up to that. Safe for threads."""

    def __init__(self, capacity: int, refill_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._capacity = capacity
        self._refill_s = refill_s
        self._now = now
        self._lock = threading.Lock()
        self._held = float(capacity)
        self._seen = now()

    def take(self) -> float:
        """Take one: 0.0, or in how many seconds there will be one to take."""
        with self._lock:
            at = self._now()
            self._held = min(self._capacity, self._held + (at - self._seen) / self._refill_s)
            self._seen = at
            if self._held >= 1:
                self._held -= 1
                return 0.0
            return (1 - self._held) * self._refill_s
