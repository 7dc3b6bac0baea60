"""One way to run a command: in this process, without the environment of whoever runs the tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from gateway.cli.main import run


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    for name in os.environ:
        if name.startswith("GATEWAY_"):
            monkeypatch.delenv(name)

    def command(*arguments: object) -> Done:
        code = run([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return Done(code, told.out, told.err)

    return command
