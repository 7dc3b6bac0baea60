"""A recipient with the package and Python alone finds an altered cell, a swapped pair and an invented row."""

from __future__ import annotations

import base64
import copy
import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.formats import write_csv
from gateway.formats.committed import committed, opened
from gateway.formats.keyed import row_order
from gateway.formats.model import Table
from gateway.seal.table_commitment import order_key, slot_secret
from gateway.verify import verify

ROWS = 100
TITLES = ("Product", "Quantity", "Country")
KEY = bytes(32)

Cells = list[list[str]]


def table(seed: int = 0) -> Table:
    """Customers that stay shut, and three columns that leave."""
    columns = (
        [f"Customer {seed} {row}" for row in range(ROWS)],
        [f"Magnet “{row % 7}”, {row}" for row in range(ROWS)],
        [str(row * 10) for row in range(ROWS)],
        [("DE", "FR", "")[row % 3] for row in range(ROWS)],
    )
    return Table.of(("Kunde", "Ware", "Menge", "Land"), columns)


def released(source: Table, number: int = 0) -> tuple[Cells, dict[str, Any]]:
    """The rows as the slot puts them, header first and mark last, and their proof."""
    secret = slot_secret(KEY, number)
    slot = committed(source, secret)
    order = row_order(order_key(secret), source.digest, ROWS)
    columns = [source.frame.to_series(at).gather(order).to_list() for at in (1, 2, 3)]
    rows = [[*TITLES, "Prepared for"], *([*row, "Example · rel_1"] for row in zip(*columns, strict=True))]
    shown = zip(TITLES, slot.places[1:], slot.locators[1:], strict=True)
    proof = {
        "type": "disclosure-gateway/table-proof/v1",
        "file": "files/order-book-01.csv",
        "columns": [{"title": title, "place": place, "locator": locator} for title, place, locator in shown],
        "commitment": {
            "rows": ROWS,
            "entry": 7,
            "root": slot.root,
            "places": len(slot.columns),
            "nodes": base64.b64encode(opened(slot, secret, (1, 2, 3))).decode(),
        },
    }
    return rows, proof


def written(rows: Cells) -> bytes:
    sink = io.StringIO(newline="")
    csv.writer(sink, lineterminator="\r\n").writerows(rows)
    return b"\xef\xbb\xbf" + sink.getvalue().encode()


def checked(rows: Cells, proof: dict[str, Any]) -> int:
    """How many cells hold, proof and table read as from a package."""
    return verify.check_table(written(rows), verify.parse_table_proof(verify.canonical(proof), "proofs/x.json"))


def test_every_cell_that_left_as_it_was_is_proven() -> None:
    rows, proof = released(table())
    assert checked(rows, proof) == 3 * ROWS
    size_bytes = len(base64.b64decode(proof["commitment"]["nodes"]))
    assert size_bytes <= 32 * 8


def altered(rows: Cells) -> None:
    rows[17][1] = "11"


def altered_to_nothing(rows: Cells) -> None:
    rows[17][0] = ""


def swapped(rows: Cells) -> None:
    rows[5][1], rows[80][1] = rows[80][1], rows[5][1]


def two_altered(rows: Cells) -> None:
    rows[5][1], rows[80][1] = "x", "y"


def three_altered(rows: Cells) -> None:
    for row in (5, 6, 7):
        rows[row][1] = "x"


def rows_swapped(rows: Cells) -> None:
    rows[5], rows[80] = rows[80], rows[5]


def invented(rows: Cells) -> None:
    rows.append(["Magnet", "5", "DE", "Example · rel_1"])


def replaced(rows: Cells) -> None:
    rows[40] = ["Magnet", "5", "IT", "Example · rel_1"]


def duplicated(rows: Cells) -> None:
    rows.insert(9, rows[8])


def dropped(rows: Cells) -> None:
    del rows[50]


def moved(rows: Cells) -> None:
    rows.insert(3, rows.pop(70))


def renamed(rows: Cells) -> None:
    rows[0][1] = "Price"


def titles_swapped(rows: Cells) -> None:
    rows[0][0], rows[0][1] = rows[0][1], rows[0][0]


def another_column(rows: Cells) -> None:
    for row in rows:
        row.insert(3, "x")


ALTERED = {
    altered: "column 'Quantity': the cell in row 18 is not the one that was committed to; it was altered.",
    altered_to_nothing: "column 'Product': the cell in row 18 is not the one",
    swapped: "column 'Quantity': the cells in the rows 6 and 81 changed places.",
    two_altered: "column 'Quantity': the cell in row 6 and 81 is not the one",
    three_altered: "column 'Quantity': several cells are not those",
    rows_swapped: "files/order-book-01.csv: the rows 6 and 81 changed places.",
    invented: "files/order-book-01.csv has 101 rows, 100 were committed to: a row was invented.",
    replaced: "files/order-book-01.csv, row 41: no such row was committed to; it was invented, or changed throughout.",
    duplicated: "has 101 rows, 100 were committed to",
    dropped: "has 99 rows, 100 were committed to: a row is missing.",
    moved: "cells are not those committed to or stand in other rows, or the proof is of another table.",
    renamed: "lacks a column that its proof opens",
    titles_swapped: "does not have just the columns that its proof speaks of",
    another_column: "does not have just the columns that its proof speaks of",
}


@pytest.mark.parametrize(("attack", "said"), ALTERED.items(), ids=lambda one: getattr(one, "__name__", ""))
def test_a_table_that_was_tampered_with_is_named(attack: Callable[[Cells], None], said: str) -> None:
    rows, proof = released(table())
    attack(rows)
    with pytest.raises(verify.Mismatch) as difference:
        checked(rows, proof)
    assert said in str(difference.value)


def told_a_row_more(proof: dict[str, Any]) -> None:
    proof["commitment"]["rows"] += 1


def shorter(proof: dict[str, Any]) -> None:
    proof["commitment"]["nodes"] = base64.b64encode(base64.b64decode(proof["commitment"]["nodes"])[:-32]).decode()


def cut(proof: dict[str, Any]) -> None:
    proof["commitment"]["nodes"] = base64.b64encode(base64.b64decode(proof["commitment"]["nodes"])[:-1]).decode()


def longer(proof: dict[str, Any]) -> None:
    nodes = base64.b64decode(proof["commitment"]["nodes"])
    proof["commitment"]["nodes"] = base64.b64encode(nodes + bytes(1 << 20)).decode()


def of_another_slot(proof: dict[str, Any]) -> None:
    proof["commitment"]["nodes"] = released(table(), 1)[1]["commitment"]["nodes"]


def of_another_original(proof: dict[str, Any]) -> None:
    proof["commitment"]["root"] = released(table(1))[1]["commitment"]["root"]


def places_exchanged(proof: dict[str, Any]) -> None:
    one, other = proof["columns"][:2]
    one["place"], other["place"] = other["place"], one["place"]


def more_places(proof: dict[str, Any]) -> None:
    proof["commitment"]["places"] = 16


PROOFS = {
    shorter: "cut short",
    cut: "cut short",
    longer: "longer than it has to be",
    of_another_slot: "or the proof is of another table",
    of_another_original: "or the proof is of another table",
    places_exchanged: "several cells are not those that were committed to, or stand in other rows",
    more_places: "",
}


@pytest.mark.parametrize(("attack", "said"), PROOFS.items(), ids=lambda one: getattr(one, "__name__", ""))
def test_a_proof_that_was_tampered_with_fails(attack: Callable[[dict[str, Any]], None], said: str) -> None:
    rows, proof = released(table())
    attack(proof)
    with pytest.raises(verify.Mismatch) as difference:
        checked(rows, proof)
    assert said in str(difference.value)


def test_a_row_that_was_invented_together_with_its_proof_is_named() -> None:
    rows, proof = released(table())
    invented(rows)
    told_a_row_more(proof)
    with pytest.raises(verify.Mismatch, match="row 102: no such row was committed to"):
        checked(rows, proof)


def test_locators_that_lie_convince_nobody() -> None:
    rows, proof = released(table())
    altered(rows)
    for column in proof["columns"]:
        column["locator"] = "0" * 32
    with pytest.raises(verify.Mismatch, match="cells are not those committed to"):
        checked(rows, proof)


@pytest.mark.parametrize(
    "change",
    [
        lambda proof: proof["columns"][0].update(place=8),
        lambda proof: proof["columns"][0].update(place=proof["columns"][1]["place"]),
        lambda proof: proof["columns"][0].update(rules=["round"]),
        lambda proof: proof["columns"][0].pop("locator"),
        lambda proof: proof["columns"][1].update(title="Product"),
        lambda proof: proof.update(commitment=None),
        lambda proof: proof["commitment"].update(places=9),
        lambda proof: proof["commitment"].update(places=1 << 20),
        lambda proof: proof["commitment"].update(rows=1 << 40),
        lambda proof: proof["commitment"].update(more=1),
        lambda proof: proof.update(columns=[{"title": "Product", "rules": []}]),
    ],
)
def test_a_proof_in_another_shape_is_refused_before_anything_is_hashed(change: Callable[[Any], None]) -> None:
    _, proof = released(table())
    change(proof)
    with pytest.raises(verify.Mismatch):
        verify.parse_table_proof(verify.canonical(proof), "proofs/x.json")


@pytest.mark.parametrize(
    "spelled",
    [
        lambda data: data[3:],
        lambda data: data.replace(b"\r\n", b"\n"),
        lambda data: data.replace(b"DE,", b'"DE",', 1),
        lambda data: data + b"\r\n",
        lambda data: data[:-2],
        lambda data: data.replace(b"Magnet", b"\xff", 1),
        lambda data: data.replace(b"DE,", b'D"E,', 1),
        lambda data: data.replace(b"DE,", b"DE,x,", 1),
    ],
)
def test_a_table_that_other_programs_may_read_differently_is_refused(spelled: Callable[[bytes], bytes]) -> None:
    rows, proof = released(table())
    data = spelled(written(rows))
    assert data != written(rows)
    with pytest.raises(verify.Mismatch):
        verify.check_table(data, proof)


@given(st.lists(st.text("ab,;\"'\r\n\t =é中", max_size=9)))
def test_what_the_gateway_writes_is_read_back_as_it_was(cells: list[str]) -> None:
    source = Table.of(("a",), [cells or [""]]).frame.to_series()
    lines = b"".join(f"{cell},x\r\n".encode() for cell in write_csv._quoted(source))
    headers, columns = verify.read_table(b"\xef\xbb\xbfa,Prepared for\r\n" + lines, ["a"], "a file")
    assert (headers, columns) == (["a", "Prepared for"], {"a": cells or [""]})


def test_columns_that_stay_shut_are_listed_by_rule() -> None:
    _, proof = released(table())
    some = copy.deepcopy(proof)
    some["columns"] += [{"title": "Customer", "rules": ["pseudonymise TS-1"]}, {"title": "Price", "rules": []}]
    assert verify.table_line(some, 6) == (
        f"files/order-book-01.csv: 6 cells in {len(proof['columns'])} column(s) proven; 1 changed by rule "
        "('pseudonymise TS-1'), so not proven: 'Customer'; "
        f"1 of {len(some['columns'])} column(s) covered by no commitment."
    )
