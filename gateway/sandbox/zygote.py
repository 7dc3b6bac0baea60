"""The zygote: a process that has imported the tasks and forks one child for each parse, so that none waits for imports.

It is started afresh (`python -I`, empty environment), so that its memory holds nothing but code, and it never reads a
byte of a conversation: it hands descriptors on to the child, and says how that child ended.

The first packet on descriptor 0 names modules to import, and is answered once they are. Every further one begins a
conversation with three descriptors (SCM_RIGHTS): input, output and leash. Up the leash goes how the child ended and
how long it had the processor; a leash that is let go kills the child. When no more packets can come, the zygote ends
with its last child.
"""

from __future__ import annotations

import array
import gc
import importlib
import os
import selectors
import signal
import socket
from contextlib import suppress
from typing import NoReturn

from gateway.sandbox import child, wire

_CONTROL = 0


def main() -> NoReturn:
    """Import what the first packet names, then serve conversations until there is nobody left to have one."""
    with socket.socket(fileno=os.dup(_CONTROL)) as control:
        for module in control.recv(wire.MAX_PACKET_BYTES).decode().split():
            importlib.import_module(module)
        # The collector would otherwise write into every page that the children share.
        gc.collect()
        gc.freeze()
        control.send(wire.READY)
        _Nursery(control).serve()
    os._exit(0)


class _Nursery:
    """The children of one zygote, each on its leash."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ, self._begin)

    def serve(self) -> None:
        """Begin, end and report until neither packets nor children are left."""
        while self._selector.get_map():
            for key, _ in self._selector.select():
                key.data()

    def _begin(self) -> None:
        packet, ancillary, _, _ = self._control.recvmsg(1, socket.CMSG_SPACE(3 * array.array("i").itemsize))
        if not packet:
            self._selector.unregister(self._control)
            return
        descriptors = array.array("i")
        for _, _, data in ancillary:
            descriptors.frombytes(data)
        down, up, leash = descriptors
        zygote = os.getpid()
        pid = os.fork()
        if pid == 0:
            child.main(down, up, zygote)
        os.close(down)
        os.close(up)
        self._watch(pid, socket.socket(fileno=leash))

    def _watch(self, pid: int, leash: socket.socket) -> None:
        ending = os.pidfd_open(pid)

        def let_go() -> None:
            if leash.fileno() < 0:
                return  # It ended at the same moment, and that was heard first.
            self._selector.unregister(leash)
            signal.pidfd_send_signal(ending, signal.SIGKILL)

        def ended() -> None:
            _, status, used = os.wait4(pid, 0)
            self._selector.unregister(ending)
            os.close(ending)
            with suppress(KeyError):
                self._selector.unregister(leash)
            with suppress(OSError), leash:
                leash.send(wire.STATUS.pack(status, int((used.ru_utime + used.ru_stime) * 1e6)))

        self._selector.register(ending, selectors.EVENT_READ, ended)
        self._selector.register(leash, selectors.EVENT_READ, let_go)
