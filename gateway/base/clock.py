"""Time comes in through a port, always aware, always UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Protocol

_TEXT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


class Clock(Protocol):
    """Whoever tells the time."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        ...


class SystemClock:
    """The host's clock."""

    def now(self) -> datetime:
        """The current time, aware, in UTC, in the milliseconds that are kept of it."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


def to_text(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: `2026-01-31T08:00:00.000Z`."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def from_text(text: str) -> datetime:
    """The inverse of `to_text`; `ValueError` for any other text."""
    if not _TEXT.fullmatch(text):
        raise ValueError("not a time in UTC with milliseconds, such as 2026-01-31T08:00:00.000Z")
    return datetime.fromisoformat(text)
