"""What changes between two policies, against the engine case by case, and cell by cell against two renditions."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gateway.formats.keyed import row_order
from gateway.formats.model import Element, Mark, Table
from gateway.formats.table_csv import TableCsv
from gateway.policy.answers import Answers
from gateway.policy.conditions import Context
from gateway.policy.decide import decide
from gateway.policy.decisions import Decisions
from gateway.policy.difference import Change, Direction, changes
from gateway.policy.effect import CellChange, effect
from gateway.policy.policy import Policy
from gateway.policy.reach import OTHER, Outcome
from tests.support import bundles
from tests.support.bundles import KIND, Case
from tests.support.policies import HEAD, load, rule

SECRET = bytes(range(32))
MARK = Mark("Recipient", "rel_01", "2026-03-02")


def a_pair(rng: random.Random) -> tuple[Policy, Policy]:
    """A policy, and the same with a rule less, another rule or another end."""
    old = bundles.policy(rng, rng.randint(3, 10))
    rules = [one for one in old.rules if rng.random() < 0.8]
    others = [
        one.model_copy(update={"id": f"new{number}"})
        for number, one in enumerate(bundles.policy(rng, rng.randint(0, 2)).rules)
    ]
    new = replace(old, version="1.1.0", rules=(*rules, *others), end=rng.choice((old.end, date(2026, 4, 30))))
    return old, replace(new, origin=tuple((one.id, new.ref) for one in new.rules))


def case_of(change: Change) -> Case:
    example = change.example
    attributes = {
        name: "elsewhere" if value == OTHER else value for name, value in example.context.items() if name != "date"
    }
    row = example.row.get("licensed")
    day = date.fromisoformat(str(example.context["date"]))
    return Case(example.target, attributes, (), example.classes, "perhaps" if row == OTHER else row, day)


def told(outcome: Outcome | None) -> str | None:
    return str(outcome.action.to_json()) if outcome else None


def test_every_change_is_one_that_the_engine_makes_and_none_is_missing() -> None:
    rng = random.Random(11)
    seen = unchanged = 0
    for _ in range(80):
        old, new = a_pair(rng)
        found = changes(old, new, [KIND])
        for change in found:
            case = case_of(change)
            assert bundles.decided(old, case) == told(change.before), change
            assert bundles.decided(new, case) == told(change.after), change
        pairs = {(change.example.target, told(change.before), told(change.after)) for change in found}
        for _ in range(12):
            case = bundles.case(rng)
            # Whether a column is there that only blocks is another question than what a rule does.
            if case.licensed is not None and not any(one.where for one in (*old.rules, *new.rules)):
                case = replace(case, licensed=None)
            was, now = bundles.decided(old, case), bundles.decided(new, case)
            blocked = any(one.do.op == "block" and "licensed" in one.select.fields for one in (*old.rules, *new.rules))
            if was != now and not blocked:
                assert (case.field, was, now) in pairs, (case, pairs)
                seen += 1
            unchanged += was == now
    assert seen > 20
    assert unchanged > 20


def test_the_same_policy_changes_nothing() -> None:
    policy = bundles.policy(random.Random(12), 12)
    assert changes(policy, policy, [KIND]) == []


@pytest.mark.parametrize(
    ("before", "after", "direction"),
    [
        ("drop", "allow", Direction.RELEASED),
        ("allow", "drop", Direction.WITHHELD),
        ("{mask: {keep_last: 2}}", "{mask: {keep_last: 4}}", Direction.LOOSER),
        ("allow", "{mask: {keep_last: 4}}", Direction.STRICTER),
        ("{pseudonymise: {scope: table, prefix: P}}", "{pseudonymise: {scope: table, prefix: Q}}", Direction.OTHER),
    ],
)
def test_a_change_says_which_way_it_goes(tmp_path: Path, before: str, after: str, direction: Direction) -> None:
    old, new = (
        load(tmp_path, HEAD + rule("one", "{fields: [buyer]}", do)).policy("test.sample") for do in (before, after)
    )
    library = load(tmp_path)
    (change,) = changes(old, new, [library.kind("sample")])
    assert change.direction is direction
    assert change.direction.loosens is (direction in {Direction.RELEASED, Direction.LOOSER, Direction.OTHER})
    assert str(change).startswith(f"{direction.value}: buyer of the kind sample: ")


def a_table(rng: random.Random) -> Table:
    rows = rng.randint(1, 30)
    names = ("Alpha AG", "Beta KG", "a@b.example", "", "=1+1", "withheld")
    headers = ("Buyer", "Site", "Grade", "Contact", "Licensed")
    columns = [[rng.choice(names) for _ in range(rows)] for _ in headers[:-1]]
    return Table.of(headers, [*columns, [rng.choice((*bundles.ANSWERS, "perhaps")) for _ in range(rows)]])


def decisions(policy: Policy, content: Table, on: date) -> Decisions:
    form = TableCsv(lambda _cells: frozenset())
    names = [field.name for field in KIND.fields]
    answers = Answers(columns={f"column/{n}": name for n, name in enumerate(names, start=1)})
    return decide(policy, KIND, form.survey(content), Context({}), answers, on=on)


def written(decided: Decisions, content: Table) -> dict[str, list[str]]:
    """A rendition's cells by field, as they stand in the file, in the order of the original's rows."""
    form = TableCsv(lambda _cells: frozenset())
    if not any(item.leaves for item in decided.items):
        return {}
    data = form.rebuild(content, decided.plan(), MARK, SECRET).data
    titles, *rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    places = {title: place for place, title in enumerate(titles)}
    leaving = [item for item in decided.items if item.element is Element.COLUMN and item.leaves]
    order = row_order(SECRET, decided.plan().keyed_on(content.digest), content.row_count)
    place_of = {int(row): place for place, row in enumerate(order)}
    in_order = [rows[place_of[row]] for row in range(content.row_count)]
    return {item.field_id: [row[places[item.output_title]] for row in in_order] for item in leaving}


def by_cell(old: Decisions, new: Decisions, content: Table) -> set[tuple[str, int, str | None, str | None]]:
    """The cells that differ between two renditions; what is withheld reads as None."""
    renditions = [written(one, content) for one in (old, new)]
    found = set()
    for place in range(content.row_count):
        for field in (item.field_id for item in old.items):
            was, now = (_cell(one.get(field), place) for one in renditions)
            if was != now:
                found.add((field, place + 2, was, now))
    return found


def _cell(column: list[str] | None, place: int) -> str | None:
    return None if column is None or column[place].startswith("[withheld") else column[place]


def test_the_cells_that_change_are_those_that_differ_between_two_renditions() -> None:
    rng = random.Random(13)
    compared = 0
    for _ in range(60):
        old, new = (replace(one, whens=()) for one in a_pair(rng))
        old, new = (replace(one, rules=tuple(r for r in one.rules if r.do.op != "block")) for one in (old, new))
        content = a_table(rng)
        was, now = (decisions(one, content, date(2026, 3, 1)) for one in (old, new))
        done = effect(was, now, content, SECRET)
        listed = {(f"column/{one.place.split()[1]}", one.row, one.before, one.after) for one in done.cells}
        assert len(listed) == len(done.cells)
        assert listed == by_cell(was, now, content)
        assert done.released == sum(one.before is None for one in done.cells)
        compared += len(listed)
    assert compared > 100


def test_a_cell_change_reads_as_a_sentence() -> None:
    change = CellChange("column 3", 7, None, "12")
    assert str(change) == "column 3, row 7: withheld → “12”"
    assert change.to_json() == {"field": "column/3", "row": 7, "before": None, "after": "12"}
