"""Over-redaction is found twice: before rendering, and in what the rows really give."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.formats.coded import Cells
from gateway.policy.presence import require_shown, required_cases, required_outputs
from gateway.policy.problems import RequiredMissing
from gateway.policy.tally import count_of, tally
from tests.support.policies import decided, rule

RULES = (
    rule("named", "{fields: [buyer], where: {licensed: ['yes']}}", "allow", more="present: required")
    + rule("others", "{fields: [buyer], where: {licensed: ['no']}}", "{pseudonymise: {scope: release, prefix: P}}")
    + rule("flag", "{fields: [licensed]}", "allow")
    + rule("gone", "{fields: [day]}", "drop")
)


def test_a_required_column_that_is_not_there_is_missing(tmp_path: Path) -> None:
    found = decided(tmp_path, RULES, ["Licensed"], ["yes"])
    assert found.missing == ("buyer",)
    with pytest.raises(RequiredMissing, match="buyer"):
        found.require_present()


def test_a_required_column_that_a_stricter_rule_takes_is_missing(tmp_path: Path) -> None:
    rules = RULES + rule("never", "{classes: [EMAIL]}", "drop")
    assert decided(tmp_path, rules, ["Buyer", "Licensed"], ["a@b.example", "yes"]).missing == ("buyer",)


def test_a_required_column_whose_rows_cannot_be_told_apart_is_missing(tmp_path: Path) -> None:
    assert decided(tmp_path, RULES, ["Buyer"], ["a"]).missing == ("buyer",)


def test_a_required_rule_must_show_a_value(tmp_path: Path) -> None:
    found = decided(tmp_path, RULES, ["Buyer", "Licensed"], ["a", "yes"])
    assert (found.missing, required_outputs(found)) == ((), ("Buyer [pseudonym in part]",))
    assert [(one.field_id, one.rule) for one in required_cases(found)] == [("column/1", "named")]
    require_shown(found, Cells.of_rows([{"buyer": "a", "licensed": "no"}, {"buyer": "b", "licensed": "Yes "}]))
    for rows in ([], [{"buyer": "a", "licensed": "no"}], [{"buyer": "  ", "licensed": "yes"}]):
        with pytest.raises(RequiredMissing, match="Buyer"):
            require_shown(found, Cells.of_rows(rows))


def test_every_line_of_the_withheld_index_knows_its_count(tmp_path: Path) -> None:
    found = decided(tmp_path, RULES, ["Buyer", "Licensed", "Day", "Foo"], ["a", "yes", "", ""])
    rows = [
        {"buyer": "a", "licensed": "yes", "day": ""},
        {"buyer": "b", "licensed": "no", "day": "2026-01-01"},
        {"buyer": "", "licensed": "no", "day": ""},
        {"buyer": "c", "licensed": "?", "day": ""},
    ]
    counts = tally(found, Cells.of_rows(rows))
    lines = {(line.place, line.rule): count_of(line, counts) for line in found.withheld_items()}
    assert lines == {
        ("column 1", "others"): 1,
        ("column 1", "default"): 1,
        ("column 3", "gone"): 4,
        ("column 4", "default"): 4,
    }
