"""Docs do not promise what is not there: links, commands and settings they name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer import Typer

from gateway.cli.main import COMMANDS, application
from gateway.settings import _ELSEWHERE, _NAMES

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
COMMAND = re.compile(r"\bgateway ((?:[a-z]+(?:-[a-z]+)*)(?: [a-z]+(?:-[a-z]+)*){0,2})")
VECTORS = re.compile(r"tests/vectors/([a-z]+)/")
SETTING = re.compile(r"\bGATEWAY_[A-Z0-9_]+")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_command_in_code_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    code = " \n".join([*re.findall(r"```(?:sh|text)\n(.*?)```", text, re.DOTALL), *re.findall(r"`([^`\n]+)`", text)])
    top = application()
    for words in COMMAND.findall(code):
        first, *more = words.split(" ")
        assert first in COMMANDS, f"gateway {words}"
        group = _groups(top).get(first)
        for word in more:
            if group is None:
                break
            assert word in {*_groups(group), *(one.name for one in group.registered_commands)}, f"gateway {words}"
            group = _groups(group).get(word)


def _groups(app: Typer) -> dict[str | None, Typer]:
    return {one.name: one.typer_instance for one in app.registered_groups if one.typer_instance}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_setting_named_exists(page: Path) -> None:
    assert set(SETTING.findall(page.read_text("utf-8"))) <= {*_NAMES, *_ELSEWHERE}


def test_every_setting_is_documented() -> None:
    told = (ROOT / "docs" / "operations.md").read_text("utf-8")
    assert [name for name in sorted({*_NAMES, *_ELSEWHERE}) if f"`{name}`" not in told] == []


def test_make_has_the_targets_that_people_hold_on_to() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert {"demo", "test", "serve", "bench", "check", "nightly"} <= targets


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "formats").glob("*.md")), ids=_name)
def test_every_format_has_frozen_vectors(page: Path) -> None:
    named = VECTORS.findall(page.read_text("utf-8"))
    assert named
    assert [name for name in named if not any((ROOT / "tests" / "vectors" / name).iterdir())] == []


def test_every_frozen_vector_belongs_to_a_format() -> None:
    named = {
        name for page in (ROOT / "docs" / "formats").glob("*.md") for name in VECTORS.findall(page.read_text("utf-8"))
    }
    assert {folder.name for folder in (ROOT / "tests" / "vectors").iterdir()} == named
