"""What every command takes from its environment: the server's address, the token, the data folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.base.problems import Unauthenticated, Usage
from gateway.cli.client import DEFAULT_URL, Client
from gateway.settings import Settings, from_environment


class TokenMissing(Unauthenticated):
    """A command that needs a token has none."""

    slug = "token-missing"
    title = "There is no token"


@contextmanager
def connected(*, anonymous: bool = False) -> Iterator[Client]:
    """A client of the server at GATEWAY_URL, with the token in GATEWAY_TOKEN_FILE or GATEWAY_TOKEN.

    GATEWAY_CA_FILE names the certificates to trust instead of the system's.
    """
    token = None if anonymous else token_given()
    trusted = os.environ.get("GATEWAY_CA_FILE")
    ca_file = Path(trusted) if trusted else None
    with Client(os.environ.get("GATEWAY_URL", DEFAULT_URL), token, ca_file=ca_file) as client:
        yield client


def token_given() -> str:
    """The token, or one sentence that says how to get one."""
    path = os.environ.get("GATEWAY_TOKEN_FILE")
    if path:
        try:
            return Path(path).read_text("utf-8").strip()
        except OSError as error:
            raise TokenMissing("The token file cannot be read; check GATEWAY_TOKEN_FILE.") from error
    token = os.environ.get("GATEWAY_TOKEN", "").strip()
    if not token:
        raise TokenMissing("Set GATEWAY_TOKEN_FILE (or GATEWAY_TOKEN); `gateway token` gives you a token.")
    return token


def offline_settings() -> Settings:
    """Settings for work that touches no data folder: GATEWAY_DATA may be missing."""
    return from_environment({"GATEWAY_DATA": os.devnull, **os.environ})


def json_file(path: Path, what: str) -> bytes:
    """The bytes of a file that a command was given."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Usage(f"The {what} cannot be read; check its path.") from error
