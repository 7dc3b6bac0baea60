"""The vocabulary is closed; what is missing fails a permit and satisfies a prohibition."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.policy.conditions import Context, can_meet, holds, parse_conditions, parse_context
from gateway.policy.problems import ContextInvalid


@pytest.mark.parametrize(
    ("when", "attributes", "met"),
    [
        ({"purpose": ["a", "b"]}, {"purpose": "b"}, True),
        ({"purpose": ["A"]}, {"purpose": "a"}, True),
        ({"purpose": ["a"]}, {"purpose": "c"}, False),
        ({"round": {"le": "2"}}, {"round": 2}, True),
        ({"round": {"le": "2"}}, {"round": 10}, False),
        ({"round": {"ge": "2", "le": "3"}}, {"round": 1}, False),
        ({"round": ["2"]}, {"round": 2}, True),
        ({"date": {"ge": "2026-01-01"}}, {"date": "2025-12-31"}, False),
        ({"purpose": ["a"], "round": ["1"]}, {"purpose": "a", "round": 2}, False),
    ],
)
def test_and_across_attributes_or_inside_a_list(
    when: dict[str, object], attributes: dict[str, str | int], met: bool
) -> None:
    assert holds(parse_conditions(when), attributes, missing=False) is met


def test_a_missing_value(tmp_path: object) -> None:
    conditions = parse_conditions({"purpose": ["a"]})
    assert not Context({}).permits(conditions)
    assert Context({}).prohibits(conditions)


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ({"purpose": ["a"]}, {"purpose": ["b"]}, False),
        ({"purpose": ["a"]}, {"round": ["1"]}, True),
        ({"round": {"le": "2"}}, {"round": {"ge": "3"}}, False),
        ({"round": {"le": "2"}}, {"round": {"ge": "2"}}, True),
        ({"round": ["5"]}, {"round": {"le": "4"}}, False),
        ({"round": ["5"]}, {"round": {"le": "10"}}, True),
    ],
)
def test_whether_two_can_hold_at_once(one: dict[str, object], other: dict[str, object], meet: bool) -> None:
    a, b = parse_conditions(one), parse_conditions(other)
    assert can_meet(a, b) is meet
    assert can_meet(b, a) is meet


def test_words_of_a_command_line() -> None:
    context = parse_context(["recipient.class=authority", "round=2"])
    assert context.attributes == {"recipient.class": "authority", "round": 2}
    assert context.checked(date(2026, 1, 31)).attributes["date"] == "2026-01-31"


@pytest.mark.parametrize(
    "words", [["x=1"], ["round=two"], ["recipient.class=boss"], ["purpose"], ["round=1", "round=2"]]
)
def test_words_that_do_not_fit(words: list[str]) -> None:
    with pytest.raises(ContextInvalid) as caught:
        parse_context(words)
    assert "boss" not in caught.value.detail
