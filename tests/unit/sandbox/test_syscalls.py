"""The filter in classic BPF, run by a small interpreter of the test's own."""

from __future__ import annotations

import struct

import pytest

from gateway.sandbox import syscalls

ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
X86, ARM = 0xC000003E, 0xC00000B7


def verdict(
    machine: str, architecture: int, number: int, third: int = 0, first: int = 0, *, threads: bool = False
) -> int:
    """What the kernel would answer: seccomp_data is number, architecture, instruction pointer, six arguments."""
    data = struct.pack("=IIQ6Q", number, architecture, 0, first, 0, third, 0, 0, 0)
    program = syscalls.seccomp_program(machine, threads=threads)
    at = accumulator = 0
    while True:
        operation, on_true, on_false, operand = struct.unpack_from("=HBBI", program, at * 8)
        at += 1
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, operand)
        elif operation == 0x15:
            at += on_true if accumulator == operand else on_false
        elif operation == 0x45:
            at += on_true if accumulator & operand else on_false
        else:
            return int(operand)


NUMBERS = {
    "x86_64": (X86, {"read": 0, "socket": 41, "execve": 59, "openat": 257, "mmap": 9, "clone": 56}),
    "aarch64": (ARM, {"read": 63, "socket": 198, "execve": 221, "openat": 56, "mmap": 222, "clone": 220}),
}


@pytest.mark.parametrize("machine", NUMBERS)
def test_the_filter(machine: str) -> None:
    architecture, number = NUMBERS[machine]
    assert verdict(machine, architecture, number["read"]) == ALLOW
    assert verdict(machine, architecture, number["socket"]) == KILL
    assert verdict(machine, architecture, number["execve"]) == KILL
    assert verdict(machine, architecture, number["openat"]) == EPERM
    assert verdict(machine, architecture, number["mmap"], third=3) == ALLOW
    assert verdict(machine, architecture, number["mmap"], third=7) == EPERM
    assert verdict(machine, architecture ^ 1, number["read"]) == KILL
    assert verdict(machine, architecture, 4000) == EPERM


@pytest.mark.parametrize("machine", NUMBERS)
def test_the_filter_that_lets_threads_be(machine: str) -> None:
    architecture, number = NUMBERS[machine]
    of_a_thread, of_a_process, with_a_namespace = 0x3D0F00, 0x1200011, 0x3D0F00 | 0x20000
    clone = number["clone"]
    assert verdict(machine, architecture, clone, first=of_a_thread) == KILL
    assert verdict(machine, architecture, clone, first=of_a_thread, threads=True) == ALLOW
    assert verdict(machine, architecture, clone, first=of_a_process, threads=True) == KILL
    assert verdict(machine, architecture, clone, first=with_a_namespace, threads=True) == KILL
    assert verdict(machine, architecture, 435, threads=True) == ENOSYS
    assert verdict(machine, architecture, number["read"], threads=True) == ALLOW
    assert verdict(machine, architecture, number["socket"], threads=True) == KILL
    assert verdict(machine, architecture, number["openat"], threads=True) == EPERM


def test_the_other_numbering_of_x86_is_not_let_through() -> None:
    assert verdict("x86_64", X86, 0x40000000) == EPERM
    assert verdict("x86_64", X86, 0x40000000 | 59) == EPERM


def test_numbers_stand_once() -> None:
    for column in (0, 1):
        tables = (syscalls._ALLOWED, syscalls._KILLED, syscalls._MEMORY)
        numbers = [n[column] for table in tables for n in table.values() if n[column] is not None]
        assert len(numbers) == len(set(numbers))


def test_an_unknown_architecture_raises() -> None:
    with pytest.raises(OSError, match="riscv64"):
        syscalls.seccomp_program("riscv64")
