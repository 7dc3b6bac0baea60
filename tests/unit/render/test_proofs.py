"""A proof opens just the columns that leave whole and untouched, and says of every other what was done to it."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from gateway.formats.committed import MAX_LEAVES, Slot, committed, slots_for
from gateway.formats.grouped import Grouped
from gateway.formats.model import Case, Element, Instruction, Mark, Op, Plan, Table, TableOutput, Transform
from gateway.formats.table_csv import TableCsv
from gateway.intake.commitments import Opening
from gateway.render.proofs import fitting, table_proof
from gateway.seal.table_commitment import slot_secret
from gateway.verify import verify

TABLE = Table.of(("Kunde", "Menge", "Land"), [["Acme", "Zephyr", "Orbis"], ["1", "=2", "3"], ["DE", "FR", ""]])
MARK = Mark("Example", "rel_1", "2026-01-31")
SECRET = slot_secret(bytes(32), 0)
NO_GROUPS = Grouped([], 0, None)  # type: ignore[arg-type]


def opening() -> Opening:
    return Opening(2, 7, committed(TABLE, SECRET), SECRET)


def column(number: int, title: str, *cases: Case) -> Instruction:
    return Instruction(f"column/{number}", title.lower(), Element.COLUMN, title, "text", cases)


def case(op: Op, code: str = "", **params: str) -> Case:
    return Case((), Transform(op, params), 5, code, "rule")


PLAN = Plan(
    (
        column(1, "Customer", case(Op.PSEUDONYMISE, "TS", scope="release", prefix="C")),
        column(2, "Quantity", case(Op.ALLOW)),
        column(3, "Country", case(Op.ALLOW)),
    ),
    order=opening().order,
)


def test_what_is_proven_verifies_and_what_is_not_says_why() -> None:
    rebuilt = TableCsv(lambda _values: frozenset()).rebuild(TABLE, PLAN, MARK, bytes(range(32)))
    proof = table_proof(opening(), TABLE, PLAN, rebuilt)
    told: dict[str, Any] = {**proof.told, "file": "files/customer-list-01.csv"}
    assert proof.slot == 2
    assert [sorted(one) for one in told["columns"]] == [
        ["rules", "title"],
        ["rules", "title"],
        ["locator", "place", "title"],
    ]
    assert told["columns"][0]["rules"] == ["pseudonymise TS"]
    assert told["columns"][1]["rules"] == [], "a cell was made harmless, so that the column is not the original's"
    assert verify.check_table(rebuilt.data, verify.parse_table_proof(verify.canonical(told), "proofs/x.json")) == 3


def test_a_release_keeps_the_slot_whose_order_its_rows_have_though_nothing_is_proven() -> None:
    plan = replace(PLAN, instructions=PLAN.instructions[:2])
    rebuilt = TableCsv(lambda _values: frozenset()).rebuild(TABLE, plan, MARK, bytes(range(32)))
    proof = table_proof(opening(), TABLE, plan, rebuilt)
    assert proof.told["commitment"] is None
    assert proof.slot == 2


def test_without_a_commitment_no_number_of_rows_is_told() -> None:
    plan = replace(PLAN, order=None)
    rebuilt = TableCsv(lambda _values: frozenset()).rebuild(TABLE, plan, MARK, bytes(range(32)))
    proof = table_proof(None, TABLE, plan, rebuilt)
    assert proof.slot is None
    assert proof.told.keys() == {"type", "columns", "commitment"}
    columns: Any = proof.told["columns"]
    assert all(one.keys() == {"title", "rules"} for one in columns)


def test_a_workbook_is_proven_but_for_columns_that_its_numbers_spell_otherwise() -> None:
    arrived = Table.of(
        ("Kunde", "Menge", "Land", "Preis", "Seit", "Bis"),
        [
            ["Acme", "Zephyr", "Orbis"],
            ["1", "1.2340", "-0.5"],
            ["DE", "F  R", "_x0041_<&"],
            ["1.50", "2", ""],
            ["2025-01-31", "1900-01-01", ""],
            ["31.12.2025", "", ""],
        ],
    )
    kinds = {2: "decimal", 4: "decimal", 5: "date", 6: "date"}
    shown = [
        replace(column(number, header, case(Op.ALLOW)), value_type=kinds.get(number, "text"))
        for number, header in enumerate(arrived.headers, 1)
    ]
    slot = Opening(2, 7, committed(arrived, SECRET), SECRET)
    plan = Plan(tuple(shown), order=slot.order, table=TableOutput.XLSX)
    rebuilt = TableCsv(lambda _values: frozenset()).rebuild(arrived, plan, MARK, bytes(range(32)))
    told: dict[str, Any] = {**table_proof(slot, arrived, plan, rebuilt).told, "file": "files/customer-list-01.xlsx"}
    assert [one["title"] for one in told["columns"] if "place" in one] == ["Kunde", "Menge", "Land", "Seit"]
    proof = verify.parse_table_proof(verify.canonical(told), "proofs/x.json")
    assert verify.check_table(rebuilt.data, proof, rebuilt.media_type) == 12


def test_groups_are_not_proven() -> None:
    assert fitting(opening(), TABLE, None) is not None
    assert fitting(opening(), TABLE, NO_GROUPS) is None


def test_a_table_that_was_read_otherwise_than_on_arrival_is_not_proven() -> None:
    other = Table.of(TABLE.headers, [["Acme", "Zephyr", "Orbis"], ["1", "2", "3"], ["DE", "FR", ""]])
    assert fitting(opening(), other, None) is None
    assert fitting(None, TABLE, None) is None


def test_a_slot_is_kept_as_it_was_made() -> None:
    slot = opening().slot
    assert Slot.from_json(slot.to_json()) == slot
    assert len(base64.b64decode(base64.b64encode(opening().proof((0, 1, 2))))) % 32 == 0


def test_a_large_table_gets_fewer_commitments_and_one_past_the_bound_none() -> None:
    class Large:
        headers = ("a",) * 1024
        row_count = 0

    large = Large()
    found = []
    for rows in (10, 4_000, 16_000, 20_000):
        large.row_count = rows
        found.append(slots_for(large, 4))  # type: ignore[arg-type]
    assert found == [4, 4, 1, 0]
    assert MAX_LEAVES == 1 << 24
