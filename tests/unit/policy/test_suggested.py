"""Who confirms suggestions names just these; nothing else confirms them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.formats.model import Box, Element, Field, Source
from gateway.policy.answers import Answers
from gateway.policy.problems import AnswersInvalid
from gateway.policy.suggested import confirming, seal, suggested

FACE = Field("region/1", Element.REGION, "face", "face", source=Source.DETECTOR, box=Box(1, 2, 30, 40))
LINE = replace(FACE, id="region/2", name="text", box=Box(5, 60, 200, 20))
DRAWN = replace(FACE, id="region/3", source=Source.REVIEWER)


def test_what_is_suggested_must_be_confirmed() -> None:
    (ask,) = confirming("picture", "v1", [FACE, LINE, DRAWN], Answers())
    assert [region.name for region in ask.regions] == ["face", "text"]
    assert "1 line of text, 1 face;" in ask.question
    assert ask.to_json() == {
        "field": "picture",
        "question": ask.question,
        "suggested": ask.suggested,
        "regions": [{"class": "face", "box": [1, 2, 30, 40]}, {"class": "text", "box": [5, 60, 200, 20]}],
    }
    assert confirming("picture", "v1", [FACE, LINE], Answers(suggested=ask.suggested)) == []


def test_nothing_suggested_asks_nothing() -> None:
    assert confirming("picture", "v1", [DRAWN], Answers()) == []


@pytest.mark.parametrize(
    "others",
    [
        [FACE],
        [LINE, FACE],
        [FACE, replace(LINE, box=Box(5, 60, 200, 21))],
        [FACE, replace(LINE, name="code")],
        [FACE, replace(LINE, page=2)],
        [FACE, LINE, LINE],
    ],
)
def test_other_regions_have_another_name(others: list[Field]) -> None:
    name = seal("v1", suggested([FACE, LINE]))
    assert seal("v1", suggested(others)) != name
    assert seal("v2", suggested([FACE, LINE])) != name
    assert confirming("picture", "v1", others, Answers(suggested=name))


def test_an_answer_keeps_what_it_confirms() -> None:
    answers = Answers(suggested="0" * 32)
    assert Answers.from_json(answers.to_json()) == answers
    assert "suggested" not in Answers().to_json()


@pytest.mark.parametrize("wrong", ["", "0" * 31, "G" * 32, "0" * 33, 7, True, ["0" * 32], {}])
def test_a_name_of_another_form_is_refused(wrong: object) -> None:
    with pytest.raises(AnswersInvalid, match="suggested"):
        Answers.from_json({"suggested": wrong})
