"""Counts about the process and nothing about what it is used for."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Counters:
    """Requests in flight and answers by class of status."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_flight = 0
        self._answers: Counter[int] = Counter()

    @contextmanager
    def request(self) -> Iterator[None]:
        """One request, for as long as it lasts."""
        with self._lock:
            self._in_flight += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_flight -= 1

    def answered(self, status: int) -> None:
        """One answer; 0 where the client had gone."""
        with self._lock:
            self._answers[status // 100] += 1

    def text(self) -> str:
        """In the text format of OpenMetrics scrapers."""
        with self._lock:
            in_flight, answers = self._in_flight, dict(self._answers)
        lines = [
            "# HELP gateway_requests_in_flight Requests being answered now.",
            "# TYPE gateway_requests_in_flight gauge",
            f"gateway_requests_in_flight {in_flight}",
            "# HELP gateway_requests_total Requests answered, by class of status; 0xx where the client had gone.",
            "# TYPE gateway_requests_total counter",
            *(f'gateway_requests_total{{status="{kind}xx"}} {count}' for kind, count in sorted(answers.items())),
        ]
        return "\n".join(lines) + "\n"
