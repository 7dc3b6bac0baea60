"""The few system calls with which a child walls itself in, by ctypes: Linux on x86_64 and aarch64.

1. `die_with_parent`  prctl(2): the kernel kills the child when the thread that started it is gone.
2. `forbid_new_privileges`  prctl(2): no_new_privs, and not dumpable, so that no neighbour may trace it.
3. `landlock`  landlock(7): no file may be opened, made or removed; no TCP port bound or reached (ABI 4); no signal
   and no abstract socket beyond itself (ABI 6).
4. `seccomp`  seccomp(2): a closed list of calls is let through. Calls no parser makes (sockets, exec, new processes,
   tracing, keys, mounts, …) kill the process; every other one, and executable memory, answers EPERM. So does tgkill(2),
   by which abort(3) ends a program that gives up: it then dies all the same. Where threads are allowed, clone(2) may
   make one of this process, which inherits the filter; clone3(2), whose flags no filter can read, answers ENOSYS, so
   that the C library takes the other way.

Each raises `OSError` when the wall does not stand. Landlock and seccomp bind the calling thread: call them while it is
the only one.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2

_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_RESTRICT_SELF = 446
_LANDLOCK_ABI_QUERY = 1
# Rights by the ABI that brought them: 13 rights on files, then refer, truncate, ioctl on devices.
_FS_RIGHTS_BY_ABI = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
_NET_RIGHTS = 0b11
_SCOPES = 0b11

# Name → (number on x86_64, number on aarch64); None where the architecture has no such call.
_ALLOWED: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "readv": (19, 65),
    "writev": (20, 66),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "getpid": (39, 172),
    "exit": (60, 93),
    "gettimeofday": (96, 169),
    "getrusage": (98, 165),
    "sigaltstack": (131, 132),
    "gettid": (186, 178),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "rseq": (334, 293),
}
# Let through unless they ask for memory that can be executed.
_MEMORY = {"mmap": (9, 222), "mprotect": (10, 226)}
_KILLED: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "bind": (49, 200),
    "listen": (50, 201),
    "socketpair": (53, 199),
    "clone": (56, 220),
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "kill": (62, 129),
    "ptrace": (101, 117),
    "mount": (165, 40),
    "tkill": (200, 130),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "perf_event_open": (298, 241),
    "setns": (308, 268),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "bpf": (321, 280),
    "execveat": (322, 281),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "pidfd_open": (434, 434),
    "clone3": (435, 435),
    "pidfd_getfd": (438, 438),
}
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_CLONE, _CLONE3 = "clone", "clone3"
# CLONE_VM | FS | FILES | SIGHAND | THREAD | SYSVSEM | SETTLS | PARENT_SETTID | CHILD_CLEARTID, as in pthreads.
_OF_A_THREAD = 0x3D0F00

_LOAD, _JUMP_EQUAL, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x45, 0x06
_AT_NUMBER, _AT_ARCHITECTURE, _AT_FIRST_ARGUMENT, _AT_THIRD_ARGUMENT = 0, 4, 16, 32
_ALLOW, _KILL, _EPERM, _ENOSYS = 0x7FFF0000, 0x80000000, 0x00050000 | 1, 0x00050000 | 38
_PROT_EXEC = 4


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _prctl(option: int, argument: int | ctypes.c_void_p, second: int | ctypes.c_void_p = 0) -> None:
    call = _libc().prctl
    call.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong]
    _checked(call(option, argument, second, 0, 0), "prctl")


def die_with_parent() -> None:
    """Have the kernel kill this process when its starter is gone."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def forbid_new_privileges() -> None:
    """Let neither a set-user-id file add rights to this process nor a neighbour trace it."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_DUMPABLE, 0)


def landlock_abi() -> int:
    """The Landlock ABI of this kernel; raises `OSError` where there is none."""
    return _checked(_libc().syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_ABI_QUERY), "landlock")


def landlock() -> None:
    """Deny this thread every right that this kernel's Landlock can deny. Open descriptors stay usable."""
    abi = landlock_abi()
    rights = sum(bits for since, bits in _FS_RIGHTS_BY_ABI if abi >= since)
    words = [rights]
    if abi >= 4:
        words.append(_NET_RIGHTS)
    if abi >= 6:
        words.append(_SCOPES)
    attributes = struct.pack(f"={len(words)}Q", *words)
    ruleset = _checked(_libc().syscall(_LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0), "landlock")
    try:
        _checked(_libc().syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0), "landlock")
    finally:
        os.close(ruleset)


def seccomp(*, threads: bool = False) -> None:
    """Install the filter on this thread; `forbid_new_privileges` comes before."""
    program = seccomp_program(platform.machine(), threads=threads)
    instructions = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: the number of instructions, then (aligned) the address of the first.
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions))
    pointer = ctypes.create_string_buffer(header, len(header))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.cast(pointer, ctypes.c_void_p))


def seccomp_program(machine: str, *, threads: bool = False) -> bytes:
    """The filter in classic BPF for one architecture; raises `OSError` on an unknown one."""
    if machine not in _ARCHITECTURES:
        raise OSError(f"no system call table for the architecture {machine}")
    column, audit_architecture = _ARCHITECTURES[machine]
    code = [
        _instruction(_LOAD, _AT_ARCHITECTURE),
        _instruction(_JUMP_EQUAL, audit_architecture, on_true=1),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _AT_NUMBER),
    ]
    if threads:
        code += _threads(column)
    for numbers, verdict in [(n, _ALLOW) for n in _ALLOWED.values()] + [(n, _KILL) for n in _KILLED.values()]:
        number = numbers[column]
        if number is not None:
            code += [_instruction(_JUMP_EQUAL, number, on_false=1), _instruction(_RETURN, verdict)]
    for numbers_of_memory in _MEMORY.values():
        code += [
            _instruction(_JUMP_EQUAL, numbers_of_memory[column], on_false=4),
            _instruction(_LOAD, _AT_THIRD_ARGUMENT),
            _instruction(_JUMP_BITS, _PROT_EXEC, on_false=1),
            _instruction(_RETURN, _EPERM),
            _instruction(_RETURN, _ALLOW),
        ]
    code.append(_instruction(_RETURN, _EPERM))
    return b"".join(code)


def _threads(column: int) -> list[bytes]:
    clone, clone3 = _KILLED[_CLONE][column], _KILLED[_CLONE3][column]
    if clone is None or clone3 is None:
        raise OSError("no number for making a thread")
    return [
        _instruction(_JUMP_EQUAL, clone3, on_false=1),
        _instruction(_RETURN, _ENOSYS),
        _instruction(_JUMP_EQUAL, clone, on_false=4),
        _instruction(_LOAD, _AT_FIRST_ARGUMENT),
        _instruction(_JUMP_EQUAL, _OF_A_THREAD, on_false=1),
        _instruction(_RETURN, _ALLOW),
        _instruction(_RETURN, _KILL),
    ]


def _instruction(operation: int, operand: int, *, on_true: int = 0, on_false: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, on_true, on_false, operand)
