"""Single cells and rows that a reviewer withholds, from answers to bytes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.detect.text import classes_of
from gateway.formats.model import Mark
from gateway.formats.table_csv import PARSE_TASK, TableCsv
from gateway.policy.answers import Answers
from gateway.policy.conditions import Context
from gateway.policy.problems import AnswersInvalid
from gateway.render.model import Outcome, State
from gateway.render.pipeline import Job, render
from gateway.residue import walled
from gateway.sandbox.process import ProcessSandbox
from gateway.web.schemas.renditions import RedactionsIn
from tests.support.policies import DAY, HEAD, load, rule

RULES = (
    rule("who", "{fields: [buyer]}", "allow", more="present: required")
    + rule("much", "{fields: [qty]}", "{bucket: {edges: [10, 100], unit: kg}}")
    + rule("never", "{fields: [price]}", "drop")
)
ROWS = [["Alpha Magnetics", "5", "900"], ["Beta Drives", "50", "901"], ["Gamma Robotics", "500", "902"]]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox((PARSE_TASK, walled.TASK))
    yield walls
    walls.close()


POLICY = HEAD.replace("rules:", "defaults: {unknown_field: drop}\nrules:") + RULES


def rendered(tmp_path: Path, sandbox: ProcessSandbox, answers: Answers, rows: list[list[str]] = ROWS) -> Outcome:
    library = load(tmp_path, POLICY)
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["Buyer", "Quantity (kg)", "Price"], *rows])
    job = Job(
        untrusted_original=text.getvalue().encode(),
        media_type="text/csv",
        file_name=None,
        form=TableCsv(classes_of),
        kind=library.kind("sample"),
        policy=library.policy("test.sample"),
        context=Context({}),
        on=DAY,
        answers=answers,
        mark=Mark("Recipient", "rel_01", "2026-03-02"),
        secret=bytes(32),
        statements=library.statements,
    )
    return render(job, sandbox)


def cells(outcome: Outcome) -> list[list[str]]:
    assert outcome.state is State.CLEAN, (outcome.reason, outcome.report)
    assert outcome.rebuilt is not None
    rows = list(csv.reader(io.StringIO(outcome.rebuilt.data.decode("utf-8-sig"))))
    return sorted(row[:-1] for row in rows[1:])


def test_picked_cells_and_rows_are_withheld_and_counted(tmp_path: Path, sandbox: ProcessSandbox) -> None:
    found = rendered(tmp_path, sandbox, Answers(cells={"column/1": frozenset({3})}, rows=frozenset({4})))
    gone = "[withheld: UNNAMED]"
    assert cells(found) == [["Alpha Magnetics", "<10 kg"], [gone, "10 – <100 kg"], [gone, gone]]
    answered = [(line["item"], line["action"]) for line in found.index if "Buyer" in line["item"]]
    assert answered == [("Buyer / 买方", "removed / 已删除")]
    assert found.decisions is not None
    told = found.decisions.to_json()["items"]
    assert isinstance(told, list)
    assert '"rows": [3, 4]' in json.dumps(told[0])


def test_what_is_required_must_stand_in_another_row(tmp_path: Path, sandbox: ProcessSandbox) -> None:
    found = rendered(tmp_path, sandbox, Answers(cells={"column/1": frozenset({2, 3, 4})}))
    assert (found.state, "requires a value" in (found.reason or "")) == (State.REFUSED, True)


def test_a_row_that_is_not_there_is_refused(tmp_path: Path, sandbox: ProcessSandbox) -> None:
    found = rendered(tmp_path, sandbox, Answers(rows=frozenset({5})))
    assert (found.state, found.reason) == (
        State.REFUSED,
        "The table has no row 5; its last is row 4, the header being row 1.",
    )
    found = rendered(tmp_path, sandbox, Answers(cells={"column/9": frozenset({2})}))
    assert found.state is State.REFUSED


@pytest.mark.parametrize(
    "told",
    [
        {"rows": [1]},
        {"rows": [True]},
        {"rows": ["2"]},
        {"rows": {}},
        {"cells": {"row/1": [2]}},
        {"cells": {"column/1": 2}},
    ],
)
def test_rows_are_counted_from_two(told: Any) -> None:
    with pytest.raises(AnswersInvalid, match="`rows`"):
        Answers.from_json(told)


def test_answers_are_read_as_they_are_told_and_only_added_to() -> None:
    old = Answers(cells={"column/1": frozenset({3})}, rows=frozenset({9}), columns={"column/1": "buyer"})
    assert Answers.from_json(old.to_json()) == old
    new = RedactionsIn.model_validate({"cells": {"column/1": [2], "column/2": [7]}, "rows": [4]}).added_to(old)
    assert new == replace(
        old, cells={"column/1": frozenset({2, 3}), "column/2": frozenset({7})}, rows=frozenset({4, 9})
    )
    with pytest.raises(ValueError, match="at least one"):
        RedactionsIn.model_validate({"cells": {"column/1": []}})
