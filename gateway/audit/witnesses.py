"""Witnesses over HTTP: one request to one configured address, bounded in time and size, no redirect followed."""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

from gateway.audit.ports import WitnessAnswer, WitnessRefused

ANSWER_BYTES_MAX = 64 * 1024
_PATH = "/add-checkpoint"
_PORTION_BYTES = 4096
_SILENT = "it does not answer, or not in time"


class HttpWitnesses:
    """Asks a witness; silent for `timeout_s`, or not done after `deadline_s`, it has not answered."""

    def __init__(self, timeout_s: float = 5.0, deadline_s: float = 8.0) -> None:
        self._timeout_s = timeout_s
        self.deadline_s = deadline_s

    def ask(self, url: str, data: bytes) -> WitnessAnswer:
        """What the witness at this submission prefix answers to an `add-checkpoint`; or `WitnessRefused`."""
        where = urlsplit(url)
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        connection = kind(where.hostname or "", where.port, timeout=self._timeout_s)
        try:
            connection.connect()
            # A peer that sends a byte now and then keeps every single wait short: the connection is cut as a whole.
            late = threading.Event()
            cut = threading.Timer(self.deadline_s, _cut, (connection.sock, late))
            cut.daemon = True
            cut.start()
            try:
                headers = {"Content-Type": "text/plain; charset=utf-8", "Connection": "close"}
                connection.request("POST", where.path + _PATH, data, headers)
                with connection.getresponse() as response:
                    answer = WitnessAnswer(response.status, _read(response))
                if late.is_set():
                    raise WitnessRefused(_SILENT)  # What was cut may look whole.
                return answer
            finally:
                cut.cancel()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise WitnessRefused(_SILENT) from error
        finally:
            connection.close()


def _read(response: http.client.HTTPResponse) -> bytes:
    answer = b""
    while portion := response.read1(_PORTION_BYTES):
        answer += portion
        if len(answer) > ANSWER_BYTES_MAX:
            raise WitnessRefused("its answer is far too long")
    if response.length:
        raise WitnessRefused("its answer is cut short")
    return answer


def _cut(connection: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
