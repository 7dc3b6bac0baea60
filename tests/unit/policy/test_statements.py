"""What a signatory may not declare: found in sentences, whatever the words between, the line ends and the columns."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gateway.detect.text import classes_of
from gateway.formats.model import Box, Field, Page, Word
from gateway.formats.page_runs import page_fields
from gateway.policy.answers import Answers
from gateway.policy.conditions import Context
from gateway.policy.decide import decide
from gateway.policy.decisions import Ask
from gateway.policy.gates import StatementForbidden, gated
from gateway.policy.load import load_library, packs_dir
from gateway.policy.problems import AnswersInvalid, PolicyInvalid
from gateway.policy.statements import said
from gateway.policy.testing import run_tests
from tests.support.policies import DAY, HEAD, load, rule

LIBRARY = load_library()
PLEDGE = "We will not resell the goods to companies in the United States."
TO = {"recipient.class": "authority", "purpose": "export_licence"}


def found(*lines: str) -> set[str]:
    return {one.rule.id for one in said(LIBRARY.statements, [[(1, line) for line in lines]])}


def page(*lines: str, left: int = 100, unreadable: bool = False) -> Page:
    words = [
        Word(word, Box(left + 140 * place, 100 + 60 * row, 130, 30))
        for row, line in enumerate(lines)
        for place, word in enumerate(line.split())
    ]
    return Page(4000, 4000, tuple(words), unreadable=unreadable)


def asked(*pages: Page, kind_name: str = "end_user_certificate", **answers: object) -> tuple[Ask, ...]:
    kind = LIBRARY.kind(kind_name)
    policy = LIBRARY.policy(f"cn-mofcom-single.{kind_name.replace('_', '-')}")
    fields: tuple[Field, ...] = tuple(page_fields(pages, classes_of))
    given = Answers.from_json({"confirmed": True, **answers})
    decisions = decide(policy, kind, fields, Context(TO), given, on=DAY)
    return gated(policy, LIBRARY.statements, fields, decisions, given).asks


def test_the_shipped_rules_pass_their_tests() -> None:
    report = run_tests(packs_dir() / "statements", LIBRARY)
    assert report.passed, report.sentences()


def test_a_statement_is_found_in_columns_and_over_the_end_of_a_page() -> None:
    german = page("Wir liefern keine", "Waren an Kunden", "in den USA")
    english = page("Contract and", "delivery terms", "are attached", left=2000)
    beside = Page(4000, 4000, (*german.words, *english.words))
    first, second = page("We will not resell the goods"), page("to any company in the United States.")
    for pages in ((beside,), (first, second)):
        with pytest.raises(StatementForbidden, match=r"On page 1 .*§ 7 AWV"):
            asked(*pages, signatories=["DE"])


def test_who_signs_is_asked_only_where_it_matters() -> None:
    assert asked(page("The goods are used in pumps.")) == ()
    [ask] = asked(page(PLEDGE))
    assert "signatories" in ask.question
    assert "resell" not in ask.question


def test_a_stop_cannot_be_confirmed_and_a_warning_only_as_it_stands() -> None:
    [ask] = asked(page(PLEDGE), signatories=["GB"])
    assert ask.to_json()["statements"] == ask.statements  # type: ignore[index, call-overload]
    assert asked(page(PLEDGE), signatories=["GB"], statements=ask.statements) == ()
    [again] = asked(page(PLEDGE, "Signed in Leeds."), signatories=["GB"], statements=ask.statements)
    assert again.statements != ask.statements
    with pytest.raises(StatementForbidden) as refused:
        asked(page(PLEDGE), signatories=["GB", "DE"], statements=ask.statements)
    assert "resell" not in refused.value.detail


def test_a_page_that_no_rule_can_read_waits_for_a_person() -> None:
    scan = page("Certificate", unreadable=True)
    assert asked(scan, kind_name="certificate") == (), "there it is enough that the document was looked at"
    assert "No rule can read" in asked(scan)[0].question
    [ask] = asked(scan, signatories=["DE"])
    assert "page 1" in ask.question
    assert asked(scan, signatories=["DE"], statements=ask.statements) == ()


def test_a_line_that_is_covered_says_nothing() -> None:
    assert asked(page("Certificate", PLEDGE), signatories=["DE"], terms=["not resell"]) == ()


@pytest.mark.parametrize("signatories", [["de"], ["DEU"], ["DE", "DE"], "DE", [1], ["*"]])
def test_a_signatory_is_a_country(signatories: object) -> None:
    with pytest.raises(AnswersInvalid):
        Answers.from_json({"signatories": signatories})


@pytest.mark.parametrize(
    "lines",
    [
        ["The goods go to", "us.", "They will not be resold."],
        ["Es gilt deutsches Recht; die Ware wird nicht zurückgenommen."],
        ["Payment of USD 400 is not due before delivery."],
        ["The Business Unit US is not a party. Deliveries are made by rail."],
    ],
)
def test_what_only_looks_like_it(lines: list[str]) -> None:
    assert found(*lines) == set()


def test_what_it_takes_grows_with_the_text_alone() -> None:
    def seconds(times: int) -> float:
        before = time.process_time()
        found("not sell US not only US military " * times)
        return time.process_time() - before

    seconds(10)
    assert seconds(4000) < 40 * max(seconds(400), 0.01)


def test_a_gate_without_rules_or_for_a_table_is_refused(tmp_path: Path) -> None:
    policy = LIBRARY.policy("cn-mofcom-single.certificate")
    decisions = decide(policy, LIBRARY.kind("certificate"), (), Context(TO), Answers(confirmed=True), on=DAY)
    with pytest.raises(PolicyInvalid, match="none are loaded"):
        gated(policy, (), (), decisions, Answers())
    with pytest.raises(PolicyInvalid, match="in documents alone"):
        load(tmp_path, HEAD + rule("one", "{fields: [buyer]}", "allow") + "gates: {statements: required}\n")
    with pytest.raises(PolicyInvalid, match="names no field"):
        load(tmp_path, HEAD + rule("one", "{fields: [buyer]}", "allow") + "gates: {consent: {fields: [byer]}}\n")
    loaded = load(tmp_path, HEAD + rule("one", "{fields: [buyer]}", "allow") + "gates: {consent: {fields: [bu*]}}\n")
    assert [gates.consent is not None for gates in loaded.policy("test.sample").gates] == [True]


def test_rules_over_statements_are_read_strictly(tmp_path: Path) -> None:
    text = (packs_dir() / "statements" / "boycott.yaml").read_text(encoding="utf-8")
    (tmp_path / "statements").mkdir()
    for old, new in (
        ("finds: [refusing, origin, israel]", "finds: [refusing, origin, nowhere]"),
        ("signatories: [GB]", "signatories: [UKR]"),
        ("within: 20", "within: 2000"),
        ("severity: stop", "severity: mild"),
    ):
        assert old in text
        (tmp_path / "statements" / "x.yaml").write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(PolicyInvalid):
            load_library(tmp_path)
    assert load_library(packs_dir()).digest == LIBRARY.digest
