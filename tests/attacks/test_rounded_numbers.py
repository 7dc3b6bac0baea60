"""A number that is a multiple of the step already: rounded it is itself, and the gate must let it pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.detect.text import classes_of
from gateway.formats.model import Mark, Table
from gateway.formats.table_csv import TableCsv
from gateway.policy.answers import Answers
from gateway.policy.decide import answered_fields
from gateway.render.withheld import withheld_set
from gateway.residue import gate
from gateway.residue.model import Report, TableExpectation
from tests.support import policies

HEADERS = ("Quantity (kg)", "Buyer")
RULES = policies.rule("weights", "{fields: [qty]}", "{round: {to: 5, unit: kg}}") + policies.rule(
    "buyers", "{fields: [buyer]}", "allow"
)
MARK = Mark("Customs", "rel", "2026-03-02")


def _report(folder: Path, *rows: tuple[str, str], spoiled: tuple[bytes, bytes] = (b"", b"")) -> Report:
    decisions = policies.decided(folder, RULES, HEADERS, *rows)
    form = TableCsv(classes_of)
    table = Table.of(HEADERS, zip(*rows, strict=True))
    plan = decisions.plan()
    rebuilt = form.rebuild(table, plan, MARK, b"s" * 32)
    kind = policies.load(folder, policies.HEAD + RULES).kind("sample")
    withheld = withheld_set(
        form=form,
        content=table,
        fields=answered_fields(kind, form.survey(table), Answers()),
        decisions=decisions,
        mark=MARK,
        file_name=None,
    )
    titles = {one.title: one.field_id for one in plan.instructions}
    fields = tuple(titles[title] for title in rebuilt.headers[:-1])
    expectation = TableExpectation(rebuilt.headers, fields, MARK.text, len(rows))
    return gate.check(rebuilt.data.replace(*spoiled) if spoiled[0] else rebuilt.data, expectation, withheld)


@pytest.mark.parametrize("weight", ["10", "0", "100", "12.4"])
def test_a_multiple_of_the_step_leaves(tmp_path: Path, weight: str) -> None:
    assert _report(tmp_path, (weight, "Aomori"), ("12.4", "Bergen")).clean


def test_what_was_not_rounded_is_found(tmp_path: Path) -> None:
    assert not _report(tmp_path, ("12.4", "Aomori"), spoiled=(b"10 kg", b"12.4 kg")).clean
