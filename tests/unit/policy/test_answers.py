"""Answers are read strictly and written canonically."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.base.canon import canonical
from gateway.formats.model import Box
from gateway.policy.answers import Answers, Region
from gateway.policy.problems import AnswersInvalid


def test_there_and_back() -> None:
    answers = Answers({"column/2": "drop", "column/1": "buyer"}, (Region("face", Box(1, 2, 3, 4)),), confirmed=True)
    again = Answers.from_json(answers.to_json())
    assert canonical(again.to_json()) == canonical(answers.to_json())
    assert again.regions == answers.regions
    assert Answers.from_json({}) == Answers()
    declared = Answers(source={"encoding": "big5", "delimiter": "|"})
    assert Answers.from_json(declared.to_json()) == declared
    assert "source" not in Answers().to_json()


@pytest.mark.parametrize(
    "untrusted",
    [
        [],
        {"v": 2},
        {"extra": 1},
        {"source": {"sheet": "x"}},
        {"source": {"delimiter": "::"}},
        {"source": {"encoding": 8}},
        {"confirmed": "yes"},
        {"columns": {"column/x": "a"}},
        {"columns": {"column/1": 3}},
        {"columns": {"column/1": "A b"}},
        {"regions": [{"class": "face", "box": [0, 0, 0, 1]}]},
        {"regions": [{"class": "face", "box": [0, 0, 1]}]},
        {"regions": [{"class": "face", "box": [0, 0, True, 1]}]},
        {"regions": [{"class": "face", "box": [-1, 0, 1, 1]}]},
        {"regions": [{"class": "Face!", "box": [0, 0, 1, 1]}]},
        {"regions": [{"class": "face", "box": [0, 0, 1, 1]}] * 501},
    ],
)
def test_what_does_not_fit_is_refused(untrusted: Any) -> None:
    with pytest.raises(AnswersInvalid):
        Answers.from_json(untrusted)


def test_terms_and_pages_are_written_only_where_there_are_any() -> None:
    answers = Answers(regions=(Region("sign", Box(1, 2, 3, 4), 7),), terms=("Plant Nine", "九号"))
    told = answers.to_json()
    assert told["regions"] == [{"class": "sign", "box": [1, 2, 3, 4], "page": 7}]
    assert Answers.from_json(told) == answers
    assert "terms" not in Answers().to_json()
    assert Answers.from_json({"regions": [{"class": "sign", "box": [1, 2, 3, 4]}]}).regions[0].page == 0


@pytest.mark.parametrize("terms", ["ab", ["a"], [" a "], [7], ["x" * 201], ["ab"] * 501])
def test_a_term_is_a_word_or_phrase(terms: Any) -> None:
    with pytest.raises(AnswersInvalid, match="`terms`"):
        Answers.from_json({"terms": terms})
