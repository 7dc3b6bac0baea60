"""Every candidate rule is named, with why it matched or not and what won."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.base.canon import canonical
from gateway.policy.answers import Answers
from gateway.policy.conditions import Context
from gateway.policy.explain import Explanation, explain
from gateway.policy.problems import AnswersInvalid
from tests.support.policies import DAY, HEAD, columns, load, rule

RULES = (
    rule("show", "{fields: [buyer]}", "allow")
    + rule("hide", "{fields: [buyer]}", "{pseudonymise: {scope: release, prefix: P}}")
    + rule("ban", "{classes: [EMAIL]}", "drop", more="final: true")
    + rule("abroad", "{fields: [buyer]}", "drop", more="when: {recipient.class: [public]}")
    + rule("days", "{fields: [day]}", "allow")
)


def told(folder: Path, field: str, value: str = "a", answers: Answers | None = None, more: str = "") -> Explanation:
    library = load(folder, HEAD + RULES + more)
    return explain(
        library.policy("test.sample"),
        library.kind("sample"),
        columns(["Buyer", "Geheimer Titel", "Price"], [value, "b", "1"]),
        Context({"recipient.class": "authority"}),
        answers or Answers(),
        field=field,
        on=DAY,
    )


def test_each_rule_says_why(tmp_path: Path) -> None:
    found = told(tmp_path, "buyer")
    assert {one.rule: (one.matched, one.won) for one in found.candidates} == {
        "show": (True, False),
        "hide": (True, True),
        "ban": (False, False),
        "abroad": (False, False),
        "days": (False, False),
    }
    why = {one.rule: one.why for one in found.candidates}
    assert "the rule hide is at least as strict" in why["show"]
    assert "not for this recipient" in why["abroad"]
    assert found.sentences[-1].startswith("Everywhere: replaced by a marked pseudonym")


def test_the_winner_says_what_it_rests_on(tmp_path: Path) -> None:
    found = told(tmp_path, "buyer")
    (winner,) = (one for one in found.candidates if one.won)
    assert (winner.basis, winner.evidence) == ("law", "verified")
    assert [sentence for sentence in found.sentences if "It rests on law (the full text was read)." in sentence] == [
        sentence for sentence in found.sentences if sentence.startswith("Rule hide ")
    ]


def test_a_class_is_named(tmp_path: Path) -> None:
    found = told(tmp_path, "column/1", "a@b.example")
    assert found.outcome == "withheld"
    assert "EMAIL" in found.sentences[0]
    assert "final" in next(one.why for one in found.candidates if one.rule == "show")


def test_an_unknown_column_and_an_answer(tmp_path: Path) -> None:
    found = told(tmp_path, "column/2")
    assert found.sentences[-1].startswith("Open question: Which field is column 2?")
    assert "no rule names it" in found.sentences[-2]
    dropped = told(tmp_path, "column/1", answers=Answers({"column/1": "drop"}))
    assert "a person left it out" in dropped.sentences[-1]


def test_the_original_s_words_are_not_repeated(tmp_path: Path) -> None:
    assert b"Geheimer" not in canonical(told(tmp_path, "column/2").to_json())


def test_a_block_is_told_not_raised(tmp_path: Path) -> None:
    found = told(tmp_path, "price", more=rule("stop", "{fields: [price]}", "block"))
    assert found.outcome == "refused"
    assert next(one.won for one in found.candidates if one.rule == "stop")
    assert "refuses the whole rendition" in found.sentences[-1]


def test_an_unknown_field_is_said(tmp_path: Path) -> None:
    with pytest.raises(AnswersInvalid):
        told(tmp_path, "column/9")
