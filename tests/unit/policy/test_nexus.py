"""Rows that touch a defence end use: nothing of them leaves, and a cell that says nothing plain counts as a yes."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.formats.coded import Cells
from gateway.policy.answers import Answers
from gateway.policy.conditions import Context
from gateway.policy.decide import answered_fields, decide
from gateway.policy.gate_words import Gates, NexusGate, dropped
from gateway.policy.nexus import NexusFound, require_no_nexus
from gateway.policy.problems import PolicyInvalid
from gateway.policy.testing import run_tests
from tests.support.policies import DAY, HEAD, columns, load, rule

GATE = 'gates: {nexus: {fields: [licensed], values: ["yes", ja, 是], clear: ["no", nein, 否]}}\n'
SHOWN = rule("who", "{fields: [buyer]}", "allow") + rule("much", "{fields: [qty]}", "{bucket: {edges: [10], unit: kg}}")
KEPT = rule("defence", '{fields: ["*"], where: {licensed: ["yes", ja]}}', "drop", more="final: true")
HEADERS = ("Buyer", "Licensed", "Quantity (kg)")
ROWS = (("Alpha", "no", "5"), ("Beta", "yes", "6"), ("Gamma", "Nein", "7"))


def judge(
    folder: Path,
    *rows: tuple[str, ...],
    rules: str = SHOWN,
    headers: tuple[str, ...] = HEADERS,
    answers: Answers | None = None,
) -> None:
    """Decide a table and hold it against the gate."""
    library = load(folder, HEAD + rules + GATE)
    policy, kind = library.policy("test.sample"), library.kind("sample")
    fields, said = columns(headers, *rows), answers or Answers()
    decisions = decide(policy, kind, fields, Context({}), said, on=DAY)
    names = [one.name for one in answered_fields(kind, fields, said)]
    cells = [{name: cell for name, cell in zip(names, row, strict=True) if name} for row in rows]
    require_no_nexus(policy, decisions, Cells.of_rows(cells))


def test_a_row_that_says_yes_stops_the_table_and_the_sentence_counts_and_finds_it(tmp_path: Path) -> None:
    with pytest.raises(NexusFound) as found:
        judge(tmp_path, *ROWS)
    assert "1 row " in found.value.detail
    assert "see rows 3," in found.value.detail
    assert "1 by their own word" in found.value.detail
    assert "Beta" not in found.value.detail
    judge(tmp_path, ROWS[0], ROWS[2])


@pytest.mark.parametrize(
    "flag",
    ["YES", " ｙｅｓ ", "ye\u200bs", "是", "", " ", "perhaps", "nо", "n\u200bo", "№", "nо\u0301", "no!", "0", "n/a"],
)
def test_what_is_no_plain_no_is_a_yes(tmp_path: Path, flag: str) -> None:
    """Among them a Cyrillic o, a zero-width space and the numero sign."""
    with pytest.raises(NexusFound, match="see rows 2,"):
        judge(tmp_path, ("Alpha", flag, "5"), ("Beta", "no", "6"))


@pytest.mark.parametrize("flag", ["NO", " no ", "ｎｏ", "Nein", "否"])
def test_a_plain_no_is_taken_in_any_case_and_width(tmp_path: Path, flag: str) -> None:
    judge(tmp_path, ("Alpha", flag, "5"))


def test_a_table_without_the_column_does_not_leave_nor_one_whose_column_was_answered_away(tmp_path: Path) -> None:
    with pytest.raises(NexusFound, match="no column licensed"):
        judge(tmp_path, ("Alpha", "5"), headers=("Buyer", "Quantity (kg)"))
    with pytest.raises(NexusFound, match="no column licensed"):
        judge(tmp_path, ("Alpha", "no", "5"), answers=Answers(columns={"column/2": "drop"}))


def test_a_row_that_is_withheld_wholly_touches_nothing(tmp_path: Path) -> None:
    judge(tmp_path, *ROWS, rules=SHOWN + KEPT)
    judge(tmp_path, *ROWS, answers=Answers(rows=frozenset({3})))


def test_a_row_of_which_anything_leaves_is_not_withheld(tmp_path: Path) -> None:
    for cells in ({"column/1": frozenset({3})}, {"column/3": frozenset({3})}):
        with pytest.raises(NexusFound):
            judge(tmp_path, *ROWS, answers=Answers(cells=cells))
    judge(tmp_path, *ROWS, answers=Answers(cells={"column/1": frozenset({3}), "column/3": frozenset({3})}))
    with pytest.raises(NexusFound):
        judge(tmp_path, *ROWS, answers=Answers(rows=frozenset({2})))


def test_only_the_first_rows_are_listed(tmp_path: Path) -> None:
    with pytest.raises(NexusFound, match="11 and others") as found:
        judge(tmp_path, *[("Alpha", "", "5")] * 30)
    assert found.value.detail.startswith("30 rows")


@pytest.mark.parametrize(
    ("gate", "why"),
    [
        ("{fields: [rank], values: [y], clear: [n]}", "no field"),
        ("{fields: [licensed], values: [y], clear: [n, Y]}", "take it out of one"),
        ("{fields: [licensed], values: [y], clear: [n, ' ']}", "empty cell"),
        ("{fields: [licensed], values: [y], clear: []}", "at least 1"),
    ],
)
def test_a_gate_that_could_not_hold_is_no_policy(tmp_path: Path, gate: str, why: str) -> None:
    with pytest.raises(PolicyInvalid, match=why):
        load(tmp_path, HEAD + SHOWN + f"gates: {{nexus: {gate}}}\n")


def test_it_speaks_of_tables_alone(tmp_path: Path) -> None:
    shot = HEAD.replace("kinds: [sample]", "kinds: [shot]")
    with pytest.raises(PolicyInvalid, match="table's rows"):
        load(tmp_path, shot + rule("area", "{regions: {class: [area]}}", "crop") + GATE)


def test_tests_of_policies_see_it(tmp_path: Path) -> None:
    library = load(tmp_path, HEAD + SHOWN + GATE)
    row = 'headers: [Buyer, Licensed, Quantity (kg)], rows: [[Alpha, {flag}, "50"]]'
    (tmp_path / "p0.test.yaml").write_text(
        "policy: test.sample\non: 2026-03-02\ntests:\n"
        f"  - {{name: a nexus, {row.format(flag='perhaps')}, expect: {{refused: nexus}}}}\n"
        f"  - {{name: none, {row.format(flag='nein')}, expect: {{}}}}\n"
    )
    report = run_tests(tmp_path / "p0.test.yaml", library)
    assert report.passed, report.sentences()


def test_a_word_more_that_is_clear_or_a_field_less_loosens() -> None:
    def gates(*clear: str, fields: tuple[str, ...] = ("a", "b")) -> Gates:
        return Gates(nexus=NexusGate(fields=fields, values=("yes",), clear=clear))

    old = (gates("no", "nein"),)
    assert dropped(old, (gates("NO", "nein"),)) == dropped(old, (gates("no"),)) == ()
    assert dropped(old, (gates("no"), gates("no", "perhaps"))) == (), "a child's gate opens nothing of its parent's"
    assert dropped(old, (gates("no", fields=("a",)), gates("nein", fields=("b",)))) == ()
    for new in ((gates("no", "nein", "perhaps"),), (gates("no", fields=("a",)),), ()):
        assert dropped(old, new) == ("nexus",)
    with pytest.raises(ValidationError):
        NexusGate(fields=("a",), values=("Yes",), clear=("YES",))
