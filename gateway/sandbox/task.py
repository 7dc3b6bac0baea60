"""What a task is: a function that reads untrusted bytes and says what is in them, in plain values and blobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.base.canon import Json


@dataclass(frozen=True, slots=True)
class Coming:
    """Blobs that are made one by one while they are read: how many, and how long each of them is."""

    count: int
    each_bytes: int
    made: Iterator[bytes | memoryview]

    def __iter__(self) -> Iterator[bytes | memoryview]:
        return self.made


Answer = tuple[Mapping[str, Json], Sequence[bytes | memoryview]]
LongAnswer = tuple[Mapping[str, Json], Coming]


class Task(Protocol):
    """A function of a module whose import loads everything it will need: behind the walls nothing can be loaded."""

    def __call__(self, request: Mapping[str, Json], untrusted: bytes) -> Answer | LongAnswer:
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
