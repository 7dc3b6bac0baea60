"""The fast ways to read and change a table do what the plain ones do, on tables nobody thought of."""

from __future__ import annotations

import csv
import io
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.base.canon import Json
from gateway.formats import parse_csv, plain_csv
from gateway.formats.cells import CONTROL, RECORD, UNIT, control_free
from gateway.formats.changes import changed
from gateway.formats.coded import NONE, Cells, Coded
from gateway.formats.columns import CellKind
from gateway.formats.model import Case, Notice, Op, Transform, applied
from gateway.formats.problems import TableRefused
from gateway.formats.table import OutTable, cells_of
from gateway.formats.transforms import Unreadable, changer
from gateway.formats.write_csv import written

CELL = st.text(st.sampled_from('ab;,"\n\r\t ü€客\x85\u2028=-'), max_size=6)
RAW = st.lists(st.sampled_from(["a", "b", ",", '"', "\n", "\r\n", "\r", "ü", "客", "\x01", '""']), max_size=40)


def read_by_the_book(text: str, width: int) -> list[list[str]] | None:
    """What the csv module reads, strictly; None where it is no plain table of this width."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        return None
    while rows and not rows[-1]:
        rows.pop()
    even = all(len(row) == width for row in rows)
    return rows if even and not any(CONTROL.search(cell) for row in rows for cell in row) else None


def split(packed: bytes) -> list[list[str]]:
    return [row.split(UNIT) for row in packed.decode().split(RECORD)[:-1]]


def marked_up(text: str, width: int) -> bytes | None:
    """What the fast reader makes of a whole table, or of a part that is checked afterwards; None where it will not."""
    try:
        packed = b"".join(plain_csv.packed_pieces(text.encode(), ","))
        assert plain_csv.even_rows(packed, width) == packed.count(RECORD.encode())
    except plain_csv.NotPlain:
        return None
    return packed


def checked(text: str, width: int) -> pl.DataFrame | None:
    """What the parent makes of a part that nobody has proven even."""
    try:
        return cells_of(b"".join(plain_csv.packed_pieces(text.encode(), ",")), width)
    except (plain_csv.NotPlain, TableRefused):
        return None


@given(st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=8), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=300, deadline=None)
def test_a_table_is_marked_up_as_the_csv_module_reads_it(rows: list[list[str]], ending: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=ending).writerows(rows)
    found, part = marked_up(text.getvalue(), 3), checked(text.getvalue(), 3)
    assert (found is None) == (part is None)
    if found is not None and part is not None:
        assert split(found) == read_by_the_book(text.getvalue(), 3) == [list(row) for row in part.rows()]
    elif not any(CONTROL.search(cell) or "\r" in cell for row in rows for cell in row):
        assert any(row == ["", "", ""] for row in rows) or text.getvalue().strip("\r\n") == ""


@given(RAW)
@settings(max_examples=500, deadline=None)
def test_what_is_not_plain_is_left_to_the_careful_reader(parts: list[str]) -> None:
    text = "x,y\n" + "".join(parts)
    found, part = marked_up(text, 2), checked(text, 2)
    assert (found is None) == (part is None)
    if found is not None and part is not None:
        assert split(found) == read_by_the_book(text, 2) == [list(row) for row in part.rows()]


@given(st.binary(max_size=40), st.sampled_from(["", "\x7f", "\x85", "\u2028", "\x00", "ü\n\t\r"]))
def test_control_characters_are_found_in_bytes_as_in_text(data: bytes, more: str) -> None:
    text = data.decode("utf-8", "ignore") + more
    assert control_free(text.encode()) is (CONTROL.search(text) is None)


NUMBERS = st.one_of(
    st.decimals(-(10**8), 10**8, places=2).map(str), st.integers(-(10**12), 10**12).map(str),
    st.sampled_from(["", " ", "1.234", "x", "0.005", "1234.567", "12,5", "1.5万", "-0", "0.500000000", "€ 5", "5 €"]),
    st.just("١٢"),
)  # fmt: skip
CHANGES: list[tuple[Op, dict[str, Json], str]] = [
    (Op.BUCKET, {"edges": ["-5.5", "0", "10", "1000.25"], "unit": "kg"}, "decimal"),
    (Op.BUCKET, {"edges": ["0.0000000001"]}, "decimal"),
    (Op.ROUND, {"to": "5", "unit": "t"}, "decimal"),
    (Op.ROUND, {"to": "0.25"}, "decimal"),
    (Op.ROUND, {"to": "1E+2"}, "decimal"),
    (Op.MASK, {"keep_last": 2}, "text"),
    (Op.MASK, {}, "text"),
    (Op.ALLOW, {}, "decimal"),
    (Op.ALLOW, {}, "text"),
    (Op.TRUNCATE_DATE, {"to": "month"}, "date"),
]


@pytest.mark.parametrize(("op", "params", "value_type"), CHANGES)
@given(st.lists(NUMBERS, min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_a_column_is_changed_as_cell_by_cell(
    op: Op, params: dict[str, Json], value_type: str, cells: list[str]
) -> None:
    transform = Transform(op, params)
    change = changer(transform, value_type)

    def one(cell: str) -> str | None:
        try:
            return change(cell) if cell.strip() else ""
        except Unreadable:
            return None

    assert changed(transform, value_type, pl.Series(cells)).cells().to_list() == [one(cell) for cell in cells]


WANTED = st.frozensets(st.sampled_from(["yes", "no", "ü"]), min_size=1)
CASES = st.builds(
    Case,
    st.lists(st.tuples(st.sampled_from(["a", "b", "missing"]), WANTED), max_size=2).map(tuple),
    st.sampled_from([Transform(Op.DROP, {}), Transform(Op.ALLOW, {})]),
    st.integers(0, 3),
    st.just("TS"),
    st.just("rule"),
)
FLAG = st.sampled_from(["yes", " YES ", "no", "Ü", "", "perhaps"])


@given(st.lists(CASES, max_size=4).map(tuple), st.lists(st.fixed_dictionaries({"a": FLAG, "b": FLAG}), min_size=1))
@settings(max_examples=200, deadline=None)
def test_the_deciding_case_of_every_row(cases: tuple[Case, ...], rows: list[dict[str, str]]) -> None:
    decided = Cells.of_rows(rows).deciding(cases)
    assert [None if place == NONE else cases[place] for place in decided] == [applied(cases, row) for row in rows]


@given(st.lists(CELL, min_size=1))
def test_a_column_taken_apart_is_the_same_column(cells: list[str]) -> None:
    coded = Coded.of(pl.Series(cells))
    assert coded.cells().to_list() == Coded.whole(pl.Series(cells)).cells().to_list() == cells
    assert len(set(coded.values)) == len(coded.values)


def test_the_careful_reader_and_the_fast_one_give_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    data = "a;b\n" + "".join(f'"{n}; ""x""";ü{n}\r\n'.replace("\r", "") for n in range(50_000))
    fast = parse_csv.parse({}, data.encode())
    monkeypatch.setattr(parse_csv, "_plain", lambda *_: None)
    assert parse_csv.parse({}, data.encode()) == fast


@given(st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=8), st.randoms())
@settings(max_examples=200, deadline=None)
def test_a_table_is_written_as_the_csv_module_writes_it(rows: list[list[str]], random: Random) -> None:
    order = random.sample(range(len(rows)), len(rows))
    columns = tuple(Coded.of(pl.Series([row[at] for row in rows], dtype=pl.String)) for at in range(2))
    kinds = (CellKind.TEXT, CellKind.TEXT)
    out = OutTable(("a,b", "c"), kinds, columns, np.array(order), "mark", Notice())
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([["a,b", "c"], *(rows[at] for at in order)])
    assert written(out) == text.getvalue().encode("utf-8-sig")
