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


def _broad(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        one is None or (isinstance(one, ast.Name) and one.id in {"Exception", "BaseException"}) for one in caught
    )


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_broad_except_stands_at_a_named_border_or_raises_again(path: Path) -> None:
    text = path.read_text("utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ExceptHandler) and _broad(node):
            named = "border:" in text.splitlines()[node.lineno - 1]
            again = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
            assert named or again, f"{_name(path)}:{node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_only_the_unit_of_work_commits(path: Path) -> None:
    if path.parts[-2:] in {("db", "unit.py"), ("db", "migrate.py")}:
        return
    text = path.read_text("utf-8")
    assert ".commit()" not in text.replace("self._sink.commit()", ""), "only gateway/db/unit.py commits"


# Every place that decrypts what the vault keeps, and on what entry it does so.
DECRYPTING = {
    "gateway/vault/openings.py": "a person's opening: `object.opened`",
    "gateway/intake/commitments.py": "a worker's commitment on arrival: `original.kept`; only its root is entered",
    "gateway/render/service.py": "a worker's job: `rendition.requested`; parts of renditions, on their own entries",
    "gateway/release/dispatch.py": "a dispatch: `release.sealed`, `package.handed_out`",
}


def test_every_place_that_decrypts_is_known() -> None:
    """A new caller of `Vault.open` or `RangeReader` says here on which entry it reads."""
    asked = re.compile(r"vault\.open\(|\bRangeReader\(")
    found = {_name(path) for path in MODULES if asked.search(path.read_text("utf-8"))}
    assert found == {*DECRYPTING, "gateway/vault/service.py"}


def test_no_markers_are_left() -> None:
    marker = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "HA" + "CK")) + r")\b")
    assert [_name(path) for path in TRACKED_TEXT if marker.search(path.read_text("utf-8"))] == []


def test_no_registry_address_is_written_down() -> None:
    hosts = re.compile(
        "|".join(("pypi" + r"\.org", "pythonhosted" + r"\.org", "registry\\." + "npmjs", "deb\\." + "debian"))
    )
    files = [*TRACKED_TEXT, ROOT / "pyproject.toml", ROOT / "requirements.lock", ROOT / "Makefile"]
    assert [_name(path) for path in files if path.exists() and hosts.search(path.read_text("utf-8"))] == []
