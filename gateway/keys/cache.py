"""Unwrapped keys of this process, so that a key that seals many texts is not unwrapped for each of them."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256

MOST_KEYS = 256
LONGEST_S = 60.0


class KeyCache:
    """At most `most` keys, none longer than `longest_s`.

    A key is found only by the wrapped bytes that its row holds at this moment. So nothing has to be told to other
    processes: a shredded row has no wrapped bytes, a rotated one has others, and neither finds what was kept here.
    """

    def __init__(
        self, most: int = MOST_KEYS, longest_s: float = LONGEST_S, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._longest_s = longest_s
        self._now = now
        self._kept: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, facts: bytes, wrapped: bytes) -> bytes | None:
        """The key that was unwrapped from exactly these bytes under exactly these facts, if it is still kept."""
        name = _name(facts, wrapped)
        with self._lock:
            kept = self._kept.get(name)
            if kept is None:
                return None
            until, key = kept
            if self._now() >= until:
                del self._kept[name]
                return None
            self._kept.move_to_end(name)
            return key

    def put(self, facts: bytes, wrapped: bytes, key: bytes) -> None:
        """Keep `key`; the one that was used longest ago makes room."""
        with self._lock:
            self._kept[_name(facts, wrapped)] = (self._now() + self._longest_s, key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


def _name(facts: bytes, wrapped: bytes) -> bytes:
    return sha256(len(facts).to_bytes(8, "big") + facts + wrapped).digest()
