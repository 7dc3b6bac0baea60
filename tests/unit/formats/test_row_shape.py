"""A shape reads a row as the reader of single cells does, or leaves it to that."""

from __future__ import annotations

from datetime import datetime

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.formats.grid import Grid
from gateway.formats.proven_xml import ProvenText
from gateway.formats.row_shape import Cell, RowShape
from gateway.formats.sheet_values import NUMBER, PERCENT, Values
from gateway.formats.sheet_xlsx import Sheet
from gateway.sandbox.task import TaskRefused

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
NUMBERS = st.one_of(
    st.from_regex(r"-?[0-9]{1,12}(\.[0-9]{1,9})?", fullmatch=True),
    st.sampled_from(["", "-0", "-0.0", "00", "0.00", "5.00", "1.234", "1.2340", "1.20", "120", "1200000000000", "1e3"]),
)
TEXTS = st.sampled_from(["", "plain", "a &amp; b", "_x0041_", "two\nlines", "\u4e2d\u6587", "1.5"])
SORTS = {"": NUMBERS, ' s="1"': NUMBERS, ' t="str"': TEXTS, ' t="s"': st.sampled_from(["0", "1", "", "7"])}


@st.composite
def cells(draw: st.DrawFn, place: str) -> str:
    sort = draw(st.sampled_from([*SORTS, ' t="inlineStr"']))
    if draw(st.integers(0, 7)) == 0:
        return f'<c r="{place}"{sort}/>'
    if sort == ' t="inlineStr"':
        return f'<c r="{place}"{sort}><is><t>{draw(TEXTS)}</t></is></c>'
    return f'<c r="{place}"{sort}><v>{draw(SORTS[sort])}</v></c>'


class _Rows(Grid):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, list[str]]] = []

    def add(self, number: int, cells: list[str], *, hidden: bool) -> None:
        del hidden
        self.seen.append((number, cells))


def read(rows: list[list[str]], *, shaped: bool) -> object:
    body = "".join(f'<row r="{at}">{"".join(row)}</row>' for at, row in enumerate(rows, 1))
    document = f'<worksheet xmlns="{MAIN}"><sheetData>{body}</sheetData></worksheet>'.encode()
    sheet = Sheet(Values(["zero", "one"], [NUMBER, PERCENT], datetime(1899, 12, 30)))  # noqa: DTZ001
    grid = _Rows()
    if not shaped:
        sheet._shapes = 1 << 30
    try:
        sheet.read(ProvenText([document]), grid)
    except TaskRefused as refused:
        return refused.code, refused.numbers
    return grid.seen


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_rows_are_read_alike_with_and_without_shapes(data: st.DataObject) -> None:
    rows = [[data.draw(cells(f"{letter}{row}")) for letter in "AB"] for row in range(1, 6)]
    assert read(rows, shaped=True) == read(rows, shaped=False)


@given(NUMBERS, NUMBERS)
@example("1.5", "1200000000000")
@example("1.5", "1.2340")
@example("1.5", "-0.0")
def test_numbers_under_one_another_are_read_alike(first: str, second: str) -> None:
    rows = [[f'<c r="A{at}"><v>{stored}</v></c>'] for at, stored in enumerate((first, second), 1)]
    assert read(rows, shaped=True) == read(rows, shaped=False)


def test_a_row_is_told_by_its_number_and_every_cell_repeats_it() -> None:
    shape = RowShape("", [Cell("A", None, None, None), Cell("B", None, "str", None)])
    second = '<c r="B{}" t="str"><v>x</v></c>'
    assert shape.cells('<c r="A2"><v>1.50</v></c>' + second.format(2), 2) == ["1.5", "x"]
    assert shape.cells('<c r="A2"><v>1.50</v></c>' + second.format(2), 3) is None
    assert shape.cells('<c r="A2"><v>1.50</v></c>' + second.format(3), 2) is None
