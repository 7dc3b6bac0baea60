"""`gateway demo` runs the main job through real processes, and leaves nothing of the originals in clear (promise 5).

The folders searched are what a thief of the server would get: the data folder, the temporary folder of every process,
the server's log, and the audit export. What the demo puts aside for its reader (originals, keys) is not searched, and
what it released may show what it lawfully shows.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pypdfium2
import pytest

from gateway.cli.journey import FILED
from gateway.cli.specimens import specimens
from tests.support.forensics import Wanted, assert_nothing_in_clear
from tests.support.planted_workbook import parts_of

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="rendering needs Linux"),
    pytest.mark.timeout(900),
]


def _run(*arguments: str, temporary: Path) -> subprocess.CompletedProcess[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    environment |= {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "gateway.cli.main", *arguments]
    return subprocess.run(
        command, cwd=temporary, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=800
    )


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, subprocess.CompletedProcess[bytes]]:
    """The demo's folder, the temporary folder of its processes, and how it ended."""
    folder = tmp_path_factory.mktemp("demo")
    temporary = folder / "tmp"
    temporary.mkdir()
    return folder / "out", temporary, _run("demo", "--out", str(folder / "out"), temporary=temporary)


def test_it_ends_well_and_says_every_step(
    demonstrated: tuple[Path, Path, subprocess.CompletedProcess[bytes]],
) -> None:
    out, _, done = demonstrated
    told = done.stdout.decode()
    assert done.returncode == 0, told + done.stderr.decode()
    assert done.stderr == b""
    assert told.count("verified by a bare Python") == 3
    for number in range(1, 15):
        assert f"[{number:>2}/14]" in told
    for path in ("packages/hop-1-supplier.zip", "packages/hop-2-authority.zip.age", "audit-export/verify.py"):
        assert (out / path).is_file()
    verdicts = [path.read_text("utf-8") for path in out.rglob("*.verified.txt")]
    assert len(verdicts) == 3
    assert all(verdict.rstrip().splitlines()[-1].startswith("Verified:") for verdict in verdicts)


def test_each_hop_gets_its_own_copies(demonstrated: tuple[Path, Path, subprocess.CompletedProcess[bytes]]) -> None:
    out, _, _ = demonstrated
    hops = [{path.name: path.read_bytes() for path in (out / "packages" / name / "files").iterdir()} for name in _HOPS]
    assert {name.partition("-0")[0].replace("-", "_") for name in hops[0]} == set(FILED)
    assert {name.partition("-0")[0].replace("-", "_") for name in hops[1]} == set(specimens().originals)
    assert [name for name in hops[0] if hops[0][name] == hops[1][name]] == []


def test_no_document_says_what_it_withholds(
    demonstrated: tuple[Path, Path, subprocess.CompletedProcess[bytes]],
) -> None:
    """Its text is searched as a reader gets it, and what it is for is still said."""
    out, _, _ = demonstrated
    files = out / "packages" / _HOPS[1] / "files"
    said = {path.name: text_of(path.read_bytes()) for path in files.glob("*.pdf")}
    assert [value for value in specimens().withheld_values for text in said.values() if value in text] == []
    assert "exclusively in servo motors for civil industrial" in said["contract-01.pdf"]
    assert "no re-export" in said["correspondence-01.pdf"]
    assert "Magnet NdFeB N42SH" in said["schematic-01.pdf"]


def text_of(pdf: bytes) -> str:
    """The text layer of a document."""
    return "\n".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(pdf))


def test_nothing_of_the_originals_is_anywhere_in_clear(
    demonstrated: tuple[Path, Path, subprocess.CompletedProcess[bytes]],
) -> None:
    out, temporary, done = demonstrated
    made = specimens()
    released = [path.read_bytes() for name in _HOPS for path in (out / "packages" / name).rglob("*") if path.is_file()]
    wanted = Wanted(
        {kind: one.data for kind, one in made.originals.items()},
        released=released,
        values=[*made.withheld_values, *(one.file_name for one in made.originals.values())],
    )
    assert wanted.run_count > 100_000
    streams = {"server.log": (out / "server.log").read_bytes(), "output": done.stdout + done.stderr}
    assert_nothing_in_clear([out / "data", out / "audit-export", temporary], wanted, streams)
    inside = [part for data in released if data.startswith(b"PK") for part in parts_of(data).values()]
    leaked = [value for value in made.withheld_values for data in (*released, *inside) if value.encode() in data]
    assert leaked == []


def test_private_files_are_private(demonstrated: tuple[Path, Path, subprocess.CompletedProcess[bytes]]) -> None:
    out, _, _ = demonstrated
    secret = [*(out / "keys").glob("*.pem"), out / "keys" / "authority.age-identity", out / "data" / "root.key"]
    assert {path.stat().st_mode & 0o077 for path in secret if path.name != "package.pub.pem"} == {0}


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine", "utf-8")
    done = _run("demo", "--out", str(tmp_path / "out"), temporary=tmp_path)
    assert (done.returncode, done.stderr.count(b"\n")) == (3, 1)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


_HOPS = ("hop-1-supplier", "hop-2-authority")
