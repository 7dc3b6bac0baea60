"""Rows that name who refused are withheld, wholly, and what is withheld in one row leaves in no other."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.detect.text import classes_of
from gateway.formats.model import Mark
from gateway.formats.table_csv import PARSE_TASK, TableCsv
from gateway.policy.answers import Answers
from gateway.policy.clearing import Consent, party
from gateway.policy.conditions import Context
from gateway.policy.problems import PolicyInvalid
from gateway.render.model import Outcome, State
from gateway.render.pipeline import Job, render
from gateway.residue import walled
from gateway.sandbox.process import ProcessSandbox
from tests.support.policies import DAY, HEAD, load, rule

RULES = (
    rule("who", "{fields: [buyer]}", "allow", more="present: in_every_row")
    + rule("kept", "{fields: [licensed]}", "allow")
    + rule("much", "{fields: [qty]}", "allow")
    + rule("never", "{fields: [price]}", "drop")
)
GATE = "gates: {consent: {fields: [buyer], refused: drop}}\n"
ROWS = [
    ["Alpha Magnetics", "yes", "51", "900"],
    ["Beta Drives", "yes", "52", "901"],
    ["ＢＥＴＡ  drives", "no", "53", "902"],
    ["Gamma Robotics", "no", "54", "903"],
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox((PARSE_TASK, walled.TASK))
    yield walls
    walls.close()


def word(name: str, *, lives: bool = True, refused: bool = False, fields: str = "*", to: str = "authority") -> Consent:
    return Consent(f"clr_{name}", frozenset({party(name)}), (fields,), to, lives, refused)


SAID = (word("Alpha Magnetics"), word("Beta Drives", lives=False, refused=True), word("Gamma Robotics"))


def rendered(
    tmp_path: Path,
    sandbox: ProcessSandbox,
    *said: Consent,
    rows: list[list[str]] = ROWS,
    gate: str = GATE,
    custody: tuple[str, ...] = (),
    head: str = HEAD,
    parents: tuple[str, ...] = (),
) -> Outcome:
    library = load(tmp_path, head + RULES + gate, *parents)
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["Buyer", "Licensed", "Quantity (kg)", "Price"], *rows])
    job = Job(
        untrusted_original=text.getvalue().encode(),
        media_type="text/csv",
        file_name=None,
        form=TableCsv(classes_of),
        kind=library.kind("sample"),
        policy=library.policy("test.sample"),
        context=Context({"recipient.class": "authority"}, tuple({"recipient.class": one} for one in custody)),
        on=DAY,
        answers=Answers(),
        mark=Mark("Recipient", "rel_01", "2026-03-02"),
        secret=bytes(32),
        consents=said,
    )
    return render(job, sandbox)


def table(outcome: Outcome) -> list[list[str]]:
    assert outcome.state is State.CLEAN, outcome.reason
    assert outcome.rebuilt is not None
    return list(csv.reader(io.StringIO(outcome.rebuilt.data.decode("utf-8-sig"))))[1:]


def test_the_rows_of_who_refused_are_withheld_in_every_column(tmp_path: Path, sandbox: ProcessSandbox) -> None:
    outcome = rendered(tmp_path, sandbox, *SAID)
    rows = table(outcome)
    told = [row for row in rows if "TP-NDA" in row[0]]
    assert len(told) == 2
    assert all(cell == told[0][0] for row in told for cell in row[:-1])
    assert {row[0] for row in rows} - {told[0][0]} == {"Alpha Magnetics", "Gamma Robotics"}
    assert outcome.consents == ("clr_Alpha Magnetics", "clr_Gamma Robotics")
    lines = [line for line in outcome.index if line["code"] == "TP-NDA"]
    assert len(lines) == 3, "a line for every column of which cells are missing; one leaves in no row at all"
    assert outcome.withheld is not None
    assert {"Beta Drives", "ＢＥＴＡ  drives", "52", "53"} <= {one.text for one in outcome.withheld.values}
    assert outcome.decisions is not None
    assert "Beta" not in str(outcome.index)


@pytest.mark.parametrize(
    "said",
    [
        (SAID[0], SAID[2]),
        (SAID[0], word("Beta Drives", lives=False), SAID[2]),
        (*SAID, word("Beta Drives", fields="qty")),
        (SAID[0], word("Beta Drives", lives=False, refused=True, to="supplier"), SAID[2]),
    ],
    ids=["nobody asked", "it has ended", "it may be named elsewhere", "it refused somebody else"],
)
def test_a_refusal_alone_is_no_consent_of_the_others(
    tmp_path: Path, sandbox: ProcessSandbox, said: tuple[Consent, ...]
) -> None:
    """Whoever was not asked or was asked too long ago stops the table still."""
    outcome = rendered(tmp_path, sandbox, *said)
    if len(said) == 4:
        assert "Beta" not in str(table(outcome))
    else:
        assert outcome.state is State.REFUSED
        assert "1 of the parties" in (outcome.reason or "") or "2 of the parties" in (outcome.reason or "")


def test_who_refused_one_in_custody_is_named_to_none(tmp_path: Path, sandbox: ProcessSandbox) -> None:
    supplier = tuple(word(name, to="supplier") for name in ("Alpha Magnetics", "Gamma Robotics"))
    said = (
        SAID[0],
        SAID[2],
        *supplier,
        word("Beta Drives"),
        word("Beta Drives", refused=True, lives=False, to="supplier"),
    )
    assert "Beta" not in str(table(rendered(tmp_path, sandbox, *said, custody=("supplier",))))


def test_a_later_consent_brings_the_rows_back(tmp_path: Path, sandbox: ProcessSandbox) -> None:
    assert (
        len([row for row in table(rendered(tmp_path, sandbox, *SAID, word("Beta Drives"))) if "TP-NDA" in row[0]]) == 0
    )


def test_who_refused_and_is_named_in_another_column_stops_the_table(tmp_path: Path, sandbox: ProcessSandbox) -> None:
    rows = [*ROWS[:3], ["Gamma Robotics", "see Beta Drives", "54", "903"]]
    outcome = rendered(tmp_path, sandbox, *SAID, rows=rows)
    assert outcome.state is State.REFUSED
    assert "named in what would leave" in (outcome.reason or "")
    assert "Beta" not in (outcome.reason or "")


def test_what_is_withheld_with_its_row_is_searched_for(tmp_path: Path, sandbox: ProcessSandbox) -> None:
    """A number of the withheld row inside another cell is a finding; the same number in a cell of its own is shown."""
    rows = [["Alpha Magnetics", "as with Q-770913", "51", "1"], ["Beta Drives", "Q-770913", "52", "2"]]
    outcome = rendered(tmp_path, sandbox, *SAID, rows=rows)
    assert outcome.state is State.BLOCKED


def test_without_the_word_nothing_is_withheld(tmp_path: Path, sandbox: ProcessSandbox) -> None:
    outcome = rendered(tmp_path, sandbox, *SAID, gate="gates: {consent: {fields: [buyer]}}\n")
    assert outcome.state is State.REFUSED
    with pytest.raises(PolicyInvalid):
        load(tmp_path, HEAD + RULES + "gates: {consent: {fields: [buyer], refused: show}}\n")


def test_a_parent_that_refuses_is_not_loosened_by_its_child(tmp_path: Path, sandbox: ProcessSandbox) -> None:
    parent = HEAD.replace("test.sample", "test.base").replace("applies_to: {kinds: [sample]}\n", "")
    strict = parent + rule("base", "{fields: [day]}", "drop") + "gates: {consent: {fields: [buyer]}}\n"
    head = HEAD.replace("owner: legal", "owner: legal\n  extends: [test.base@1]")
    assert rendered(tmp_path, sandbox, *SAID, head=head, parents=(strict,)).state is State.REFUSED
    loose = strict.replace("[buyer]}", "[buyer], refused: drop}")
    assert rendered(tmp_path, sandbox, *SAID, head=head, parents=(loose,)).state is State.CLEAN


def test_nobody_left_is_no_table(tmp_path: Path, sandbox: ProcessSandbox) -> None:
    said = tuple(word(row[0], lives=False, refused=True) for row in ROWS)
    outcome = rendered(tmp_path, sandbox, *said)
    assert outcome.state is not State.CLEAN
