"""Workbooks are read for what their cells show, and for nothing else."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime, time
from typing import Any

import openpyxl
import pytest
from python_calamine import CalamineWorkbook

from gateway.base.problems import Problem
from gateway.formats.model import Table
from gateway.formats.problems import SheetUnclear, TableRefused, TableTooLarge
from gateway.formats.table_workbook import ODS, PARSE_TASKS, TableWorkbook
from gateway.formats.write_xlsx import MEDIA_TYPE as XLSX
from gateway.sandbox.process import ProcessSandbox
from tests.support import workbooks
from tests.support.planted_workbook import packed, parts_of

FORM = TableWorkbook(lambda _values: frozenset())
ROWS = (("Name", "Amount"), ("one", "1.5"), ("two", "2"))


@pytest.fixture(scope="module")
def sandbox() -> ProcessSandbox:
    return ProcessSandbox(tuple(PARSE_TASKS.values()))


def read(data: bytes, sandbox: ProcessSandbox, media_type: str = XLSX, sheet: str | None = None) -> Table:
    return FORM.read(data, media_type, sandbox, {"sheet": sheet} if sheet else {})


def cells(table: Table) -> list[tuple[str, ...]]:
    return [tuple(row) for row in table.frame.iter_rows()]


def typed(values: list[Any], formats: dict[int, str] | None = None, *, old: bool = False) -> bytes:
    """One row of these values under headers, each perhaps with a number format."""
    made = openpyxl.Workbook()
    if old:
        made.epoch = datetime(1904, 1, 1)  # noqa: DTZ001
    page: Any = made.active
    page.append([f"H{at}" for at in range(len(values))])
    page.append(values)
    for at, code in (formats or {}).items():
        page.cell(2, at + 1).number_format = code
    return workbooks.saved(made)


@pytest.mark.parametrize("old", [False, True], ids=["1900", "1904"])
def test_values_come_as_cells_show_them(old: bool, sandbox: ProcessSandbox) -> None:
    values = [
        77.34999999999999, 1e20, -3, 0.1 + 0.2, 1.234, 0.153, date(2024, 1, 1), datetime(2024, 5, 6, 7, 8, 9),  # noqa: DTZ001
        time(3, 4, 5), True, "a & <b>\nnext", " 中文 ", date(1960, 2, 28),
    ]  # fmt: skip
    table = read(typed(values, {5: "0.0%"}, old=old), sandbox)
    assert cells(table) == [
        ("77.35", "100000000000000000000", "-3", "0.3", "1.2340", "15.3%", "2024-01-01", "2024-05-06T07:08:09",
         "03:04:05", "TRUE", "a & <b>\nnext", " 中文 ", "1960-02-28"),
    ]  # fmt: skip


def test_another_reader_reads_the_same(sandbox: ProcessSandbox) -> None:
    data = typed([1.5, 12, "text", date(2025, 3, 4)])
    oracle = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()[1]
    assert [str(cell).removesuffix(".0") for cell in oracle] == list(cells(read(data, sandbox))[0])


def test_ods_gives_the_same_table(sandbox: ProcessSandbox) -> None:
    rows = (("Name", "Amount", "Day"), ("a\nb", "1.5", "2025-03-04"), ("", "2", "2025-01-01"))
    table = read(workbooks.ods(rows), sandbox, ODS)
    assert (table.headers, cells(table)) == (rows[0], list(rows[1:]))


def test_hidden_rows_are_left_out_and_counted(sandbox: ProcessSandbox) -> None:
    made = workbooks.workbook(ROWS)
    page: Any = made.active
    page.row_dimensions[2].hidden = True
    table = read(workbooks.saved(made), sandbox)
    assert cells(table) == [("two", "2")]
    assert FORM.left_behind(table)["format:hidden-row"] == 1


def test_which_of_several_sheets_is_asked_and_a_hidden_one_is_never_read(sandbox: ProcessSandbox) -> None:
    made = workbooks.workbook(ROWS, sheet="first")
    made.create_sheet("second").append(["Name"])
    hidden = made.create_sheet("third")
    hidden.append(["Name"])
    hidden.sheet_state = "veryHidden"
    data = workbooks.saved(made)
    with pytest.raises(SheetUnclear, match="2 visible sheets"):
        read(data, sandbox)
    assert len(cells(read(data, sandbox, sheet="first"))) == 2
    with pytest.raises(TableRefused, match="no visible sheet"):
        read(data, sandbox, sheet="third")


def changed(part: str, old: str, new: str, data: bytes | None = None) -> bytes:
    parts = parts_of(data or workbooks.xlsx(ROWS))
    text = parts[part].decode()
    assert old in text
    parts[part] = text.replace(old, new, 1).encode()
    return packed(parts)


SHEET = "xl/worksheets/sheet1.xml"
REFUSED = {
    "a formula without a value": (changed(SHEET, "<v>1.5</v>", "<f>1+0.5</f><v/>"), "formula in the cell B2"),
    "an error": (changed(SHEET, '<c r="B2" t="n"><v>1.5</v>', '<c r="B2" t="e"><v>#REF!</v>'), "B2 holds an error"),
    "merged cells": (changed(SHEET, "</sheetData>", '</sheetData><mergeCells><mergeCell ref="A2:A3"/></mergeCells>'),
                     "cell A2 is merged"),
    "a title": (workbooks.xlsx((("Our customers",), *ROWS)), "Row 1 is a title"),
    "a cell beside": (workbooks.xlsx((*ROWS, ("three", "3", "", "note"))), "cell D4 stands beside"),
    "a blank row": (workbooks.xlsx((*ROWS, ("", ""), ("three", "3"))), "Row 4 is blank"),
    "no header": (workbooks.xlsx((("Name", "", "Amount"), ("one", "x", "1"))), "header in column 2"),
    "a document type": (changed(SHEET, "<worksheet", '<!DOCTYPE x [<!ENTITY a "b">]><worksheet'), "damaged"),
    "a string that is not there": (changed(SHEET, '<c r="B2" t="n"><v>1.5', '<c r="B2" t="s"><v>99'), "cell B2 cannot"),
    "a binary workbook": (
        changed("[Content_Types].xml", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
                "application/vnd.ms-excel.sheet.binary.macroEnabled.main"), "xlsb"),
    "bytes behind the end": (workbooks.xlsx(ROWS) + b"x", "before its beginning or behind its end"),
    "bytes before the beginning": (b"x" + workbooks.xlsx(ROWS), "before its beginning"),
    "a compound file": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "password"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_one_meaning_is_refused_with_its_place(name: str, sandbox: ProcessSandbox) -> None:
    data, words = REFUSED[name]
    with pytest.raises(TableRefused, match=words) as caught:
        read(data, sandbox)
    assert caught.value.detail.endswith(".")


def bomb(member: int, count: int) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(count):
            archive.writestr(f"xl/{number}.xml", bytes(member))
    return sink.getvalue()


@pytest.mark.parametrize(("member", "count"), [(8 << 20, 2), (0, 2001)], ids=["ratio", "members"])
def test_a_bomb_is_refused_before_it_is_inflated(member: int, count: int, sandbox: ProcessSandbox) -> None:
    with pytest.raises(TableTooLarge):
        read(bomb(member, count), sandbox)


def test_names_that_climb_or_stand_twice_are_refused(sandbox: ProcessSandbox) -> None:
    for names in (("../x", "b"), ("/x", "b"), ("a", "A")):
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w") as archive:
            for name in names:
                archive.writestr(name, "x")
        with pytest.raises(Problem, match="damaged"):
            read(sink.getvalue(), sandbox)


def test_old_and_locked_files_are_told_what_to_become_on_arrival() -> None:
    with pytest.raises(TableRefused, match="save it as XLSX"):
        FORM.sniff(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64))
