"""How far a piece of long work is, in words that say nothing of what is worked on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

# Told how many of how many steps of the present stage are done; steps are pages, frames, parts, whatever there is.
Steps = Callable[[int, int], None]


class Stage(StrEnum):
    """What is being done. Marks are laid while a rendition is rebuilt, and are no stage of their own."""

    READING = "reading"
    DETECTING = "detecting"
    REBUILDING = "rebuilding"
    VERIFYING = "verifying"
    STORING = "storing"


@dataclass(frozen=True, slots=True)
class Progress:
    """A stage and how much of it is done; `total` is 0 where nobody can say. `told_at` is when that last changed."""

    stage: Stage
    done: int
    total: int
    told_at: float


class Gauge:
    """Where one piece of work stands: set by whoever does it, read from any thread, `seen` at every change."""

    def __init__(self, seen: Callable[[Progress], None] = lambda _: None) -> None:
        self._seen = seen
        self.now: Progress | None = None

    def begin(self, stage: Stage) -> Steps:
        """Enter `stage`; what is given back is told of its steps, as often as anybody likes."""

        def steps(done: int, total: int) -> None:
            if self.now is None or (stage, done, total) != (self.now.stage, self.now.done, self.now.total):
                self.now = Progress(stage, done, total, time.time())
                self._seen(self.now)

        steps(0, 0)
        return steps


def unwatched(_done: int, _total: int) -> None:
    """Steps that nobody looks at."""
