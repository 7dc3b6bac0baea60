"""The reader takes text, lists and mappings, and nothing that YAML adds to them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gateway.policy import strict_yaml
from gateway.policy.problems import PolicyInvalid
from gateway.policy.strict_yaml import MAX_BYTES, MAX_DEPTH, MAX_NODES, parse_document, read_document


@pytest.fixture(params=["CBaseLoader", "BaseLoader"], autouse=True)
def _either_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said here holds with libyaml and without it."""
    monkeypatch.setattr(strict_yaml, "_LOADER", getattr(yaml, request.param))


def test_every_scalar_stays_a_string() -> None:
    document = parse_document(b"a: NO\nb: 1.10\nc: [yes, ~, 0x1F, 2026-01-01]\n", file="f")
    assert document.root == {"a": "NO", "b": "1.10", "c": ["yes", "~", "0x1F", "2026-01-01"]}


def test_lines_are_those_of_the_file() -> None:
    document = parse_document(b"a:\n  - b: 1\n    c: 2\n", file="f")
    assert document.line(("a", 0, "c")) == 3
    assert document.line(("a", 0, "missing")) == 2


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("a: 1\na: 2\n", 2, "stands twice"),
        ("a: &x 1\n", 1, "Anchors"),
        ("a: *x\n", 1, "Aliases"),
        ("a: !!int 1\n", 1, "Tags"),
        ("a: !py/object x\n", 1, "Tags"),
        ("<<: {a: 1}\n", 1, "Merge keys"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("%YAML 1.1\n---\na: 1\n", 1, "directives"),
        ("? [a]\n: 1\n", 1, "plain text"),
        ("a: b\u200bc\n", 1, "zero-width"),
        ("a: 1\nb: \u202ex\n", 2, "bidirectional"),
        ("# \u2066\na: 1\n", 1, "bidirectional"),
        ("- a\n", 1, "mapping"),
        ("a: [1\n", 2, "not valid YAML"),
        ("a:\tb: c\n", 1, "not valid YAML"),
    ],
)
def test_refused_with_its_line(text: str, line: int, word: str) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        parse_document(text.encode(), file="pack/a.yaml")
    assert caught.value.detail.startswith(f"pack/a.yaml, line {line}: ")
    assert word in caught.value.detail
    assert caught.value.detail.endswith(".")
    assert "\n" not in caught.value.detail


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"a: \xff\n", "UTF-8"),
        (b"a: \x00\n", "control"),
        (b"a: " + b"x" * MAX_BYTES, "KiB"),
        (b"a: " + b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2), "nesting"),
        (b"a: [" + b"1," * (MAX_NODES + 1) + b"]", "nodes"),
    ],
)
def test_bounds(data: bytes, word: str) -> None:
    with pytest.raises(PolicyInvalid, match=word):
        parse_document(data, file="f")


def test_a_hundred_thousand_brackets_do_not_exhaust_the_stack() -> None:
    with pytest.raises(PolicyInvalid, match="nesting"):
        parse_document(b"a: " + b"[" * 100_000, file="f")


def test_a_missing_file_is_one_sentence_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        read_document(tmp_path / "none.yaml")
    assert caught.value.detail == "none.yaml: The file cannot be read; check that it exists and may be read."
