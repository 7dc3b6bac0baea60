"""What the log and its packages need from outside."""

from __future__ import annotations

from typing import NamedTuple, Protocol

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


class WitnessRefused(Exception):
    """Why nothing came of asking a witness, in words that go on behind its name."""


class WitnessAnswer(NamedTuple):
    """Status and body of what a witness answered; nothing of it is checked."""

    status: int
    untrusted_body: bytes


class WitnessCaller(Protocol):
    """Whoever can reach a witness. An answer, or `WitnessRefused`, comes within `deadline_s` and a few seconds."""

    deadline_s: float

    def ask(self, url: str, data: bytes) -> WitnessAnswer:
        """Send an `add-checkpoint` request to this submission prefix."""
        ...
