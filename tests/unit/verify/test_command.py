"""The script runs alone, on every Python it names, and says by exit code and words what it found."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.seal.twin import to_text
from gateway.verify import SCRIPT
from gateway.verify.verify import main

if TYPE_CHECKING:
    from tests.unit.verify.conftest import Draft, House


def pythons() -> list[str]:
    """Interpreters on this machine from 3.9 on, but for the one that runs the tests."""
    found = sorted(Path.home().glob(".pyenv/versions/*/bin/python3"))
    versions = {str(path): tuple(map(int, path.parts[-3].split(".")[:2])) for path in found}
    return [path for path, version in versions.items() if version >= (3, 9)]


def run(python: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [python, "-I", "-W", "error", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("python", [sys.executable, *pythons()])
def test_it_runs_from_the_folder_it_came_with_and_from_elsewhere(
    python: str, draft: Draft, export: Path, tmp_path: Path
) -> None:
    folder = draft.write()
    script = str(shutil.copy(SCRIPT, tmp_path / "elsewhere.py"))
    keys = ["--log-key", draft.house.log.vkey(), "--package-key", to_text(draft.house.package_key.public)]
    for result in (
        run(python, "verify.py", ".", cwd=folder),
        run(python, script, str(folder), *keys, cwd=tmp_path),
        run(python, "verify.py", ".", "--log-key", "log.vkey", "--checkpoint", "checkpoint", cwd=export),
    ):
        assert result.returncode == 0, result.stdout + result.stderr
        assert "✗" not in result.stdout
        assert result.stderr == ""
    (folder / "withheld.csv").write_bytes(b"nothing\n")
    result = run(python, script, str(folder), *keys, cwd=tmp_path)
    assert result.returncode == 1
    assert "✗ 2. digests: withheld.csv" in result.stdout


def test_other_pythons_were_there() -> None:
    if not pythons():
        pytest.skip("no other Python from 3.9 on is installed under ~/.pyenv/versions")


def test_it_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 9))
    names = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    names |= {str(node.module).split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names <= set(sys.stdlib_module_names)


def test_lines_warnings_and_the_last_sentence(draft: Draft, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(draft.write())]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:4] for line in lines[:7]] == [f"✓ {number}." for number in range(1, 8)]
    assert all(line.startswith("! ") for line in lines[7:-1])
    assert "compare them" in lines[-1]


def test_json_says_the_same(draft: Draft, capsys: pytest.CaptureFixture[str]) -> None:
    folder = draft.write()
    assert main([str(folder), "--json", "--log-key", draft.house.log.vkey()]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["ok"], report["pinned"], len(report["steps"])) == (True, False, 7)
    (folder / "audit.proof").unlink()
    assert main([str(folder), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


WRONG = [
    ["nowhere"],
    ["package", "--checkpoint", "export/checkpoint"],
    ["export", "--package-key", "ed25519:x"],
    ["export", "--checkpoint", "nowhere"],
    ["export", "--log-key", "nowhere"],
    ["package", "--package-key", "export"],
    ["package.age"],
]


@pytest.mark.parametrize("arguments", WRONG)
@pytest.mark.usefixtures("export")
def test_wrong_use_is_2_and_says_why(
    draft: Draft, arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = draft.write().parent
    (folder / "package.age").write_bytes(b"age-encryption.org/v1\n")
    monkeypatch.chdir(folder)
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith(".\n") or "age --decrypt" in captured.err


def test_no_arguments_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([])
    assert left.value.code == 2
    assert "PATH" in capsys.readouterr().err


def test_a_terminal_without_unicode_still_gets_its_lines(draft: Draft, tmp_path: Path) -> None:
    folder = draft.write()
    command = [sys.executable, str(SCRIPT), str(folder)]
    environment = {"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin"}
    result = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=False)
    assert result.returncode == 0
    assert result.stdout.startswith(b"ok 1. structure")


OPENSSL = """
head -n 3 checkpoint > "$OUT/checkpoint.text"
sed -n 5p checkpoint | sed 's/.* //' | base64 -d | tail -c 64 > "$OUT/checkpoint.sig"
openssl pkeyutl -verify -pubin -inkey log.pub.pem -rawin -in "$OUT/checkpoint.text" -sigfile "$OUT/checkpoint.sig"
"""


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_verifies_the_checkpoint_by_the_documented_commands(house: House, export: Path, tmp_path: Path) -> None:
    documented = (Path(__file__).parents[3] / "docs" / "formats" / "audit-log.md").read_text(encoding="utf-8")
    assert OPENSSL in documented.replace("\n    ", "\n")
    for change, code in (("", 0), ("sed -i 's/^1./1/' checkpoint; ", 1)):
        result = subprocess.run(
            ["bash", "-ec", change + OPENSSL],
            cwd=export,
            env={"OUT": str(tmp_path), "PATH": "/usr/local/bin:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (result.returncode, "Verified Successfully" in result.stdout) == (code, code == 0), result
