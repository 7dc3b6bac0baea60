"""The Sandbox port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from gateway.base.canon import Json


class Layer(StrEnum):
    """One independent wall around the child."""

    RLIMITS = "rlimits"
    SECCOMP = "seccomp"
    LANDLOCK = "landlock"
    BUBBLEWRAP = "bubblewrap"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one parse may use.

    `threads` lets a decoder that cannot do without begin threads of its own; they are born behind the same walls.
    """

    memory_bytes: int = 2 << 30
    cpu_s: int = 60
    wall_s: int = 90
    output_bytes: int = 1 << 30
    threads: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What came out: a small header of plain values and length-checked blobs; `cpu_s` is what the child used up."""

    header: Mapping[str, Json]
    blobs: tuple[bytes, ...]
    cpu_s: float = field(default=0.0, compare=False)


class Sandbox(Protocol):
    """Runs one named task over untrusted bytes in a child that can reach nothing."""

    def layers(self) -> frozenset[Layer]:
        """The walls that stand around a child on this host, probed."""
        ...

    def run(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Reply:
        """Run `task` (`module:function` from a closed list); one clear `Problem` on refusal, death or time-out."""
        ...
