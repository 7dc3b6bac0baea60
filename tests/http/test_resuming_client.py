"""The client goes on by itself where a line broke, and the file arrives once."""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gateway.base.problems import Unprocessable
from gateway.base.units import MIB
from gateway.cli import sending
from gateway.cli.client import Client
from gateway.cli.line import ServerProblem
from tests.support.office import CUSTOMERS, Office

CONTENT = CUSTOMERS + b"Nordwind Antriebe GmbH;DE;Rostock;x;no;y;z;a\r\n" * 300_000


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "RESUMABLE_BYTES", MIB)
    monkeypatch.setattr(sending, "_PAUSE_S", 0.05)
    monkeypatch.setattr(sending, "_TRIES", 3)


def pump(source: socket.socket, sink: socket.socket, budget: float) -> None:
    """Hand on what comes, and break the line once so many bytes have."""
    with suppress(OSError):
        while budget > 0 and (data := source.recv(65536)):
            budget -= len(data)
            sink.sendall(data)
    if budget <= 0:
        # Else the client's bytes go on into the buffers of the kernel until they are full.
        source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        source.close()
    for one in (source, sink):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@contextmanager
def breaking_line(port: int, budgets: list[int]) -> Iterator[int]:
    """A proxy whose first connections break after so many bytes from the client; later ones hold."""
    listener = socket.create_server(("127.0.0.1", 0))
    ends = [listener]
    pumps: list[threading.Thread] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", port))
                budget = budgets.pop(0) if budgets else float("inf")
                ends.extend((near, far))
                for args in ((near, far, budget), (far, near, float("inf"))):
                    pumps.append(threading.Thread(target=pump, args=args))
                    pumps[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        for one in ends:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in (accepting, *pumps):
            thread.join(10)
        for one in ends:
            one.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Kunden Süd.csv"
    path.write_bytes(CONTENT)
    return path


def test_a_line_that_breaks_twice_costs_a_pause(office: Office, file: Path) -> None:
    matter = str(office.matter()["id"])
    moved: list[int] = []
    with (
        breaking_line(office.server.port, [5 * MIB, 6 * MIB]) as port,
        Client(f"http://127.0.0.1:{port}", office.token("builder")) as client,
    ):
        receipt = client.upload(matter, "customer_list", file, progress=moved.append)
    assert receipt.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert sum(moved) == len(CONTENT), "the bar ends at the file's size"
    assert min(moved) < 0, "and goes back to what is durable"
    shown = office["builder"].get(f"/api/v1/originals/{receipt.original}").json()
    assert shown["file_name"] == "Kunden Süd.csv"
    assert len(office["builder"].get(f"/api/v1/matters/{matter}/originals").json()["originals"]) == 1


def test_what_is_refused_for_its_type_is_told_so(office: Office, tmp_path: Path) -> None:
    """Before the rest is sent: in the middle of a large body the answer may be lost with the line."""
    moved: list[int] = []
    matter, path = str(office.matter()["id"]), tmp_path / "film.bin"
    path.write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(80 * MIB))
    with Client(office.server.url, office.token("builder")) as client, pytest.raises(Unprocessable) as refused:
        client.upload(matter, "customer_list", path, progress=moved.append)
    assert moved == []
    assert isinstance(refused.value, ServerProblem)
    assert refused.value.told_slug == "unsupported-format"
