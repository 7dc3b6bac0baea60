"""One table under two policies in one release: laid side by side they would say what neither lets them say."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from gateway.formats.model import Case, Element, Instruction, Mark, Op, Plan, Table, Transform
from gateway.formats.table_csv import TableCsv
from gateway.policy.answers import Answers
from gateway.release.model import State
from gateway.release.service import NotReady
from tests.attacks.conftest import TABLE
from tests.support.workbooks import saved, typed, workbook
from tests.support.world import World

ROWS = list(csv.reader(io.StringIO(TABLE.decode(), newline="")))
NUMBERS = [str(number) for number in range(40)]


def two_sheets() -> bytes:
    made = workbook(ROWS, sheet="Kunden")
    page = made.create_sheet("Archiv")
    for row in ROWS:
        page.append([typed(cell) for cell in row])
    return saved(made)


def test_the_same_bytes_cannot_be_in_a_release_twice(world: World) -> None:
    matter = world.matter()
    release = world.draft(matter)
    first, second = (world.upload(matter, "customer_list", TABLE).original for _ in range(2))
    assert first != second
    world.render(release, first)
    rendition = world.render(release, second)
    with pytest.raises(NotReady, match="same file"):
        world.gateway.releases.submit(world.actors["builder"], release.id)
    world.gateway.releases.withdraw(world.actors["builder"], rendition.id)
    assert world.gateway.releases.submit(world.actors["builder"], release.id).state is State.IN_REVIEW


@pytest.mark.parametrize(("sheet", "taken"), [("Archiv", True), ("Kunden", False)])
def test_a_workbook_can_for_each_of_its_sheets(world: World, sheet: str, taken: bool) -> None:
    matter = world.matter()
    release, data = world.draft(matter), two_sheets()
    for one in ("Kunden", sheet):
        original = world.upload(matter, "customer_list", data).original
        world.render(release, original, Answers(sheet=one))
    if taken:
        assert world.gateway.releases.submit(world.actors["builder"], release.id).state is State.IN_REVIEW
    else:
        with pytest.raises(NotReady, match="another sheet"):
            world.gateway.releases.submit(world.actors["builder"], release.id)


def _order(plan: Plan) -> list[str]:
    """In which order the first column's cells leave."""
    table = Table.of(["No", "Price"], [NUMBERS, [f"{number}.5" for number in NUMBERS]])
    data = TableCsv(lambda _: frozenset()).rebuild(table, plan, Mark("A", "rel_1", "2026-01-31"), bytes(32)).data
    return [row[0].split(".")[0] for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))][1:]


def test_rows_of_one_table_stand_in_another_order_under_another_policy_or_with_other_columns() -> None:
    shown = (Case((), Transform(Op.ALLOW, {}), 0, "REQ", "shown"),)
    number, price = (
        Instruction(f"column/{place}", name, Element.COLUMN, name.title(), "text", shown)
        for place, name in enumerate(("no", "price"), 1)
    )
    plans = [
        Plan((number,), decided_by="a.one@1.0.0 order_book"),
        Plan((price,), decided_by="a.one@1.0.0 order_book"),
        Plan((number,), decided_by="a.two@1.0.0 order_book"),
        Plan((number, price), decided_by="a.one@1.0.0 order_book"),
    ]
    orders = [_order(plan) for plan in plans]
    assert all(sorted(order) == sorted(NUMBERS) for order in orders)
    assert len({tuple(order) for order in orders}) == len(plans)
    assert _order(replace(plans[0])) == orders[0]
