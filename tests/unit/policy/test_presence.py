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


def vague(folder: Path, present: str, *values: str) -> None:
    more = f"present: {present}\n    not_only: [sensor, Sensors, magnetic, for, 传感器, 磁]"
    found = decided(folder, rule("use", "{fields: [buyer]}", "allow", more=more), ["Buyer"], [values[0]])
    assert found.missing == ()
    require_shown(found, Cells.of_rows([{"buyer": value} for value in values]))


@pytest.mark.parametrize(
    "value",
    [
        "sensor",
        " SENSOR. ",
        "Ｓｅｎｓｏｒ",
        "sen\u200bsor",
        "Magnetic sensors for sensor",
        "磁传感器",
        "sensor 12",
        "",
        "---",
    ],
)
def test_words_that_say_too_little_are_no_value(tmp_path: Path, value: str) -> None:
    with pytest.raises(RequiredMissing, match="Buyer that is not too vague") as refused:
        vague(tmp_path, "required", value)
    assert refused.value.members["fields"] == ["Buyer"]
    assert value not in refused.value.detail or not value.strip()


def test_words_that_say_more_are_a_value(tmp_path: Path) -> None:
    for value in ("fuel-level sensor", "Magnetic sensor for a saloon car", "磁传感器用于轿车", "sensor", "motorcycle"):
        vague(tmp_path, "required", "sensor", value if value != "sensor" else "level sensor")


def test_in_every_row_one_vague_or_empty_value_is_enough(tmp_path: Path) -> None:
    vague(tmp_path, "in_every_row", "level sensor", "anti-lock brake")
    for value in ("sensor", ""):
        with pytest.raises(RequiredMissing, match="in every row of Buyer"):
            vague(tmp_path, "in_every_row", "level sensor", value)


def test_rows_that_another_rule_decides_are_not_meant(tmp_path: Path) -> None:
    rules = RULES.replace("present: required", "present: in_every_row")
    found = decided(tmp_path, rules, ["Buyer", "Licensed"], ["a", "yes"])
    require_shown(found, Cells.of_rows([{"buyer": "a", "licensed": "yes"}, {"buyer": "", "licensed": "no"}]))
    with pytest.raises(RequiredMissing):
        require_shown(found, Cells.of_rows([{"buyer": "", "licensed": "yes"}, {"buyer": "a", "licensed": "yes"}]))


def test_decisions_tell_what_is_required_and_not_how_well_a_law_is_known(tmp_path: Path) -> None:
    more = "present: in_every_row\n    not_only: [sensor]"
    (ruling,) = decided(tmp_path, rule("use", "{fields: [buyer]}", "allow", more=more), ["Buyer"]).items[0].rulings
    assert ruling.to_json() == {
        "rule": "use",
        "do": "allow",
        "where": {},
        "required": True,
        "in_every_row": True,
        "not_only": ["sensor"],
        "because": {"code": "REQ", "basis": "law", "asked_for": "item-1"},
    }


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
