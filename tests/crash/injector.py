"""A process that imports once and forks a child for every crash: it has no threads, so that forking is safe.

One JSON line in (`folder`, `stage`, `at`, `when`), one JSON line out: `status`, the boundaries crossed, and the
acknowledgements that had left the child through its pipe before it ended.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from gateway.base.canon import Json
from gateway.policy import service as policies
from gateway.policy.load import load_library
from gateway.release.index_pdf import withheld_pdf
from tests.crash import stages
from tests.crash.boundaries import Boundaries

ROOT = Path(__file__).resolve().parents[2]


class Injector:
    """The forking process, from the outside."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.injector"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.communicate(timeout=20)

    def run(self, folder: Path, stage: str, at: int | None = None, when: str = "before") -> Mapping[str, Any]:
        """Run a stage in a child over `folder`, ending it at boundary `at`; what came of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"folder": str(folder), "stage": stage, "at": at, "when": when}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the injector died"
        told: Mapping[str, Any] = json.loads(line)
        return told


def _child(request: Mapping[str, Any], pipe: int) -> None:
    """Run the stage; acknowledgements go through the pipe one by one, each only after its call has returned."""

    def tell(told: Mapping[str, Json]) -> None:
        os.write(pipe, json.dumps(told).encode() + b"\n")

    boundaries = Boundaries(request["at"], request["when"])
    try:
        name = request["stage"]
        run = stages.BEGINNINGS[name] if name in stages.BEGINNINGS else stages.STAGES[name].run
        run(Path(request["folder"]), boundaries, tell)
        tell({"crossed": list(boundaries.crossed)})
    except BaseException:  # noqa: BLE001 border: the child's failure is the test's to judge
        tell({"failed": traceback.format_exc()[-3000:]})
        os._exit(1)
    os._exit(0)


def _carried_out(request: Mapping[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(request, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = [json.loads(line) for line in pipe]
    _, status = os.waitpid(child, 0)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "acknowledged": [one for one in told if not one.keys() & {"crossed", "failed"}],
        "crossed": next((one["crossed"] for one in told if "crossed" in one), None),
        "failed": next((one["failed"] for one in told if "failed" in one), None),
    }


def main() -> None:
    """Answer requests until there are no more. Policies and fonts are read once: every child would read the same."""
    parsed = functools.cache(load_library)
    parsed(None)
    withheld_pdf([], heading="")
    vars(policies)["load_library"] = parsed
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_carried_out(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
