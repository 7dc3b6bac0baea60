"""House rules that no linter knows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "gateway").rglob("*.py"))
TRACKED_TEXT = [
    path
    for folder in ("gateway", "tests", "docs", "policies", "bench")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.is_file() and path.suffix in {".py", ".md", ".yaml", ".toml", ".txt"}
]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), "a module without a docstring"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_broad_except_stands_only_at_a_named_border(path: Path) -> None:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if re.search(r"except (\(?.*\b(Base)?Exception\b.*)?:", line) and "Exception" in line or "except:" in line:
            assert "border:" in line or "raise" in _following(path, number), f"{_name(path)}:{number}"


def _following(path: Path, number: int) -> str:
    """The handler's body: a handler that only tidies up and raises again swallows nothing."""
    lines = path.read_text("utf-8").splitlines()[number : number + 4]
    return " ".join(lines)


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_only_the_unit_of_work_commits(path: Path) -> None:
    if path.parts[-2:] in {("db", "unit.py"), ("db", "migrate.py")}:
        return
    text = path.read_text("utf-8")
    assert ".commit()" not in text.replace("self._sink.commit()", ""), "only gateway/db/unit.py commits"


def test_no_markers_are_left() -> None:
    marker = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "HA" + "CK")) + r")\b")
    assert [_name(path) for path in TRACKED_TEXT if marker.search(path.read_text("utf-8"))] == []


def test_no_registry_address_is_written_down() -> None:
    hosts = re.compile(
        "|".join(("pypi" + r"\.org", "pythonhosted" + r"\.org", "registry\\." + "npmjs", "deb\\." + "debian"))
    )
    files = [*TRACKED_TEXT, ROOT / "pyproject.toml", ROOT / "requirements.lock", ROOT / "Makefile"]
    assert [_name(path) for path in files if path.exists() and hosts.search(path.read_text("utf-8"))] == []
