"""What is remembered of a header answers a question, and loosens nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.formats.model import Element, Field
from gateway.policy.answers import Answers
from gateway.policy.conditions import Context
from gateway.policy.decide import decide
from gateway.policy.decisions import Decisions
from gateway.policy.explain import explain
from gateway.policy.load import Library
from gateway.policy.remembered import Remembered, admitted, header_key, settled
from tests.support.policies import DAY, HEAD, columns, load, rule

RULES = rule("show", "{fields: [buyer, qty, day, price]}", "allow")
DROPS = "defaults: {unknown_field: drop}\n"


def said(header: str, field: str, *, number: int = 1, kind: str = "sample") -> Remembered:
    return Remembered(f"nam_{number}", kind, header_key(header), field, f"per_{number}", number)


def decided(
    folder: Path,
    headers: tuple[str, ...],
    *remembered: Remembered,
    row: tuple[str, ...] | None = None,
    answers: Mapping[str, str] | None = None,
    more: str = "",
) -> Decisions:
    library = load(folder, HEAD + RULES + more)
    policy, kind = library.policy("test.sample"), library.kind("sample")
    fields = columns(headers, row or tuple("x" for _ in headers))
    spoken = admitted(policy, remembered)
    return decide(policy, kind, fields, Context({}), Answers(dict(answers or {})), on=DAY, remembered=spoken)


def named(decisions: Decisions) -> list[tuple[str | None, str]]:
    return [(item.name, item.named) for item in decisions.items]


def asked(decisions: Decisions) -> list[str]:
    return [ask.field_id for ask in decisions.asks]


def test_a_question_is_answered_and_the_decision_says_by_whom(tmp_path: Path) -> None:
    found = decided(tmp_path, ("Tesla plan", "Day"), said("TESLA  plan.", "buyer", number=4))
    assert asked(found) == []
    assert named(found) == [("buyer", "remembered"), ("day", "title")]
    told: Any = found.to_json()["items"]
    assert told[0]["named"] == "remembered"
    assert told[0]["rests_on"] == [{"name": "nam_4", "by": "per_4", "entry": 4}]
    assert "rests_on" not in told[1]
    assert "tesla" not in str(told).casefold()
    assert [one.id for one in found.rests_on] == ["nam_4"]


def test_each_way_of_naming_is_told_apart(tmp_path: Path) -> None:
    headers = ("Buyer", "Menge (kg)", "Kraut", "Rüben")
    answers = {"column/3": "drop", "column/4": "day"}
    found = decided(tmp_path, headers, answers=answers)
    assert [how for _, how in named(found)] == ["title", "words", "answer", "answer"]
    assert named(decided(tmp_path, ("Kunde",))) == [("buyer", "synonym")]


def test_a_remembered_drop_leaves_out_also_what_the_kind_knows(tmp_path: Path) -> None:
    found = decided(tmp_path, ("Buyer",), said("Buyer", "drop"))
    assert (asked(found), named(found)) == ([], [(None, "remembered")])
    assert not found.items[0].leaves
    assert [one.id for one in found.rests_on] == ["nam_1"]


@pytest.mark.parametrize(
    "remembered",
    [
        pytest.param((said("Tesla plan", "buyer", kind="other"),), id="another kind"),
        pytest.param((said("Tesla plans", "buyer"),), id="another header"),
        pytest.param((said("Tesla plan", "nothing"),), id="a field that is gone"),
        pytest.param((said("Tesla plan", "buyer"), said("Tesla plan", "day", number=2)), id="two that differ"),
        pytest.param((said("Tesla plan", "buyer"), said("Tesla plan", "drop", number=2)), id="a field and drop"),
    ],
)
def test_what_does_not_settle_it_is_asked(tmp_path: Path, remembered: tuple[Remembered, ...]) -> None:
    found = decided(tmp_path, ("Tesla plan",), *remembered)
    assert asked(found) == ["column/1"]
    assert not found.items[0].leaves
    assert found.rests_on == ()


def test_two_that_agree_are_both_rested_on(tmp_path: Path) -> None:
    twice = (said("Tesla plan", "buyer"), said("Tesla plan", "buyer", number=2))
    assert {one.by for one in decided(tmp_path, ("Tesla plan",), *twice).rests_on} == {"per_1", "per_2"}


def test_the_kind_is_not_overruled_and_neither_is_the_person(tmp_path: Path) -> None:
    """A price that is remembered as a buyer, and a buyer that is remembered as a price: both are asked for."""
    for header, field in (("Price", "buyer"), ("Buyer", "price")):
        found = decided(tmp_path, (header,), said(header, field))
        assert (asked(found), named(found)) == (["column/1"], [(None, "unsettled")])
    assert named(decided(tmp_path, ("Buyer",), said("Buyer", "buyer"))) == [("buyer", "title")]


@pytest.mark.parametrize("cell", ["jean@zephyr.fr", "+49 711 5550101", "DE89370400440532013000", "4.800,00 EUR"])
def test_a_column_of_addresses_is_not_an_allowed_field(tmp_path: Path, cell: str) -> None:
    """One cell among harmless ones is enough."""
    library = load(tmp_path, HEAD + RULES)
    fields = columns(("Tesla plan",), *((text,) for text in ("x", "y", cell)))
    policy, kind = library.policy("test.sample"), library.kind("sample")
    found = decide(policy, kind, fields, Context({}), Answers(), on=DAY, remembered=(said("Tesla plan", "buyer"),))
    assert asked(found) == ["column/1"]
    assert "remembered" in found.asks[0].question
    assert not found.items[0].leaves


def test_values_of_a_class_that_the_field_has_are_no_contradiction(tmp_path: Path) -> None:
    found = decided(tmp_path, ("Tesla plan",), said("Tesla plan", "price"), row=("4.800,00 EUR",))
    assert (asked(found), named(found)) == ([], [("price", "remembered")])


def test_another_unit_than_the_header_states_is_asked_for(tmp_path: Path) -> None:
    assert asked(decided(tmp_path, ("Los (t)",), said("Los (t)", "qty"))) == ["column/1"]
    assert asked(decided(tmp_path, ("Los (kg)",), said("Los (kg)", "qty"))) == []


def test_two_columns_that_claim_one_field_are_both_asked_for(tmp_path: Path) -> None:
    one = said("Tesla plan", "buyer")
    assert asked(decided(tmp_path, ("Buyer", "Tesla plan"), one)) == ["column/1", "column/2"]
    assert asked(decided(tmp_path, ("Tesla plan", "Tesla-Plan"), one)) == ["column/1", "column/2"]


def test_what_is_answered_now_comes_first(tmp_path: Path) -> None:
    one = said("Tesla plan", "buyer")
    found = decided(tmp_path, ("Tesla plan",), one, answers={"column/1": "drop"})
    assert (named(found), found.rests_on) == ([(None, "answer")], ())
    found = decided(tmp_path, ("Tesla plan", "Other"), one, answers={"column/2": "buyer"})
    assert (asked(found), named(found)) == (["column/1"], [(None, "unsettled"), ("buyer", "answer")])


def test_where_nobody_is_asked_nothing_but_drop_is_remembered(tmp_path: Path) -> None:
    found = decided(tmp_path, ("Tesla plan",), said("Tesla plan", "buyer"), more=DROPS)
    assert (asked(found), named(found)) == ([], [(None, "")])
    assert not found.items[0].leaves
    assert named(decided(tmp_path, ("Buyer",), said("Buyer", "drop"), more=DROPS)) == [(None, "remembered")]


def test_what_stands_above_keeps_its_veto(tmp_path: Path) -> None:
    kind = load(tmp_path, HEAD + RULES).kind("sample")
    policy = load(tmp_path, HEAD + RULES).policy("test.sample")
    field = Field("column/1", Element.COLUMN, "Price › Los", None)
    found = decide(policy, kind, [field], Context({}), Answers(), on=DAY, remembered=(said("Price › Los", "buyer"),))
    assert asked(found) == ["column/1"]


@pytest.mark.parametrize("label", ["", " ", "???", "—", "+", "a › ??", "x" * 201, "ﷺ" * 150])
def test_headers_of_which_nothing_is_left_are_not_remembered(label: str) -> None:
    assert header_key(label) == ""


HEADERS = ("Buyer", "Kunde", "Price", "Tesla plan", "tesla-plan", "Los (kg)", "Los (t)", "Price › Los", "??")
CELLS = ("x", "4,5", "jean@zephyr.fr", "4.800,00 EUR")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return load(tmp_path_factory.mktemp("policies"), HEAD + RULES)


@settings(max_examples=80, deadline=None)
@given(
    table=st.lists(st.tuples(st.sampled_from(HEADERS), st.sampled_from(CELLS)), min_size=1, max_size=4),
    told=st.lists(
        st.tuples(st.sampled_from(HEADERS), st.sampled_from(("buyer", "qty", "price", "day", "drop", "gone"))),
        max_size=4,
    ),
)
def test_it_only_ever_answers_questions(
    library: Library, table: list[tuple[str, str]], told: list[tuple[str, str]]
) -> None:
    """What leaves only with it was asked for without it; what left before keeps its name or leaves no more."""
    policy, kind = library.policy("test.sample"), library.kind("sample")
    fields = columns([header for header, _ in table], [cell for _, cell in table])
    memory = [said(header, field, number=n) for n, (header, field) in enumerate(told) if header_key(header)]
    alone = decide(policy, kind, fields, Context({}), Answers(), on=DAY)
    found = decide(policy, kind, fields, Context({}), Answers(), on=DAY, remembered=memory)
    leaving = [item.name for item in found.items if item.leaves]
    assert len(leaving) == len(set(leaving))
    for before, item, field in zip(alone.items, found.items, fields, strict=True):
        if item.named == "remembered":
            assert {one.field for one in item.rests_on} == {item.name or "drop"}
            if item.name is not None:
                assert before.field_id in asked(alone)
                assert field.classes <= set(kind.by_name[item.name].classes)
        elif item.leaves:
            assert before.leaves or before.field_id in asked(alone)
            assert item.rests_on == ()
        if before.leaves and item.leaves:
            assert before.name == item.name


def test_steps_of_a_path_are_kept_apart() -> None:
    assert header_key("a › b c") != header_key("a b › c")
    assert header_key("Größe  (kg)") == header_key("GROESSE KG")
    assert header_key("Wert 1") != header_key("Wert 2")


def test_contradicted_ones_are_not_settled() -> None:
    every = (said("a", "buyer"), said("A", "drop", number=2), said("b", "day", number=3))
    other = said("a", "buyer", number=4, kind="other")
    assert settled((*every, other)) == {"nam_3", "nam_4"}


def test_an_explanation_says_how(tmp_path: Path) -> None:
    library = load(tmp_path, HEAD + RULES)
    fields = columns(("Tesla plan", "Kunde"), ("x", "y"))
    remembered = (said("Tesla plan", "day"),)

    def sentence(field: str) -> str:
        told = explain(
            library.policy("test.sample"), library.kind("sample"), fields, Context({}), Answers(),
            field=field, on=DAY, remembered=remembered,
        )  # fmt: skip
        return told.sentences[0]

    assert "It is the field day, as was remembered of its header." in sentence("column/1")
    assert "It is the field buyer, by a synonym." in sentence("column/2")
