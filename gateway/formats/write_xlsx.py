"""A new workbook of two sheets: the table under a neutral name, and a notice of what it is and what is missing.

Every byte is made here: seven members in a fixed order with fixed times, no property, theme, macro, link, comment or
name but the one that repeats the header row in print. Texts stand in their cells as texts, so that nothing is ever
calculated; numbers and days of one meaning are true numbers and days. The mark stands in every row and, as header and
footer, on every printed page.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gateway.formats import sheet_styles as styles
from gateway.formats.coded import Coded, Codes
from gateway.formats.columns import CellKind
from gateway.formats.model import Notice
from gateway.formats.problems import PlanUnfit
from gateway.formats.sheet_numbers import completed, days, no_numbers, numbers
from gateway.formats.table import OutTable

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_ROWS = 1_048_576
MAX_CELL_CHARS = 32_767
MAX_PRINTED_CHARS = 255

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SORT = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_DEFAULT = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
# Half the time of the usual level, for a quarter more bytes.
_LEVEL = 2
_SLICE_ROWS = 1_024
_FITTED_ROWS = 2_000
_WITHHELD = "[withheld"
_TOO_LONG = "A cell is longer than a workbook can hold; let the policy's output be csv."
# What XML cannot hold, and what spreadsheets would read as such an escape.
_TO_ESCAPE = re.compile("\r|\ufffe|\uffff|_(?=x[0-9A-Fa-f]{4}_)")
_SPECIAL = r"[&<>\r\x{fffe}\x{ffff}]|_x"
_WITH_UNIT = r"^-?[0-9]+(?:\.[0-9]+)? ([a-z%][a-z%0-9]{0,9})$"
_KEPT_APART = r"^(-?[1-9][0-9]{0,2}\.[0-9]{3})0$"
_PRESERVED = ' xml:space="preserve"'
_TEXT_END = "</t></is></c>"
_WIDE = re.compile("[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]")
_NARROWEST, _WIDEST = 9, 48
_LINE_POINTS, _HEAD_POINTS, _MOST_LINES = 15, 34, 20
_TALL = frozenset({"heading", "head"})


def written(out: OutTable) -> bytes:
    """The workbook's bytes; the same for the same table. Raises `PlanUnfit` past what a workbook can hold."""
    if len(out.order) >= MAX_ROWS:
        raise PlanUnfit("The table has more rows than a workbook can hold; let the policy's output be csv.")
    cells = [_used(column) for column in out.columns]
    if any((column.values.str.len_chars() > MAX_CELL_CHARS).any() for column in cells):
        raise PlanUnfit(_TOO_LONG)
    sheets = styles.Styles()
    columns = [_Column.of(out, at, coded, sheets) for at, coded in enumerate(cells)]
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for name, text in _fixed_parts(out.notice, sheets):
            archive.writestr(_member(name), _DECLARATION + text)
        with archive.open(_member("xl/worksheets/sheet1.xml"), "w") as member:
            for piece in _made_ahead(_table_sheet(out, columns)):
                member.write(piece)
        archive.writestr(_member("xl/worksheets/sheet2.xml"), _DECLARATION + _notice_sheet(out))
    return sink.getvalue()


def _made_ahead(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, each of which is made while the one before it is deflated."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = thread.submit(next, pieces, None)
            yield piece


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    member.compress_type = zipfile.ZIP_DEFLATED
    member.create_system = 0
    # An archive's own level is not asked for a member that is opened with a head of its own.
    member._compresslevel = _LEVEL  # type: ignore[attr-defined]  # noqa: SLF001
    return member


def _fixed_parts(notice: Notice, sheets: styles.Styles) -> Iterator[tuple[str, str]]:
    overrides = {"workbook": "sheet.main", "styles": "styles", "worksheets/sheet1": "worksheet"}
    overrides["worksheets/sheet2"] = "worksheet"
    types = (
        f'<Override PartName="/xl/{part}.xml" ContentType="{_SORT}.{sort}+xml"/>' for part, sort in overrides.items()
    )
    yield (
        "[Content_Types].xml",
        f'<Types xmlns="{_PACKAGE}/content-types">{_DEFAULT}{"".join(types)}</Types>',
    )
    yield "_rels/.rels", _relations(("officeDocument", "xl/workbook.xml"))
    book = (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><bookViews><workbookView activeTab="0"/></bookViews><sheets>'
        f'<sheet name="{_attribute(notice.sheet)}" sheetId="1" r:id="rId1"/>'
        f'<sheet name="{_attribute(notice.name)}" sheetId="2" r:id="rId2"/></sheets><definedNames>'
        f'<definedName name="_xlnm.Print_Titles" localSheetId="0">{_escaped(_quoted(notice.sheet))}!$1:$1</definedName>'
        "</definedNames></workbook>"
    )
    yield "xl/workbook.xml", book
    targets = (("worksheet", "worksheets/sheet1.xml"), ("worksheet", "worksheets/sheet2.xml"), ("styles", "styles.xml"))
    yield "xl/_rels/workbook.xml.rels", _relations(*targets)
    yield "xl/styles.xml", sheets.xml()


def _relations(*targets: tuple[str, str]) -> str:
    lines = (
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{sort}" Target="{target}"/>'
        for number, (sort, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{"".join(lines)}</Relationships>'


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """How one column's `cells` are written; `read` gives the numbers that stand in them, nothing where a text does."""

    cells: Coded
    order: NDArray[np.intp]
    style: int
    head_style: int
    width: int
    read: Callable[[pl.Series], pl.Series] | None = None
    wraps: bool = False

    @classmethod
    def of(cls, out: OutTable, at: int, coded: Coded, sheets: styles.Styles) -> _Column:
        """The column at this place, its values those that its cells show."""
        kind, order, cells = out.kinds[at], out.order, coded.values
        if at == len(out.columns) - 1:
            # Letters of 8 points are narrower than those of 11 that a column's width is counted in.
            return cls(coded, order, styles.MARK, styles.HEAD, _width([out.mark_text], most=80) * 8 // 11)
        # A long title takes two lines, but no word of it does.
        title = max(_width([out.titles[at]]) // 2 + 2, _width(out.titles[at].split()))
        width = max(title, _width(list(cells.gather(coded.codes[order[:_FITTED_ROWS]]))))
        if kind in {CellKind.DECIMAL, CellKind.INTEGER}:
            return cls(coded, order, sheets.number(_number_format(cells)), styles.HEAD_RIGHT, width, numbers)
        if kind is CellKind.DATE:
            return cls(coded, order, styles.DAY, styles.HEAD_RIGHT, width, days)
        unit = _common_unit(cells) if kind is CellKind.LABEL else None
        if unit:
            tail = f" {unit}"
            look = f'{_number_format(cells.str.strip_suffix(tail))}"{tail}"'
            bare = sheets.number(look)
            read = lambda cells: numbers(cells.str.strip_suffix(tail))  # noqa: E731
            return cls(coded, order, bare, styles.HEAD_RIGHT, width, read)
        wraps = width == _WIDEST or bool(cells.str.contains("\n", literal=True).any())
        return cls(coded, order, styles.TEXT, styles.HEAD, width, wraps=wraps)

    def slice(self, start: int) -> pl.Series:
        """The cells of the slice from this row on, in the rendition's order."""
        return self.cells.values.gather(self._codes(start))

    def writer(self) -> Callable[[int], pl.Series]:
        """What gives the XML of a slice's cells; a value that stands in many of them is written once."""
        values = self.cells.values
        if values.len() * 2 > len(self.order):
            return lambda start: self.fragments(self.slice(start))
        fragments = self.fragments(values)
        return lambda start: fragments.gather(self._codes(start))

    def _codes(self, start: int) -> Codes:
        return self.cells.codes[self.order[start : start + _SLICE_ROWS]]

    def fragments(self, cells: pl.Series) -> pl.Series:
        """The XML of these cells from behind their places on."""
        numbers = self.read(cells) if self.read else None
        if numbers is None:
            return self._text_fragments(cells)
        filled = pl.select(pl.concat_str(pl.lit(f'" s="{self.style}"><v>'), numbers, pl.lit("</v></c>"))).to_series()
        missing = numbers.is_null()
        if not missing.any():
            return filled
        rare = Coded.of(cells.filter(missing))
        texts = Coded(self._text_fragments(rare.values), rare.codes)
        rows = missing.to_numpy()
        return Coded.merged([(rows, texts), (~rows, Coded.whole(filled.filter(~missing)))]).cells()

    def _text_fragments(self, cells: pl.Series) -> pl.Series:
        texts = _escaped_all(cells)
        # A text among numbers stays where texts stand.
        style = self.style if self.style in {styles.TEXT, styles.MARK} else styles.TEXT
        spaced = (cells != cells.str.strip_chars()) | cells.str.contains("\n", literal=True)
        is_empty = cells == ""
        opening = (
            pl.when(is_empty).then(pl.lit(f'" s="{self.style}"/>'))
            .when(cells.str.starts_with(_WITHHELD)).then(pl.lit(_text_opening(styles.WITHHELD)))
            .when(spaced).then(pl.lit(_text_opening(style, _PRESERVED)))
            .otherwise(pl.lit(_text_opening(style)))
        )  # fmt: skip
        closing = pl.when(is_empty).then(pl.lit("")).otherwise(pl.lit(_TEXT_END))
        return pl.select(pl.concat_str(opening, texts, closing)).to_series()


def _used(column: Coded) -> Coded:
    """The column without values that stand in none of its cells: those of the original may be among them."""
    used = np.bincount(column.codes, minlength=column.values.len()) > 0
    if used.all():
        return column
    place = (np.cumsum(used) - 1).astype(np.uint32)
    return Coded(column.values.filter(pl.Series(used)), place[column.codes])


def _text_opening(style: int, keep: str = "") -> str:
    return f'" s="{style}" t="inlineStr"><is><t{keep}>'


def _text_fragment(cell: str, style: int) -> str:
    if not cell:
        return f'" s="{style}"/>'
    if len(cell) > MAX_CELL_CHARS:
        raise PlanUnfit(_TOO_LONG)
    keep = _PRESERVED if cell != cell.strip() or "\n" in cell else ""
    return f"{_text_opening(style, keep)}{_escaped(cell)}{_TEXT_END}"


def _escaped_all(cells: pl.Series) -> pl.Series:
    return completed(cells, cells.zip_with(~cells.str.contains(_SPECIAL), no_numbers(cells)), _escaped)


def _number_format(cells: pl.Series) -> str:
    # The zero that keeps 1.2340 from being a thousand is not one of the original's decimals.
    seen = cells.str.replace(_KEPT_APART, "${1}") if cells.str.contains(_KEPT_APART).any() else cells
    broken = seen.filter(seen.str.contains(r"^-?[0-9]+[.,][0-9]+$"))
    decimals = int(broken.str.strip_chars_start("-0123456789").str.len_bytes().max() or 1) - 1  # type: ignore[arg-type]
    large = cells.str.contains(r"^-?[0-9]{5}").any()
    if decimals > styles.MAX_DECIMALS:
        return "General"
    return f"{'#,##0' if large else '0'}{'.' if decimals else ''}{'0' * decimals}"


def _common_unit(cells: pl.Series) -> str | None:
    """The unit that stands behind every number of the column, if there are only such cells."""
    shown = cells.filter((cells != "") & ~cells.str.starts_with(_WITHHELD))
    units = shown.str.extract(_WITH_UNIT).unique()
    return units[0] if len(units) == 1 else None


def _table_sheet(out: OutTable, columns: list[_Column]) -> Iterator[bytes]:
    letters = [_letters(at + 1) for at in range(len(columns))]
    last = f"{letters[-1]}{len(out.order) + 1}"
    yield (
        f'{_DECLARATION}<worksheet xmlns="{_MAIN}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
        f'<dimension ref="A1:{last}"/><sheetViews><sheetView tabSelected="1" workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f'<sheetFormatPr defaultRowHeight="15"/>{_widths([column.width for column in columns])}<sheetData>'
    ).encode()
    heads = [_text_fragment(title, column.head_style) for title, column in zip(out.titles, columns, strict=True)]
    cells = "".join(f'<c r="{letter}1{head}' for letter, head in zip(letters, heads, strict=True))
    yield f'<row r="1"{_height(_HEAD_POINTS)}>{cells}</row>'.encode()
    writers = [column.writer() for column in columns]
    for start in range(0, len(out.order), _SLICE_ROWS):
        yield _rows(columns, writers, start)
    yield f'</sheetData><autoFilter ref="A1:{last}"/>{_printed(out.mark_text)}</worksheet>'.encode()


def _rows(columns: list[_Column], writers: list[Callable[[int], pl.Series]], start: int) -> bytes:
    """The XML of the rows of one slice, put together column by column."""
    count = min(_SLICE_ROWS, len(columns[0].order) - start)
    number = pl.int_range(start + 2, start + 2 + count, eager=True).cast(pl.String)
    pieces: list[pl.Series | str] = ['<row r="', number, '"', _heights(columns, start, count), ">"]
    for at, writer in enumerate(writers, 1):
        pieces += [f'<c r="{_letters(at)}', number, writer(start)]
    pieces.append("</row>")
    rows = pl.concat_str([pl.lit(piece) for piece in pieces])
    return bytes(pl.select(rows.str.join("").cast(pl.Binary)).item())


def _heights(columns: list[_Column], start: int, count: int) -> pl.Series | str:
    """The height of each row: said only where a text takes more than one line."""
    wrapping = [column for column in columns if column.wraps]
    lines = [1] * count
    for column in wrapping:
        lines = list(map(max, lines, (_lines(cell, column.width) for cell in column.slice(start))))
    return pl.Series([_height(_LINE_POINTS * many) if many > 1 else "" for many in lines]) if wrapping else ""


def _height(points: int) -> str:
    return f' ht="{points}" customHeight="1"'


def _lines(text: str, width: int) -> int:
    """How many lines a text takes in a column of this width, a little generously."""
    needed = sum(-(-(len(line) + len(_WIDE.findall(line))) // (width - 4)) or 1 for line in text.split("\n"))
    return min(needed, _MOST_LINES)


def _notice_sheet(out: OutTable) -> str:
    rows = []
    for at, (look, cells) in enumerate(out.notice.rows(), 1):
        style = styles.NOTICE[look]
        body = "".join(
            f'<c r="{_letters(column)}{at}{_text_fragment(cell, style[min(column, len(style)) - 1])}'
            for column, cell in enumerate(cells, 1)
        )
        lines = max(map(_lines, cells, styles.NOTICE_WIDTHS), default=1) if look == "line" else 1
        height = _height(_LINE_POINTS * lines) if lines > 1 else _height(_HEAD_POINTS) if look in _TALL else ""
        rows.append(f'<row r="{at}"{height}>{body}</row>')
    return (
        f'<worksheet xmlns="{_MAIN}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr><sheetViews>'
        '<sheetView showGridLines="0" workbookViewId="0"/></sheetViews><sheetFormatPr defaultRowHeight="15"/>'
        f"{_widths(styles.NOTICE_WIDTHS)}<sheetData>{''.join(rows)}</sheetData>{_printed(out.mark_text)}</worksheet>"
    )


def _printed(mark_text: str) -> str:
    """Page layout, and the mark above and below every page."""
    line = mark_text.replace("&", "&&")
    if len(line) > MAX_PRINTED_CHARS - 10:
        raise PlanUnfit("The recipient's name is too long for the head of a page; write it shorter.")
    # A blank keeps a mark that begins with a digit from being read as the size of its letters.
    return (
        '<pageMargins left="0.5" right="0.5" top="0.75" bottom="0.75" header="0.3" footer="0.3"/>'
        '<pageSetup paperSize="9" orientation="landscape" fitToHeight="0"/><headerFooter>'
        f"<oddHeader>{_escaped(f'&C&8 {line}')}</oddHeader>"
        f"<oddFooter>{_escaped(f'&L&8 {line}&R&8 &P / &N')}</oddFooter></headerFooter>"
    )


def _widths(widths: list[int]) -> str:
    columns = (f'<col min="{at}" max="{at}" width="{width}" customWidth="1"/>' for at, width in enumerate(widths, 1))
    return f"<cols>{''.join(columns)}</cols>"


def _width(cells: list[str], most: int = _WIDEST) -> int:
    """The width that the longest line needs, in characters; ideographs take two."""
    longest = max(len(line) + len(_WIDE.findall(line)) for cell in cells for line in cell.split("\n"))
    return max(_NARROWEST, min(longest + 3, most))


def _letters(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _quoted(sheet: str) -> str:
    return "'" + sheet.replace("'", "''") + "'"


def _escaped(text: str) -> str:
    if "_x" in text or "\r" in text or not text.isascii():
        text = _TO_ESCAPE.sub(lambda match: f"_x{ord(match[0]):04X}_", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _attribute(text: str) -> str:
    return _escaped(text).replace('"', "&quot;")
