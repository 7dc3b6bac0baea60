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
        self.seen: list[tuple[int, list[str], bool]] = []

    def add(self, number: int, cells: list[str], *, hidden: bool) -> None:
        self.seen.append((number, cells, hidden))

    def extend(self, number: int, rows: list[list[str]]) -> None:
        for at, cells in enumerate(rows, number):
            self.add(at, cells, hidden=False)


def read(rows: list[list[str]], *, shaped: bool) -> object:
    return read_xml(*(f'<row r="{at}">{"".join(row)}</row>' for at, row in enumerate(rows, 1)), shaped=shaped)


def read_xml(*rows: str, shaped: bool, piece_bytes: int = 40, root: str = "") -> object:
    """What the rows hold, given in pieces, or why they are refused: whatever is read behind the first piece."""
    document = f'<worksheet xmlns="{MAIN}"{root}><sheetData>{"".join(rows)}</sheetData></worksheet>'.encode()
    sheet = Sheet(Values(["zero", "one"], [NUMBER, PERCENT], datetime(1899, 12, 30)))  # noqa: DTZ001
    grid = _Rows()
    if not shaped:
        sheet._shapes = 1 << 30
    try:
        sheet.read(ProvenText(document[at : at + piece_bytes] for at in range(0, len(document), piece_bytes)), grid)
    except TaskRefused as refused:
        return refused.code, refused.numbers
    return grid.seen


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_rows_are_read_alike_with_and_without_shapes(data: st.DataObject) -> None:
    rows = [[data.draw(cells(f"{letter}{row}")) for letter in "AB"] for row in range(1, 6)]
    assert read(rows, shaped=True) == read(rows, shaped=False)


@settings(deadline=None)
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


FOREIGN = st.sampled_from(
    [
        *("<!-- ", " -->", "<!--x-->", "<![CDATA[", "]]>", "<?x ", "?>", "<row>", "</row>", "</sheetData>", "<c", "&"),
        *('"', "'", "<", ">", "/>", "\x01", "\ufffe", "\x7f", "\n", "  ", ' hidden="1"', ' r="9"', "<x:c/>", "<f/>"),
        *("&lt;", "_x0041_", "&#1;", 'xmlns="urn:x"', "<v>1</v>", "\u00e9", "</v>", "</worksheet>", "<extLst/>"),
    ]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.sampled_from(["", ' spans="1:2"', ' ht="15" customHeight="1"', ' hidden="1"']))
def test_what_does_not_belong_is_found_with_and_without_shapes(data: st.DataObject, opening: str) -> None:
    """Rows that are shown to nobody but their shape's expression hide nothing that expat would have refused."""
    rows = "".join(
        f'<row r="{row}"{opening if row > 1 else ""}><c r="A{row}"><v>{row}</v></c><c r="B{row}" t="inlineStr"><is><t>x'
        f"{row}</t></is></c></row>"
        for row in range(1, 9)
    )
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(0, len(rows)))
        rows = rows[:place] + data.draw(FOREIGN) + rows[place + data.draw(st.integers(0, 3)) :]
    pieces = data.draw(st.sampled_from([40, 97, 300, 1 << 20]))
    with_shapes = read_xml(rows, shaped=True, piece_bytes=pieces)
    without = read_xml(rows, shaped=False, piece_bytes=pieces)
    assert with_shapes == without or {type(with_shapes), type(without)} == {tuple}


def test_a_row_in_a_comment_that_began_before_it_is_no_row() -> None:
    row = '<row r="{0}"><c r="A{0}"><v>1</v></c></row>'.format
    for hiding in ("<!--{}-->", "<?x {}?>", "<![CDATA[{}]]>", "<x>{}</x>", '<x a="{}"/>'):
        before, behind = hiding.split("{}")
        rows = [row(1), row(2), before, *map(row, range(3, 9)), behind, row(9)]
        assert isinstance(read_xml(*rows, shaped=True), tuple), hiding


def test_a_shape_is_learned_anew_for_another_tag_and_never_from_a_hidden_row() -> None:
    row = '<row r="{0}"{1}><c r="A{0}"><v>{0}</v></c></row>'.format
    hidden, tall = ' hidden="1"', ' ht="30" customHeight="1"'
    tags = ["", tall, tall, tall, hidden, hidden, "", "", tall, hidden, tall]
    seen = read_xml(*(row(at, tag) for at, tag in enumerate(tags, 1)), shaped=True)
    assert seen == [(at, [str(at)], tag is hidden) for at, tag in enumerate(tags, 1)]
