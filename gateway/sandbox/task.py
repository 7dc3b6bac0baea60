"""What a task is: a function that reads untrusted bytes and says what is in them, in plain values and blobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.base.canon import Json

Answer = tuple[Mapping[str, Json], Sequence[bytes | memoryview]]


class Task(Protocol):
    """A function of a module whose import loads everything it will need: behind the walls nothing can be loaded."""

    def __call__(self, request: Mapping[str, Json], untrusted: bytes) -> Answer:
        """Header and blobs of the reply, or `TaskRefused`."""
        ...


class TaskRefused(Exception):
    """The task will not take these bytes: a code from the caller's own closed list, and numbers.

    No text crosses from the child into a sentence: the caller looks the code up and fills in the numbers.
    """

    def __init__(self, code: str, **numbers: int) -> None:
        super().__init__(code)
        self.code = code
        self.numbers = numbers
