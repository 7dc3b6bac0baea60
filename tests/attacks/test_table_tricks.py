"""Cells made so that a rule misses its row, or that a spreadsheet calculates what left as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.base.problems import Usage
from gateway.base.text import UnsafeText, clean_line
from gateway.cli.rehearse import answers_in
from gateway.formats.columns import harmless
from gateway.formats.model import Case, Op, Transform, applied

ALLOW = Case((), Transform(Op.ALLOW, {}), 90, "REQ", "all")
DROP = Case((("licensed", frozenset({"no", "否"})),), Transform(Op.DROP, {}), 10, "TS", "others")


@pytest.mark.parametrize("cell", ["no", " NO\u00a0", "n\u200bo", "no\u00ad", "ｎｏ", "no\U000e0041", "否\ufeff"])
def test_a_row_is_withheld_however_its_word_is_written(cell: str) -> None:
    assert applied((ALLOW, DROP), {"licensed": cell}) is DROP


@pytest.mark.parametrize("cell", ["yes", "none", "n o", ""])
def test_another_word_is_another_word(cell: str) -> None:
    assert applied((ALLOW, DROP), {"licensed": cell}) is ALLOW


@pytest.mark.parametrize(
    ("cell", "leaves"),
    [
        ("x;=cmd|'/c calc'!A0", "x;'=cmd|'/c calc'!A0"),
        ("x; @SUM(A1)", "x;' @SUM(A1)"),
        ("x\t=1+1", "x\t'=1+1"),
        ("x\r\n=1+1", "x\r\n'=1+1"),
        ("\n=1+1", "\n'=1+1"),
        ("\u3000=1+1", "'\u3000=1+1"),
        ("a; -5.2; b", "a; -5.2; b"),
        ("a;\t b", "a;\t b"),
    ],
)
def test_no_separator_hides_a_formula(cell: str, leaves: str) -> None:
    assert harmless(cell) == leaves


def test_half_a_character_in_a_name_is_refused() -> None:
    with pytest.raises(UnsafeText):
        clean_line("Customs \udcff", what="recipient's name")


def test_answers_nested_without_end_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    path.write_text("[" * 200_000)
    with pytest.raises(Usage):
        answers_in(path)
