"""Separated tables: comma, semicolon or tab in, one plain RFC 4180 table out.

In: everything is text. The sandboxed reader (`parse_csv`) decides encoding and delimiter and parses strictly; here its
answer is checked again, length by length.
Out: UTF-8 with a byte order mark (without it Excel shows Chinese as rubbish), CRLF, quotes only where needed, the
columns that the plan names under the policy's own titles, the rows in an order keyed on the release, and in the last
column of every row the mark. What the plan does not name does not exist.
"""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate, pairwise
from types import MappingProxyType

from gateway.base.problems import Problem
from gateway.formats import parse_csv
from gateway.formats.columns import Column, Redactions, rendered
from gateway.formats.keyed import row_order, table_digest
from gateway.formats.model import Content, Element, Field, Mark, Plan, Rebuilt, Table
from gateway.formats.problems import NothingNamed, PlanUnfit, TableRefused, TableTooLarge
from gateway.marks import visible
from gateway.sandbox.ports import Limits, Reply, Sandbox
from gateway.sandbox.problems import ParseRefused

PARSE_TASK = "gateway.formats.parse_csv:parse"
MEDIA_TYPE = "text/csv"

_FOREIGN_STARTS = (b"%PDF", b"<", b"{", b"[", b"#!", b"\xff\xd8\xff")
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_NOT_TEXT = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_SENTENCES: Mapping[str, tuple[type[Problem], str]] = {
    "empty": (TableRefused, "The file is empty; send the table itself."),
    "encoding-broken": (
        TableRefused,
        "The file says by its first bytes how it is encoded and then is not; save it anew as CSV in UTF-8.",
    ),
    "encoding-mixed": (
        TableRefused,
        "The file's encoding is mixed or cannot be told with certainty; save it anew as CSV in UTF-8.",
    ),
    "delimiter": (
        TableRefused,
        "No comma, semicolon or tab divides the first rows evenly into cells; save the table as CSV with a header.",
    ),
    "quote": (
        TableRefused,
        "Row {row} has a quotation mark that is not closed or doubled; save the table anew as CSV.",
    ),
    "cell-long": (
        TableTooLarge,
        f"Row {{row}} has a cell of more than {parse_csv.MAX_CELL_CHARS} characters; shorten it.",
    ),
    "blank-row": (TableRefused, "Row {row} is blank; delete it or fill it in."),
    "columns": (TableTooLarge, "The table has more than {most} columns; leave out those that nobody asked for."),
    "rows": (TableTooLarge, "The table has more than {most} rows; split it."),
    "ragged": (
        TableRefused,
        "Row {row} has {cells} cells where the header has {columns}; correct the row or save the table anew as CSV.",
    ),
    "no-rows": (TableRefused, "The table has a header and no rows; there is nothing to disclose in it."),
    "control": (TableRefused, "Row {row} has a control character; remove it and save the table anew as CSV."),
    "header-empty": (TableRefused, "Column {column} has no header; name the column or delete it."),
    "header-twice": (
        TableRefused,
        "The columns {first} and {second} have the same header; rename one of them or delete it.",
    ),
}
_UNCLEAR = TableRefused("The reader's answer about this table does not add up; save the table anew as CSV in UTF-8.")


class TableCsv:
    """The format of separated tables. `classify` says which classes (EMAIL, PHONE, …) a column's values show."""

    name = "table-csv"
    media_types: tuple[str, ...] = (MEDIA_TYPE,)
    extensions: Mapping[str, str] = MappingProxyType({MEDIA_TYPE: "csv"})

    def __init__(self, classify: Callable[[Iterable[str]], frozenset[str]], limits: Limits | None = None) -> None:
        self._classify = classify
        self._limits = limits or Limits()

    def sniff(self, head: bytes) -> str | None:
        """`text/csv` for text whose first line holds a delimiter."""
        if head.startswith(_BYTE_ORDER_MARKS[1:]):
            encoding = "utf-16-le" if head.startswith(b"\xff\xfe") else "utf-16-be"
            head = head[2 : len(head) // 2 * 2].decode(encoding, "replace").encode()
        head = head.removeprefix(_BYTE_ORDER_MARKS[0])
        if _NOT_TEXT.search(head) or head.lstrip().startswith(_FOREIGN_STARTS):
            return None
        lines = head.lstrip().splitlines()
        return MEDIA_TYPE if lines and any(d.encode() in lines[0] for d in parse_csv.DELIMITERS) else None

    def read(self, untrusted_original: bytes, media_type: str, sandbox: Sandbox) -> Table:
        """The table, all cells text. Raises `TableRefused` or `TableTooLarge` with the row and what to do."""
        del media_type
        try:
            reply = sandbox.run(PARSE_TASK, {}, untrusted_original, self._limits)
        except ParseRefused as refused:
            kind, sentence = _SENTENCES.get(refused.code, (None, ""))
            if kind is None:
                raise
            try:
                raise kind(sentence.format_map(refused.numbers)) from refused
            except KeyError:
                raise _UNCLEAR from refused
        return _checked_table(reply)

    def survey(self, content: Content) -> tuple[Field, ...]:
        """One field per column, numbered from 1; `count` is how many of its cells are not empty."""
        table = _table(content)
        return tuple(
            Field(
                id=f"column/{number}",
                element=Element.COLUMN,
                label=header,
                name=None,
                classes=self._classify(cells),
                count=sum(1 for cell in cells if cell.strip()),
            )
            for number, (header, cells) in enumerate(zip(table.headers, table.columns, strict=True), 1)
        )

    def values(self, content: Content, field: Field) -> tuple[str, ...]:
        """The column's cells in row order."""
        return _column(_table(content), field.id)

    def rebuild(self, content: Content, plan: Plan, mark: Mark, secret: bytes) -> Rebuilt:
        """The rendition: named columns, changed cells, keyed row order, the mark in every row.

        `redactions` counts cells: those withheld per rule (`default` where no rule applied), `format:formula` those
        whose first character a spreadsheet would have calculated, `format:hidden-character` those that lost one.
        """
        table = _table(content)
        digest = table_digest(table.headers, table.columns)
        columns = [Column(i, _column(table, i.field_id)) for i in plan.instructions if i.element is Element.COLUMN]
        named = {column.instruction.field_id for column in columns}
        if len(named) != len(columns):
            raise PlanUnfit("The plan names a column twice; make the rendition anew.")
        redactions = Redactions()
        for number in range(1, len(table.headers) + 1):
            if f"column/{number}" not in named:
                redactions.add("default", table.row_count)
        kept = rendered(columns, secret, digest, redactions)
        if not kept:
            raise NothingNamed("The policy lets no column of this table leave; leave the table out of the release.")
        headers = (*kept, visible.TABLE_HEADER)
        if len({header.casefold() for header in headers}) != len(headers):
            raise PlanUnfit("Two columns of the rendition would have the same title; answer which one is meant.")
        order = row_order(secret, digest, table.row_count)
        data = _written(headers, kept, order, _mark_cell(mark))
        return Rebuilt(data, MEDIA_TYPE, redactions.counts(), headers=headers)


def _table(content: Content) -> Table:
    if not isinstance(content, Table):
        raise TypeError("this format rebuilds tables")
    return content


def _column(table: Table, field_id: str) -> tuple[str, ...]:
    kind, _, number = field_id.partition("/")
    if kind != "column" or not number.isdecimal() or not 1 <= int(number) <= len(table.columns):
        raise PlanUnfit("The plan names a column that this table does not have; make the rendition anew.")
    return table.columns[int(number) - 1]


def _mark_cell(mark: Mark) -> str:
    cell = visible.table_cell(mark.text)
    if cell[0] in "=+-@":
        raise PlanUnfit("The recipient's name begins with a sign that spreadsheets calculate; write it without.")
    return cell


def _written(headers: tuple[str, ...], kept: Mapping[str, list[str]], order: list[int], mark_cell: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(headers)
    columns = [[cells[row] for row in order] for cells in kept.values()]
    writer.writerows(zip(*columns, [mark_cell] * len(order), strict=True))
    return text.getvalue().encode("utf-8-sig")


def _checked_table(reply: Reply) -> Table:
    """The reply as a table; nothing in it is believed before it is checked."""
    header = reply.header
    width, rows, encoding, delimiter = (header.get(name) for name in ("columns", "rows", "encoding", "delimiter"))
    if not isinstance(width, int) or not 2 <= width <= parse_csv.MAX_COLUMNS or len(reply.blobs) != 2 * (width + 1):
        raise _UNCLEAR
    if not isinstance(rows, int) or not 1 <= rows <= parse_csv.MAX_ROWS:
        raise _UNCLEAR
    if encoding not in {"utf-8", "utf-16", "gb18030", "cp1252"} or delimiter not in parse_csv.DELIMITERS:
        raise _UNCLEAR
    packed = list(zip(reply.blobs[::2], reply.blobs[1::2], strict=True))
    headers = _unpacked(*packed[0], cells=width)
    if not all(headers) or len({header.casefold() for header in headers}) != width:
        raise _UNCLEAR
    columns = tuple(_unpacked(lengths, text, cells=rows) for lengths, text in packed[1:])
    return Table(headers, columns, str(encoding), str(delimiter))


def _unpacked(lengths_blob: bytes, text_blob: bytes, *, cells: int) -> tuple[str, ...]:
    lengths: array[int] = array("I")
    if len(lengths_blob) != cells * lengths.itemsize:
        raise _UNCLEAR
    lengths.frombytes(lengths_blob)
    try:
        text = text_blob.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        raise _UNCLEAR from error
    if sum(lengths) != len(text) or max(lengths) > parse_csv.MAX_CELL_CHARS or "\0" in text:
        raise _UNCLEAR
    return tuple(text[start:end] for start, end in pairwise(accumulate(lengths, initial=0)))
