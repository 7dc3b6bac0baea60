"""What the log and its packages need from outside."""

from __future__ import annotations

from typing import Protocol

from gateway.seal.timestamp import TimeStamp


class TimeStamper(Protocol):
    """Somebody who vouches that bytes existed at a time."""

    @property
    def required(self) -> bool:
        """Whether a package must not leave without a time stamp."""
        ...

    def stamp(self, data: bytes) -> TimeStamp:
        """A checked time stamp over `data`; raises `TimeStampUnavailable` or `TimeStampInvalid`."""
        ...
