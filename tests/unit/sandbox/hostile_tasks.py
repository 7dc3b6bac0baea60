"""Tasks that do what a parser taken over by its input would try. They run only inside the sandbox's child."""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping

from gateway.base.canon import Json
from gateway.sandbox import wire
from gateway.sandbox.task import Answer, TaskRefused

Request = Mapping[str, Json]


def echo(request: Request, untrusted: bytes) -> Answer:
    return {"request": dict(request)}, (untrusted, untrusted[::-1])


def _errno_of(act: Callable[[], object]) -> Answer:
    try:
        act()
    except OSError as error:
        return {"errno": error.errno}, ()
    return {"errno": 0}, ()


def open_file(_request: Request, _untrusted: bytes) -> Answer:
    return _errno_of(lambda: os.open(__file__, os.O_RDONLY))


def make_file(request: Request, _untrusted: bytes) -> Answer:
    return _errno_of(lambda: os.open(str(request["path"]), os.O_WRONLY | os.O_CREAT))


def open_socket(_request: Request, _untrusted: bytes) -> Answer:
    return _errno_of(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))


def reach_network(request: Request, _untrusted: bytes) -> Answer:
    return _errno_of(lambda: socket.create_connection(("127.0.0.1", int(str(request["port"])))))


def execute(_request: Request, _untrusted: bytes) -> Answer:
    return _errno_of(lambda: os.execv("/bin/true", ["true"]))


def fork(_request: Request, _untrusted: bytes) -> Answer:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return {"errno": 0}, ()


def start_thread(_request: Request, _untrusted: bytes) -> Answer:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    return {"errno": 0}, ()


def open_file_in_a_thread(_request: Request, _untrusted: bytes) -> Answer:
    told: list[Answer] = []
    thread = threading.Thread(target=lambda: told.append(open_file({}, b"")))
    thread.start()
    thread.join()
    return told[0]


def trace_parent(_request: Request, _untrusted: bytes) -> Answer:
    ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0)
    return {"errno": 0}, ()


def signal_parent(_request: Request, _untrusted: bytes) -> Answer:
    return _errno_of(lambda: os.kill(os.getppid(), 0))


def executable_memory(_request: Request, _untrusted: bytes) -> Answer:
    return _errno_of(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC))


def allocate(request: Request, _untrusted: bytes) -> Answer:
    return {"length": len(bytearray(int(str(request["bytes"]))))}, ()


def spin(_request: Request, _untrusted: bytes) -> Answer:
    while True:
        pass


def sleep(_request: Request, _untrusted: bytes) -> Answer:
    time.sleep(60)
    return {}, ()


def flood_reply(request: Request, _untrusted: bytes) -> Answer:
    return {}, (bytes(int(str(request["bytes"]))),)


def flood_raw(_request: Request, _untrusted: bytes) -> Answer:
    while True:
        os.write(1, b"A" * 65536)


def flood_header(_request: Request, _untrusted: bytes) -> Answer:
    os.write(1, wire.PREFIX.pack(wire.MAGIC, 0xFFFFFFFF) + b"A" * 65536)
    os._exit(0)


def say(request: Request, _untrusted: bytes) -> Answer:
    """Write exactly the head that the request holds, then its `tail`, and end."""
    head = json.dumps(request["head"]).encode()
    os.write(1, struct.pack("!4sI", wire.MAGIC, len(head)) + head + str(request.get("tail", "")).encode())
    os._exit(0)


def import_late(_request: Request, _untrusted: bytes) -> Answer:
    import wave

    return {"name": wave.__name__}, ()


def refuse(_request: Request, _untrusted: bytes) -> Answer:
    raise TaskRefused("ragged-row", row=17)


def whisper(_request: Request, untrusted: bytes) -> Answer:
    raise TaskRefused(untrusted.decode())


def throw(_request: Request, untrusted: bytes) -> Answer:
    raise ValueError(untrusted.decode())


def die(request: Request, _untrusted: bytes) -> Answer:
    os._exit(int(str(request["code"])))


def crash(_request: Request, _untrusted: bytes) -> Answer:
    ctypes.string_at(0)
    return {}, ()


def give_up(_request: Request, _untrusted: bytes) -> Answer:
    os.abort()


_seen: list[int] = []


def remember(_request: Request, _untrusted: bytes) -> Answer:
    _seen.append(1)
    return {"seen": len(_seen)}, ()


def write_to_input(_request: Request, _untrusted: bytes) -> Answer:
    return _errno_of(lambda: os.pwrite(0, b"x", 0))


def burn(request: Request, untrusted: bytes) -> Answer:
    until = time.process_time() + int(str(request["milliseconds"])) / 1000
    while time.process_time() < until:
        pass
    if request.get("refuse"):
        raise TaskRefused("burnt")
    return {}, ()
