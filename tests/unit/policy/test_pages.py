"""Documents: which pages a rule means, what stands on them, and what a reviewer's words and regions cover."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.formats.model import Box, Element, Field, Op
from gateway.policy.answers import Answers, Region
from gateway.policy.conditions import Context
from gateway.policy.decide import decide
from gateway.policy.decisions import ANSWER_RULE, DEFAULT_RULE, Decisions
from gateway.policy.explain import explain
from gateway.policy.lint import lint
from gateway.policy.load import load_library
from gateway.policy.problems import AnswersInvalid, PolicyInvalid, RequiredMissing
from tests.support.policies import DAY, HEAD, REQ, rule

KIND = """\
kind: paper
title: {en: Paper, zh: 文件}
medium: document
regions:
  - {name: sign, title: {en: Signature, zh: 签名}}
"""
ALL = rule("pages", "{pages: [all]}", "allow")
PLACE = Box(10, 10, 90, 30)


def page(number: int, count: int, *texts: str, name: str | None = None) -> tuple[Field, ...]:
    lines = (
        Field(f"text/{number}/{place}", Element.TEXT, text, None, box=PLACE, page=number)
        for place, text in enumerate(texts, start=1)
    )
    return (Field(f"page/{number}", Element.PAGE, "", name, count=count, page=number), *lines)


PAPER = (*page(1, 3, "Agreement", "Unit price 5"), *page(2, 3, "End use"), *page(3, 3, "Annex"))


def decided(folder: Path, rules: str, fields: tuple[Field, ...] = PAPER, answers: Answers | None = None) -> Decisions:
    (folder / "kinds").mkdir()
    (folder / "kinds" / "paper.yaml").write_text(KIND, encoding="utf-8")
    (folder / "p.yaml").write_text(HEAD.replace("[sample]", "[paper]") + rules, encoding="utf-8")
    library = load_library(folder)
    policy, kind = library.policy("test.sample"), library.kind("paper")
    return decide(policy, kind, fields, Context({}), answers or Answers(confirmed=True), on=DAY)


def outcome(found: Decisions) -> dict[str, tuple[str, str]]:
    return {item.field_id: (item.main.rule, item.main.action.op) for item in found.items}


@pytest.mark.parametrize(
    ("spans", "leaving"),
    [
        ("[all]", [1, 2, 3]),
        ("[first]", [1]),
        ("[last]", [3]),
        ("[2]", [2]),
        ("[2-9]", [2, 3]),
        ("['1-2', last]", [1, 2, 3]),
        ("[9]", []),
    ],
)
def test_a_rule_means_pages_by_number_range_or_place(tmp_path: Path, spans: str, leaving: list[int]) -> None:
    found = decided(tmp_path, rule("pages", f"{{pages: {spans}}}", "allow"))
    pages = [item for item in found.items if item.element is Element.PAGE]
    assert [item.page for item in pages if item.leaves] == leaving
    assert {item.main.rule for item in pages if not item.leaves} <= {DEFAULT_RULE}


def test_what_stands_on_a_page_leaves_with_it_and_else_is_not_named_at_all(tmp_path: Path) -> None:
    found = decided(tmp_path, rule("pages", "{pages: [2]}", "allow"))
    assert outcome(found) == {
        "page/1": ("default", "drop"),
        "page/2": ("pages", "allow"),
        "text/2/1": ("pages", "allow"),
        "page/3": ("default", "drop"),
    }
    shown = [one for one in found.plan().instructions if one.cases[0].transform.op is Op.ALLOW]
    assert [(one.field_id, one.page) for one in shown] == [("page/2", 2), ("text/2/1", 2)]
    (line,) = found.withheld_items()
    assert (line.title.en, line.field_ids) == ("Pages", ("page/1", "page/3"))


def test_a_pattern_withholds_the_lines_that_fit_it(tmp_path: Path) -> None:
    found = decided(tmp_path, ALL + rule("prices", "{text: {patterns: ['*ＰＲＩＣＥ*']}}", "drop"))
    assert outcome(found)["text/1/2"] == ("prices", "box")
    assert outcome(found)["text/1/1"] == ("pages", "allow")


def test_a_class_reaches_lines_and_what_is_filled_in(tmp_path: Path) -> None:
    held = frozenset({"EMAIL"})
    fields = (
        *page(1, 1, "x"),
        Field("text/1/2", Element.TEXT, "a@b.example", None, held, box=PLACE, page=1),
        Field("form_field/1/1", Element.FORM_FIELD, "a@b.example", "contact", held, box=PLACE, page=1),
        Field("form_field/1/2", Element.FORM_FIELD, "motors", "use", box=PLACE, page=1),
        Field("annotation/1/1", Element.ANNOTATION, "why", "Square", box=PLACE, page=1),
    )
    found = decided(tmp_path, ALL + rule("people", "{classes: [EMAIL]}", "drop"), fields)
    assert outcome(found) == {
        "page/1": ("pages", "allow"),
        "text/1/1": ("pages", "allow"),
        "text/1/2": ("people", "box"),
        "form_field/1/1": ("people", "box"),
        "form_field/1/2": ("pages", "allow"),
        "annotation/1/1": ("default", "box"),
    }
    assert "contact" not in str(found.to_json())


@pytest.mark.parametrize("term", ["end use", "ＥＮＤ　ＵＳＥ", "Enduse"])
def test_a_term_covers_every_line_that_holds_it(tmp_path: Path, term: str) -> None:
    found = decided(tmp_path, ALL, answers=Answers(confirmed=True, terms=(term,)))
    assert [key for key, (name, _) in outcome(found).items() if name == ANSWER_RULE] == ["text/2/1"]


def test_a_term_is_found_across_the_ends_of_lines(tmp_path: Path) -> None:
    fields = page(1, 1, "Plant", "Nine in", "Ohio")
    found = decided(tmp_path, ALL, fields, Answers(confirmed=True, terms=("plant nine",)))
    assert [outcome(found)[f"text/1/{place}"][0] for place in (1, 2, 3)] == ["answer", "answer", "pages"]


def test_a_term_that_stands_nowhere_is_told(tmp_path: Path) -> None:
    with pytest.raises(AnswersInvalid, match="The term 2 stands nowhere") as caught:
        decided(tmp_path, ALL, answers=Answers(confirmed=True, terms=("Annex", "Zulieferer")))
    assert "Zulieferer" not in caught.value.detail


def test_a_drawn_region_is_covered_on_its_page(tmp_path: Path) -> None:
    answers = Answers(regions=(Region("sign", PLACE, 3), Region("other", PLACE, 1)), confirmed=True)
    found = decided(tmp_path, ALL, answers=answers)
    drawn = [one for one in found.plan().instructions if one.element is Element.REGION]
    assert [(one.page, one.box, one.cases[0].transform.op) for one in drawn] == [(3, PLACE, Op.BOX), (1, PLACE, Op.BOX)]


@pytest.mark.parametrize("number", [0, 4])
def test_a_region_needs_a_page_that_there_is(tmp_path: Path, number: int) -> None:
    with pytest.raises(AnswersInvalid, match="a `page` from 1 to 3"):
        decided(tmp_path, ALL, answers=Answers(regions=(Region("sign", PLACE, number),)))


def test_a_document_waits_until_somebody_has_looked_and_says_where_no_rule_can(tmp_path: Path) -> None:
    fields = (*page(1, 2, "x"), *page(2, 2, name="unreadable"))
    found = decided(tmp_path, ALL, fields, Answers())
    (ask,) = found.asks
    assert ask.field_id == "document"
    assert "on the pages 2" in ask.question


def test_pages_that_are_required_must_leave(tmp_path: Path) -> None:
    found = decided(tmp_path, rule("pages", "{pages: [7]}", "allow", more="present: required"))
    with pytest.raises(RequiredMissing, match="pages 7"):
        found.require_present()


@pytest.mark.parametrize(
    "rules",
    [
        rule("mask", "{classes: [PHONE]}", "{mask: {keep_last: 2}}"),
        rule("crop", "{regions: {class: [sign]}}", "crop"),
    ],
)
def test_what_a_page_cannot_carry_out_is_refused_when_it_is_loaded(tmp_path: Path, rules: str) -> None:
    with pytest.raises(PolicyInvalid, match="stands on a page"):
        decided(tmp_path, ALL + rules)


def test_lint_wants_a_page_to_leave(tmp_path: Path) -> None:
    decided(tmp_path, rule("lines", "{text: {patterns: ['*a*']}}", "box"))
    library = load_library(tmp_path)
    codes = {finding.code for finding in lint(library.policy("test.sample"), library)}
    assert "nothing-leaves" in codes
    assert "dead" not in codes


def test_explain_leads_to_the_page_where_a_line_is_on_none_that_leaves(tmp_path: Path) -> None:
    decided(tmp_path, rule("pages", "{pages: [1]}", "allow", REQ))
    library = load_library(tmp_path)
    asked = (library.policy("test.sample"), library.kind("paper"), PAPER, Context({}), Answers())
    told = explain(*asked, field="text/1/1", on=DAY)
    assert told.outcome == "disclosed"
    assert "leaves with its page" in told.sentences[0]
    with pytest.raises(AnswersInvalid, match="explain page/3 instead"):
        explain(*asked, field="text/3/1", on=DAY)
