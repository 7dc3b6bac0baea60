"""The bytes of a workbook are the same for the same table, in this version and in the next."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import polars as pl
import pytest

from gateway.formats import write_xlsx
from gateway.formats.coded import Coded
from gateway.formats.columns import CellKind
from gateway.formats.model import Notice
from gateway.formats.problems import PlanUnfit
from gateway.formats.table import OutTable

FROZEN = Path(__file__).parents[2] / "vectors" / "workbook" / "table.xlsx"
MARK = "Example & Sons · rel_01jabcdefghjkmnpqrstvwxyz0"
COLUMNS = {
    "Amount": (CellKind.DECIMAL, ["12.50", "-0", "[withheld: TS]", "1,234.56"]),
    "Share": (CellKind.DECIMAL, ["1.2340", "", "0.5", "1.234"]),
    "Weight": (CellKind.LABEL, ["100 kg", "2500 kg", "", "0.5 kg"]),
    "Day": (CellKind.DATE, ["2025-01-31", "31.12.2025", "1900-01-01", ""]),
    "Remark": (CellKind.TEXT, ["a < b & c", " space ", "two\nlines", "_x0041_\r中文"]),
}


def table() -> OutTable:
    columns = [Coded.of(pl.Series(cells)) for _, cells in (*COLUMNS.values(), ("", [MARK] * 4))]
    kinds = (*(kind for kind, _ in COLUMNS.values()), CellKind.TEXT)
    return OutTable((*COLUMNS, "Mark"), kinds, tuple(columns), np.arange(4), MARK, Notice())


def members(data: bytes) -> list[tuple[str, object, bytes]]:
    # Not the deflated bytes: those are the compressor's, and another version of it may find shorter ones.
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(one.filename, (one.date_time, one.create_system), archive.read(one)) for one in archive.infolist()]


def test_the_bytes_are_the_frozen_ones() -> None:
    data = write_xlsx.written(table())
    assert write_xlsx.written(table()) == data
    assert members(data) == members(FROZEN.read_bytes())


def test_another_reader_finds_numbers_days_and_texts() -> None:
    page = openpyxl.load_workbook(io.BytesIO(write_xlsx.written(table()))).worksheets[0]
    rows = [tuple(cell.value for cell in row[:4]) for row in page.iter_rows(min_row=2)]
    assert [row[0] for row in rows] == [12.5, 0, "[withheld: TS]", 1234.56]
    assert [row[1] for row in rows] == [1.234, None, 0.5, "1.234"]
    assert [row[2] for row in rows] == [100, 2500, None, 0.5]
    assert [str(row[3])[:10] for row in rows] == ["2025-01-31", "2025-12-31", "1900-01-01", "None"]
    assert page.cell(2, 2).number_format == "0.000"
    assert [page.cell(row, 5).value for row in (2, 3, 4)] == ["a < b & c", " space ", "two\nlines"]


def test_a_cell_longer_than_a_workbook_holds_is_refused() -> None:
    cells = [["x" * (write_xlsx.MAX_CELL_CHARS + 1)], [MARK]]
    columns = tuple(Coded.of(pl.Series(one)) for one in cells)
    out = OutTable(("Text", "Mark"), (CellKind.TEXT, CellKind.TEXT), columns, np.arange(1), MARK, Notice())
    with pytest.raises(PlanUnfit):
        write_xlsx.written(out)
