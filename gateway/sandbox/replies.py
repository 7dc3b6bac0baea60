"""What comes up from a child, checked: a reply, blobs one by one, or the one problem that there is instead."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import time
from collections.abc import Iterator
from typing import IO, NoReturn

from gateway.sandbox import wire
from gateway.sandbox.keeper import Ending, Lost, Overdue, ending
from gateway.sandbox.ports import Layer, Limits, Reply
from gateway.sandbox.problems import (
    ParseForbiddenCall,
    ParseMemory,
    ParseOversize,
    ParseRefused,
    ParseTimeout,
    SandboxMissing,
)

_CODE = re.compile(r"[a-z][a-z0-9-]{0,39}")
_REMEDY = {
    Layer.RLIMITS: "run the gateway on Linux",
    Layer.SECCOMP: "run it on Linux (x86_64 or aarch64) with CONFIG_SECCOMP_FILTER",
    Layer.LANDLOCK: "boot a kernel from 5.13 on with landlock in its list of security modules",
    Layer.BUBBLEWRAP: "install bubblewrap and allow user namespaces",
}
_CHUNK_BYTES = 1 << 20


class Heard:
    """A child's reply while it is being made. `was_killed` says whether the child came to its end by a signal."""

    def __init__(self, reading: int, leash: socket.socket, limits: Limits) -> None:
        self._reading = reading
        self._leash = leash
        self._limits = limits
        self._patience_s = float(limits.wall_s)
        self._poll = select.poll()
        self._poll.register(reading, select.POLLIN)
        self.was_killed = False

    def blobs(self) -> Iterator[bytes]:
        """Each blob once it is there. Raises `wire.Malformed`, and a problem where the child does not end well."""
        head = wire.Head.from_untrusted(self._taken(wire.header_length(self._taken(wire.PREFIX.size))))
        if head.status != wire.OK:
            raise_told(head)
        _require_room(sum(head.lengths), self._limits)
        for length in head.lengths:
            yield self._taken(length)
        if self._some(1):
            raise wire.Malformed("bytes after the end")
        self._end()

    def _taken(self, length: int) -> bytes:
        taken = bytearray()
        while len(taken) < length:
            some = self._some(min(length - len(taken), _CHUNK_BYTES))
            if not some:
                self._end()
                _raise_died()
            taken += some
        return bytes(taken)

    def _some(self, most: int) -> bytes:
        """What is there next, waited for; nothing at the end."""
        begun = time.monotonic()
        ready = self._poll.poll(max(1, round(self._patience_s * 1000)))
        self._patience_s -= time.monotonic() - begun
        if not ready or self._patience_s <= 0:
            raise_overdue(self._limits)
        return os.read(self._reading, most)

    def _end(self) -> None:
        """The problem that a killed child is."""
        try:
            status = ending(self._leash, time.monotonic() + max(0.1, self._patience_s)).status
        except Overdue:
            raise_overdue(self._limits)
        except Lost:
            _raise_died()
        self.was_killed = os.WIFSIGNALED(status)
        if self.was_killed:
            _raise_killed(os.WTERMSIG(status), self._limits)


def reply(file: IO[bytes], ended: Ending, limits: Limits) -> Reply:
    """The checked reply, or the one problem that there is instead."""
    if os.WIFSIGNALED(ended.status):
        _raise_killed(os.WTERMSIG(ended.status), limits)
    head = wire.Head.from_untrusted(_taken(file, wire.header_length(_taken(file, wire.PREFIX.size))))
    if head.status != wire.OK:
        raise_told(head)
    _require_room(sum(head.lengths), limits)
    blobs = tuple(_taken(file, length) for length in head.lengths)
    if file.read(1):
        raise wire.Malformed("bytes after the end")
    return Reply(head.header, blobs, ended.cpu_s)


def _require_room(length: int, limits: Limits) -> None:
    if length > limits.output_bytes:
        raise ParseOversize(
            f"The parse gave out more than {limits.output_bytes} bytes; split the file into smaller ones."
        )


def _taken(file: IO[bytes], length: int) -> bytes:
    # Its size first, so that a length that was made up takes no memory.
    if length > os.fstat(file.fileno()).st_size:
        _raise_died()
    data = file.read(length)
    if len(data) != length:
        _raise_died()
    return data


def raise_overdue(limits: Limits) -> NoReturn:
    """The problem of a child that was waited for too long."""
    raise ParseTimeout(
        f"The parse took longer than {limits.wall_s} s and was stopped; split the file or make it anew."
    ) from None


def _raise_killed(number: int, limits: Limits) -> NoReturn:
    if number == signal.SIGXCPU:
        raise ParseTimeout(
            f"The parse used more than {limits.cpu_s} s of the processor and was stopped; split the file or make it "
            "anew."
        )
    if number == signal.SIGSYS:
        raise ParseForbiddenCall(
            "The parser tried to leave its sandbox and was killed; treat this file as hostile and do not open it."
        )
    _raise_died()


def _raise_died() -> NoReturn:
    raise ParseRefused("The parser died over this file; it is damaged or hostile, so make it anew from its source.")


def raise_told(head: wire.Head) -> NoReturn:
    """The problem that a head tells of."""
    if head.status == wire.REFUSED:
        code, numbers = head.header.get("code"), head.header.get("numbers")
        if not isinstance(code, str) or not _CODE.fullmatch(code) or not isinstance(numbers, dict):
            raise wire.Malformed("refusal")
        if not all(_CODE.fullmatch(key.replace("_", "-")) and type(value) is int for key, value in numbers.items()):
            raise wire.Malformed("numbers")
        raise ParseRefused("The parser would not take this file; make it anew from its source.", code, numbers)
    if head.status == wire.NO_MEMORY:
        raise ParseMemory("The parse needed more memory than one file may use; split the file into smaller ones.")
    if head.status == wire.NO_WALL:
        layer = head.header.get("layer")
        missing(Layer(layer) if layer in set(Layer) else Layer.SECCOMP)
    if head.status == wire.FAILED:
        raise ParseRefused("The parser broke over this file; it is damaged, so make it anew from its source.")
    raise wire.Malformed("status")


def missing(layer: Layer) -> NoReturn:
    """The problem of a wall that does not stand here."""
    raise SandboxMissing(f"The sandbox layer {layer} does not stand on this host: {_REMEDY[layer]}.")
