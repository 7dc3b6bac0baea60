"""Where a server listens, of this gateway or of a witness."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.base.problems import Unavailable
from gateway.settings import Settings


class AddressInUse(Unavailable):
    """Something else listens there."""

    slug = "address-in-use"
    title = "The address cannot be listened on"


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """A socket bound where these settings say, or `AddressInUse`."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Without the protocol asyncio leaves Nagle on, and every answer waits for a delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise AddressInUse(
                "The address and port cannot be listened on; stop what uses them, or set GATEWAY_HOST and GATEWAY_PORT."
            ) from error
        yield listener
    finally:
        listener.close()
