"""The parent's side of the zygote: starting it, one conversation with one of its children, and its end.

Both files of a conversation are sealed before they are read: the input by the parent before the child has it, the
reply once the child is dead, so that nobody changes what was checked.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from gateway.sandbox import wire

_ENTER = "import sys; sys.path[:0] = sys.argv[1:]; from gateway.sandbox.zygote import main; main()"
# One thread in the child, or the walls would not bind all of it; the same text everywhere.
# Memory in large pages: a child is too short-lived to touch an original page by small page.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "LC_ALL": "C.UTF-8",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
_START_S = 60.0
_KILL_S = 10.0
_SEALED = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class Lost(Exception):
    """The zygote is gone, or did not come up."""


class Overdue(Exception):
    """The child did not end in time and was killed."""


class Ending(NamedTuple):
    """How a child ended: its wait status, and the seconds of the processor that it had used."""

    status: int
    cpu_s: float


class Zygote:
    """One zygote, ready to fork. `roots` are the folders that code is imported from."""

    def __init__(self, roots: tuple[Path, ...], modules: Iterable[str], *, bubblewrap: bool) -> None:
        command = [sys.executable, "-I", "-B", "-X", "utf8", "-c", _ENTER, *map(str, roots)]
        if bubblewrap:
            command = [*_bubblewrap(roots), *command]
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - made here; no part of it comes from outside
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        try:
            self._import(modules)
        except OSError as error:
            self.end()
            raise Lost from error

    def converse(self, parts: tuple[bytes, ...], wall_s: float) -> tuple[Ending, int]:
        """One child over these parts: its ending, and a sealed descriptor of its reply, the caller's to close.

        Raises `Overdue`, or `Lost` when the zygote is gone.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, contextlib.ExitStack() as opened:
            up = _memory_file()
            opened.callback(os.close, up)
            with theirs, _filled(parts) as down:
                try:
                    socket.send_fds(self._control, [wire.BEGIN], [down, up, theirs.fileno()])
                except OSError as error:
                    raise Lost from error
            ending = _ending(ours, time.monotonic() + wall_s)
            fcntl.fcntl(up, fcntl.F_ADD_SEALS, _SEALED)
            os.lseek(up, 0, os.SEEK_SET)
            opened.pop_all()
        return ending, up

    def let_go(self) -> None:
        """Begin nothing more; the zygote ends with its last child."""
        self._control.close()

    def end(self) -> None:
        """Let go, and wait until the zygote is gone."""
        self.let_go()
        try:
            self.process.wait(_KILL_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _import(self, modules: Iterable[str]) -> None:
        self._control.settimeout(_START_S)
        self._control.send(" ".join(modules).encode() or b" ")
        if self._control.recv(1) != wire.READY:
            raise ConnectionResetError
        self._control.settimeout(None)


def _ending(leash: socket.socket, deadline: float) -> Ending:
    """How the child ended; a child past its deadline is killed first."""
    overdue = False
    while True:
        leash.settimeout(_KILL_S if overdue else max(0.001, deadline - time.monotonic()))
        try:
            told = leash.recv(wire.STATUS.size)
        except TimeoutError:
            if overdue:
                raise Lost from None
            overdue = True
            leash.shutdown(socket.SHUT_WR)
            continue
        except OSError as error:
            raise Lost from error
        if len(told) != wire.STATUS.size:
            raise Lost
        if overdue:
            raise Overdue
        status, used_us = wire.STATUS.unpack(told)
        return Ending(status, used_us / 1e6)


def _memory_file() -> int:
    return os.memfd_create("sandbox", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


@contextlib.contextmanager
def _filled(parts: tuple[bytes, ...]) -> Iterator[int]:
    """A sealed memory file of these parts, read from its start."""
    file = _memory_file()
    try:
        for part in parts:
            left = memoryview(part)
            while left:
                left = left[os.write(file, left) :]
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALED)
        os.lseek(file, 0, os.SEEK_SET)
        yield file
    finally:
        os.close(file)


def _bubblewrap(roots: tuple[Path, ...]) -> list[str]:
    """The command before the command: no network, no neighbours, and only the interpreter's folders to see."""
    program = shutil.which("bwrap")
    if program is None:
        raise FileNotFoundError("bwrap")
    code = [*roots, *map(Path, (sys.prefix, sys.base_prefix, *filter(None, sys.path)))]
    system = map(Path, ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache"))
    interpreter = Path(sys.executable).resolve().parent
    # Not `--die-with-parent`: that is the thread that starts it, and the zygote serves others after it.
    command = [program, "--unshare-all", "--new-session", "--cap-drop", "ALL", "--chdir", "/"]
    for folder in dict.fromkeys((*system, *code, interpreter)):
        command += ["--ro-bind-try", str(folder), str(folder)]
    return [*command, "--proc", "/proc", "--dev", "/dev", "--"]
