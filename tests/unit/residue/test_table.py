from __future__ import annotations

import base64
import csv
import io
import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.base.text import has_hidden
from gateway.residue.gate import check
from gateway.residue.model import Finding, Kind, Report, TableExpectation, WithheldSet, WithheldValue
from gateway.residue.table import Malformed, scan
from tests.support.renditions import BODY, FIELDS, HEADERS, MARK, csv_bytes, table_bytes, table_expectation, withheld

SECRET = "Siemens Energy AG"
NOTHING = withheld("Quite another value")


def report(body: object = BODY, secrets: WithheldSet = NOTHING, mark: str = MARK) -> Report:
    return check(table_bytes(body, mark), table_expectation(), secrets)  # type: ignore[arg-type]


def planted(cell: str, row: int = 1, column: int = 2) -> list[list[str]]:
    body = [list(cells) for cells in BODY]
    body[row][column] = cell
    return body


def test_a_clean_table_passes_every_check() -> None:
    found = report(secrets=withheld(SECRET, "4821150.77", "DE", "customer"))
    assert found.clean
    assert found.passed == ("structure", "headers", "rows", "mark", "values", "exact-place", "bounds")
    assert found.counts == {
        "searched": 3, "short_exact_place_only": 1, "subtracted": 0, "empty": 0, "rows": 3, "distinct_cells": 10,
    }  # fmt: skip
    found.require_clean()


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        (SECRET, Kind.VALUE),
        ("for siemens-energy ag, urgent", Kind.VALUE),
        (base64.b64encode(SECRET.encode()).decode(), Kind.ENCODED),
        (base64.b64encode(zlib.compress(SECRET.encode())).decode(), Kind.ENCODED),
        (SECRET.encode().hex(), Kind.ENCODED),
        (SECRET.replace(" ", "%20"), Kind.ENCODED),
        (f"line one\n{SECRET}", Kind.VALUE),
    ],
)
def test_a_planted_value_is_found_where_it_stands(cell: str, kind: Kind) -> None:
    assert report(planted(cell), withheld(SECRET)).findings == (Finding(kind, "row 2 column 3", "column/7"),)


def test_a_number_in_another_notation_is_found() -> None:
    assert report(planted("4.821.150,77"), withheld("4821150.77")).findings == (
        Finding(Kind.NUMBER, "row 2 column 3", "column/7"),
    )


@pytest.mark.parametrize(("raw", "cell"), [("500", "500,0"), ("DE", "de"), ("2025-03-14", "14.03.2025")])
def test_a_cell_that_was_not_changed_is_found_however_short(raw: str, cell: str) -> None:
    secrets = WithheldSet((WithheldValue(raw, "column/4 row 9"),))
    assert report(planted(cell, column=1), secrets).findings == (
        Finding(Kind.EXACT_PLACE, "row 2 column 2", "column/4"),
    )
    assert report(planted(cell, column=2), secrets).clean


def test_a_short_value_that_is_shown_lawfully_elsewhere_in_its_field_passes() -> None:
    secrets = WithheldSet((WithheldValue("DE", "column/4 row 9"),), shown=frozenset({"DE"}))
    assert report(planted("DE", column=1), secrets).clean


def test_bytes_passed_through_from_the_original_are_blocked() -> None:
    original = csv_bytes(
        [["Customer", "Quantity", "Remarks", "Contact"], ["Acme Motors", "512", "", "a.b@acme.example"]]
    )
    found = check(original, table_expectation(1), withheld("Acme Motors", "a.b@acme.example"))
    assert {Kind.HEADERS, Kind.MARK, Kind.VALUE} <= {finding.kind for finding in found.findings}


def test_headers_are_the_expected_ones() -> None:
    headers = ["Kunde", *HEADERS[1:]]
    rows = [[*row, MARK] for row in BODY]
    assert check(csv_bytes([headers, *rows]), table_expectation(), NOTHING).findings == (
        Finding(Kind.HEADERS, "column 1"),
    )
    wider = check(csv_bytes([[*HEADERS, "x"], *([*row, MARK, ""] for row in BODY)]), table_expectation(), NOTHING)
    assert Finding(Kind.HEADERS, "the number of columns") in wider.findings


def test_a_value_in_an_unexpected_header_is_found() -> None:
    headers = [f"Price {SECRET}", *HEADERS[1:]]
    found = check(csv_bytes([headers, *([*row, MARK] for row in BODY)]), table_expectation(), withheld(SECRET))
    assert Finding(Kind.VALUE, "row 0 column 1", "column/1") in found.findings


def test_an_extra_column_is_found_and_searched() -> None:
    rows = [[*row, SECRET, MARK] for row in BODY]
    found = check(csv_bytes([[*HEADERS[:3], "More", HEADERS[3]], *rows]), table_expectation(), withheld(SECRET))
    assert {finding.kind for finding in found.findings} == {Kind.HEADERS, Kind.VALUE}


def test_fields_must_match_the_headers() -> None:
    expected = TableExpectation(HEADERS, FIELDS[:2], MARK, len(BODY))
    assert check(table_bytes(), expected, NOTHING).findings[0].kind is Kind.HEADERS


def test_every_row_carries_the_mark() -> None:
    rows = [[*row, MARK] for row in BODY]
    rows[2][3] = MARK.replace("2026", "2025")
    assert check(csv_bytes([HEADERS, *rows]), table_expectation(), NOTHING).findings == (Finding(Kind.MARK, "row 3"),)


def test_rows_are_counted() -> None:
    assert check(table_bytes(), table_expectation(4), NOTHING).findings == (Finding(Kind.ROWS, "the number of rows"),)


def test_the_mark_may_name_a_withheld_recipient() -> None:
    assert report(secrets=withheld("Baotou Rare Earth Supply Co.")).clean


BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    "data",
    [
        b"abc,d\r\n1,2\r\n",
        BOM + b"a,b\r\n1,2\n3\r\n",
        BOM + b"a,b\r\n1,2\r3\r\n",
        BOM + b"a,b\n1,2\n",
        BOM + b"a,b\r\n1,2",
        BOM + b"a,b\r\n1\r\n",
        BOM + b"a,b\r\n1,2,3\r\n",
        BOM + b"a,b\r\n\r\n1,2\r\n",
        BOM + b"a,b\r\n1,\x002\r\n",
        BOM + b"a,b\r\n1,\x1b2\r\n",
        BOM + b"a,b\r\n1,2\r\n\x1a",
        BOM + b"a,b\r\n1,2\r\n" + BOM + b"\r\n",
        BOM + b'a,b\r\n1,"2"\r\n',
        BOM + b'a,b\r\n1,2"\r\n',
        BOM + b'a,b\r\n1,"2"x"\r\n',
        BOM + b'a,b\r\n1,"2,\r\n',
        BOM + b'a,b\r\n1,"2," \r\n',
        BOM + b"a,b\r\n1,\xff\r\n",
        BOM + "a,b\r\n1,\x85\r\n".encode(),
        BOM + "a,b\r\n1,\u2028\r\n".encode(),
        BOM + "a,b\r\n1,\u200b\r\n".encode(),
        BOM + "a,b\r\n1,\u202e\r\n".encode(),
        b"\xff\xfe" + "a,b\r\n1,2\r\n".encode("utf-16-le"),
        BOM,
        b"",
    ],
)
def test_a_table_in_any_other_form_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        scan(data)
    assert check(data, table_expectation(), NOTHING).findings[0].kind is Kind.STRUCTURE


def test_a_malformed_table_is_searched_all_the_same() -> None:
    found = check(table_bytes() + SECRET.encode(), table_expectation(), withheld(SECRET))
    assert [finding.kind for finding in found.findings] == [Kind.STRUCTURE, Kind.VALUE]


_CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])
_CELL = st.text(_CHARACTERS.filter(lambda character: not has_hidden(character)))
_ANY_CELL = st.one_of(_CELL, st.text(alphabet='a,"\r\n\t '))


@settings(deadline=None)
@given(
    st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(_ANY_CELL, min_size=width, max_size=width), min_size=1))
)
def test_reads_what_the_standard_writer_writes(rows: list[list[str]]) -> None:
    assert scan(csv_bytes(rows)) == rows


def test_many_findings_are_bounded_and_listed_in_part() -> None:
    rng = random.Random(3)
    body = [[f"{SECRET} {rng.randrange(10**9)}", "", ""] for _ in range(3000)]
    found = check(table_bytes(body), table_expectation(3000), withheld(SECRET))
    told = found.to_json()
    assert 100 < len(found.findings) <= 1000
    assert isinstance(told["findings"], list)
    assert len(told["findings"]) == 100
    assert told["findings_total"] == len(found.findings)


def test_a_large_table_is_searched_in_seconds() -> None:
    import time

    rng = random.Random(5)
    body = [[f"P-{rng.randrange(10**8):08d}", "≥500 kg", f"unit {row}"] for row in range(20_000)]
    secrets = withheld(*(f"Customer {rng.randrange(10**9)} GmbH" for _ in range(40_000)))
    data = table_bytes(body)
    start = time.process_time()
    assert check(data, table_expectation(20_000), secrets).clean
    assert time.process_time() - start < 10


def test_columns_may_be_read_by_other_readers_too() -> None:
    text = table_bytes().decode("utf-8-sig")
    assert scan(table_bytes()) == list(csv.reader(io.StringIO(text, newline="")))
