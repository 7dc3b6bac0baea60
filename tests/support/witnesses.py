"""A real witness as its own process, and logs to show it."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gateway.audit.ports import WitnessAnswer
from gateway.base.clock import SystemClock
from gateway.base.problems import Problem
from gateway.seal import merkle
from gateway.seal.add_checkpoint import request
from gateway.seal.note import Checkpoint, sign_checkpoint, vkey_text
from gateway.seal.twin import SigningTwin
from gateway.witness.service import SizeDiffers, Witness, create

Answer = Callable[[bytes], WitnessAnswer]

PASSPHRASE = "a witness keeps its word"
NAME = "witness.example.com/w1"
ORIGIN = "example.com/gateway"


@dataclass
class GrowingLog:
    """A log of nothing in particular that signs what it is told to."""

    key: SigningTwin = field(default_factory=SigningTwin.generate)
    origin: str = ORIGIN
    story: bytes = b"true"

    @property
    def vkeys(self) -> str:
        return vkey_text(self.origin, self.key.public)

    def tree(self, size: int) -> merkle.Tree:
        return merkle.Tree(merkle.leaf_hash(self.story + str(number).encode()) for number in range(size))

    def checkpoint(self, size: int) -> str:
        return sign_checkpoint(Checkpoint(self.origin, size, merkle.root_at(size, self.tree(size))), self.key)

    def request(self, old: int, size: int) -> bytes:
        proof = merkle.consistency_proof(old, size, self.tree(size))
        return request(old, proof, self.checkpoint(size))


def made(folder: Path, name: str = NAME) -> Witness:
    """A new witness."""
    create(folder, name, PASSPHRASE)
    return Witness(folder, PASSPHRASE, SystemClock())


def policy_of(witness: Witness, url: str | None, number: int = 1) -> str:
    """The lines of a policy that asks for this witness, its `number`th, with both its keys."""
    one, two = (key.vkey for key in witness.keys)
    at = f" {url}" if url else ""
    ed, ml, group = (f"{name}{number}" for name in ("ed", "ml", "w"))
    return f"witness {ed} {one}{at}\nwitness {ml} {two}{at}\ngroup {group} all {ed} {ml}\nquorum {group}\n"


class Straight:
    """Calls witnesses in this process, answering as `gateway.witness.asgi` does; `lie` puts in its own answer."""

    deadline_s = 1.0

    def __init__(self, witnesses: dict[str, Witness]) -> None:
        self.witnesses = witnesses
        self.asked: list[str] = []
        self.lie: Answer | None = None

    def ask(self, url: str, data: bytes) -> WitnessAnswer:
        self.asked.append(url)
        if self.lie is not None:
            return self.lie(data)
        try:
            return WitnessAnswer(200, self.witnesses[url].add_checkpoint(data).encode())
        except SizeDiffers as differs:
            return WitnessAnswer(409, f"{differs.members['size']}\n".encode())
        except Problem:
            return WitnessAnswer(422, b"no\n")


@dataclass
class Serving:
    """`gateway witness serve` at work."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, folder: Path, port: int = 0) -> Serving:
        if not port:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
        command = [sys.executable, "-m", "gateway.cli.main", "witness", "serve", "--folder", str(folder), "--port"]
        environment = {**os.environ, "GATEWAY_WITNESS_PASSPHRASE": PASSPHRASE}
        process = subprocess.Popen([*command, str(port)], env=environment)
        serving = cls(folder, port, process)
        until = time.monotonic() + 60
        while True:
            try:
                if serving.get("/")[0] == 404:
                    return serving
            except OSError:
                time.sleep(0.02)
            if process.poll() is not None or time.monotonic() > until:
                serving.kill()
                raise AssertionError("the witness does not answer")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(self, data: bytes, path: str = "/add-checkpoint") -> tuple[int, str, str]:
        return self._asked("POST", path, data)

    def get(self, path: str) -> tuple[int, str, str]:
        return self._asked("GET", path, None)

    def _asked(self, method: str, path: str, data: bytes | None) -> tuple[int, str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, data)
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"] or "", answer.read().decode()
        finally:
            connection.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)
