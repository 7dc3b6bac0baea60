"""The second verifier, tests/oracles/verify.mjs: another language, another hand, no line shared with the first."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

SCRIPT = Path(__file__).parents[1] / "oracles" / "verify.mjs"
MISSING = None if shutil.which("node") else "node is not installed (Debian: apt install nodejs): no second verifier"


@dataclass(frozen=True)
class Answer:
    """Its exit code, the title of the first step that failed, and all that it said."""

    code: int
    failed: str | None
    said: str


class Second:
    """One process that answers many questions, because starting node takes longer than verifying."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", str(SCRIPT), "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate(timeout=60)

    def verify(
        self,
        path: Path,
        *,
        log_key: str | None = None,
        package_key: str | None = None,
        checkpoint: str | None = None,
        policy: bytes | None = None,
    ) -> Answer:
        """Ask about a package, an export or a proof, with what is known from elsewhere."""
        trusted = None if policy is None else policy.decode("latin-1")
        given = {"log-key": log_key, "package-key": package_key, "checkpoint": checkpoint, "policy": trusted}
        arguments = [str(path), *(f"--{name}={value}" for name, value in given.items() if value is not None)]
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        told = json.loads(line)
        failed = (step["title"] for step in told.get("steps", ()) if step["state"] == "failed")
        return Answer(told["code"], next(failed, None), line)
