"""How parent and child speak: length-framed, every length checked by the reader before the bytes are read.

Both ways lead through memory files, so that no byte waits in a pipe.
Down, sealed against every change: 8-byte length, job as JSON; 8-byte length, untrusted bytes. The job comes first and
is the parent's own word, so that the child stands behind its walls before it reads the rest.
Up, sealed and read once the child is dead: `GWR1`, 4-byte length, header as JSON with the lengths of the blobs; the
blobs; end of file.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gateway.base.canon import Json
from gateway.sandbox.ports import Layer, Limits

MAGIC = b"GWR1"
PREFIX = struct.Struct("!4sI")
LENGTH = struct.Struct("!Q")
# How the child ended, and the microseconds of the processor that it had used.
STATUS = struct.Struct("!iQ")
BEGIN, READY = b"b", b"r"
MAX_PACKET_BYTES = 1 << 16
MAX_HEADER_BYTES = 1 << 20
MAX_BLOBS = 1 << 14

OK, REFUSED, FAILED, NO_MEMORY, NO_WALL = "ok", "refused", "failed", "no-memory", "no-wall"


class Malformed(Exception):
    """The reply is not formed as above."""


@dataclass(frozen=True, slots=True)
class Job:
    """What the parent tells the child before any untrusted byte."""

    task: str
    request: Mapping[str, Json]
    limits: Limits
    walls: frozenset[Layer]

    def to_bytes(self) -> bytes:
        """The job on the wire, with its length."""
        fields = {
            "task": self.task,
            "request": dict(self.request),
            "limits": asdict(self.limits),
            "walls": sorted(self.walls),
        }
        data = json.dumps(fields).encode()
        return LENGTH.pack(len(data)) + data

    @classmethod
    def from_bytes(cls, data: bytes) -> Job:
        """The inverse of `to_bytes`, without the length."""
        fields = json.loads(data)
        walls = frozenset(map(Layer, fields["walls"]))
        return cls(fields["task"], fields["request"], Limits(**fields["limits"]), walls)


@dataclass(frozen=True, slots=True)
class Head:
    """The first part of a reply: how it went, plain values, and how long each blob is."""

    status: str
    header: Mapping[str, Json]
    lengths: tuple[int, ...] = ()

    def to_bytes(self) -> bytes:
        """The head on the wire, with its prefix."""
        data = json.dumps({"status": self.status, "header": dict(self.header), "blobs": list(self.lengths)}).encode()
        if len(data) > MAX_HEADER_BYTES:
            raise Malformed("header")
        return PREFIX.pack(MAGIC, len(data)) + data

    @classmethod
    def from_untrusted(cls, untrusted: bytes) -> Head:
        """Parse and check a head whose length is bounded already. Raises `Malformed`."""
        try:
            fields: Any = json.loads(untrusted)
        except (ValueError, RecursionError) as error:
            raise Malformed("json") from error
        if not isinstance(fields, dict) or set(fields) != {"status", "header", "blobs"}:
            raise Malformed("members")
        status, header, lengths = fields["status"], fields["header"], fields["blobs"]
        if not isinstance(status, str) or not isinstance(header, dict) or not isinstance(lengths, list):
            raise Malformed("types")
        if len(lengths) > MAX_BLOBS or not all(type(length) is int and length >= 0 for length in lengths):
            raise Malformed("lengths")
        return cls(status, header, tuple(lengths))


def header_length(untrusted_prefix: bytes) -> int:
    """The length of the head that follows. Raises `Malformed`."""
    magic, length = PREFIX.unpack(untrusted_prefix)
    if magic != MAGIC or not 0 < length <= MAX_HEADER_BYTES:
        raise Malformed("prefix")
    return int(length)
