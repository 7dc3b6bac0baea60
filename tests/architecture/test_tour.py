"""The tour in `docs/tour.md` is true: every command in it runs, in order."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.specimens import specimens
from tests.support.planted_workbook import parts_of
from tests.support.workbooks import cells

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STARTED_BY = "set -eEu -o pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(folder: Path) -> dict[str, str]:
    """A shell whose `gateway` and `python3` are this interpreter's; cheap key stretching, for speed alone."""
    tools = folder / "tools"
    tools.mkdir()
    for name, arguments in (("gateway", " -m gateway.cli.main"), ("python3", "")):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}"{arguments} "$@"\n', "utf-8")
        tool.chmod(0o755)
    return {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "GATEWAY_PORT": str(_free_port()),
        "GATEWAY_ARGON2_MEMORY_KIB": "8192",
    }


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="rendering needs Linux")
def test_every_command_of_the_tour_runs(tmp_path: Path) -> None:
    script = STARTED_BY + "\n".join(BLOCK.findall((ROOT / "docs" / "tour.md").read_text("utf-8")))
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        ["bash", "-x", "-c", script],
        cwd=work,
        env=_environment(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=580,
    )
    told = done.stderr.decode("utf-8", "replace")
    assert done.returncode == 0, told[-4000:]

    for folder in ("supplier", "ministry"):
        released = [path.read_bytes() for path in (work / folder).rglob("*") if path.is_file()]
        released += [part for data in released if data.startswith(b"PK") for part in parts_of(data).values()]
        leaked = [v for v in specimens().withheld_values if any(v.encode() in data for data in released)]
        assert leaked == []
        rows = cells((work / folder / "files" / "customer-list-01.xlsx").read_bytes())
        assert "Hallbach Servoantriebe GmbH" in {cell for row in rows for cell in row}
    assert (work / "supplier/files/customer-list-01.xlsx").read_bytes() != (
        work / "ministry/files/customer-list-01.xlsx"
    ).read_bytes()
