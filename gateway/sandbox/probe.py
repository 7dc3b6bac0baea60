"""What each wall alone must stop, tried in a child that has only that wall."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Mapping

from gateway.base.canon import Json
from gateway.sandbox.ports import Layer
from gateway.sandbox.task import Answer


def attempt(request: Mapping[str, Json], _untrusted: bytes) -> Answer:
    """Try what the layer in the request forbids: `{"held": whether it was stopped}`."""
    return {"held": _ATTEMPTS[Layer(str(request["layer"]))]()}, ()


def _stopped(number: int, act: Callable[[], object]) -> bool:
    try:
        act()
    except OSError as error:
        return error.errno == number
    return False


def _file_is_closed() -> bool:
    return _stopped(errno.EACCES, lambda: os.open(__file__, os.O_RDONLY))


def _call_is_denied() -> bool:
    # EPERM is seccomp's answer; a call on its list of killed ones would end the probe before it could tell.
    return _stopped(errno.EPERM, lambda: os.stat(__file__))  # noqa: PTH116 - the bare call is what is probed


def _memory_is_bounded() -> bool:
    try:
        bytearray(1 << 40)
    except MemoryError:
        return _stopped(errno.EMFILE, lambda: os.open(__file__, os.O_RDONLY))
    return False


def _network_is_empty() -> bool:
    return [name for _, name in socket.if_nameindex()] in ([], ["lo"]) and os.getpid() < 100


_ATTEMPTS: dict[Layer, Callable[[], bool]] = {
    Layer.LANDLOCK: _file_is_closed,
    Layer.SECCOMP: _call_is_denied,
    Layer.RLIMITS: _memory_is_bounded,
    Layer.BUBBLEWRAP: _network_is_empty,
}
