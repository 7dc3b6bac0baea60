"""Tables whatever file they come in: read strictly, surveyed column by column, rebuilt from the plan alone.

In: a format's sandboxed reader parses; `table_of` believes nothing in its answer before it is checked.
Out: the columns that the plan names under the policy's own titles, the rows in an order keyed on the release, and in
the last column of every row the mark, as an `OutTable` that the format writes. What the plan does not name does not
exist.
"""

from __future__ import annotations

import abc
import codecs
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gateway.base.canon import Json
from gateway.base.problems import Problem
from gateway.base.progress import Steps, unwatched
from gateway.detect.money import with_heading
from gateway.formats.cells import MAX_CELL_CHARS, MAX_COLUMNS, MAX_ROWS, RECORD, UNIT, low_bytes
from gateway.formats.coded import Coded
from gateway.formats.columns import CellKind, Column, OutColumn, Redactions, rendered
from gateway.formats.grouped import Grouped, grouped
from gateway.formats.keyed import row_order
from gateway.formats.model import (
    Content,
    Element,
    Field,
    Mark,
    Notice,
    Plan,
    Rebuilt,
    Released,
    Table,
    TableOutput,
    column_id,
)
from gateway.formats.ports import NOTHING
from gateway.formats.problems import NoSuchPage, NothingNamed, PlanUnfit, TableRefused, TableTooLarge
from gateway.formats.surface import NO_PAGES, Spot, Surface
from gateway.marks import visible
from gateway.sandbox.ports import Limits, Reply, Sandbox
from gateway.sandbox.problems import ParseRefused

Sentences = Mapping[str, tuple[type[Problem], str]]
SourceCheck = Callable[[Mapping[str, Json]], Mapping[str, str] | None]

SENTENCES: Sentences = MappingProxyType(
    {
        "cell-long": (
            TableTooLarge,
            f"Row {{row}} has a cell of more than {MAX_CELL_CHARS} characters; shorten it.",
        ),
        "blank-row": (TableRefused, "Row {row} is blank; delete it or fill it in."),
        "columns": (TableTooLarge, "The table has more than {most} columns; leave out those that nobody asked for."),
        "rows": (TableTooLarge, "The table has more than {most} rows; split it."),
        "no-rows": (TableRefused, "The table has a header and no rows; there is nothing to disclose in it."),
        "control": (TableRefused, "Row {row} has a control character; remove it and save the table anew."),
        "header-empty": (TableRefused, "Column {column} has no header; name the column or delete it."),
        "header-twice": (
            TableRefused,
            "The columns {first} and {second} have the same header; rename one of them or delete it.",
        ),
    }
)
OUTPUTS: Mapping[TableOutput, str] = MappingProxyType(
    {
        TableOutput.CSV: "text/csv",
        TableOutput.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }
)
UNCLEAR = TableRefused("The reader's answer about this table does not add up; save the table anew and send it again.")


@dataclass(frozen=True, slots=True)
class OutTable:
    """A rendition before it is written: a title, a kind and the cells per column, the mark's column last.

    `order` says for every place which row of the columns stands there.
    A cell of a column that holds numbers or days may still be empty or say that it is withheld, and what stands as
    the original wrote it (`1.234,56`) may have two meanings: a writer of true numbers writes text where in doubt.
    """

    titles: tuple[str, ...]
    kinds: tuple[CellKind, ...]
    columns: tuple[Coded, ...]
    order: NDArray[np.intp]
    mark_text: str
    notice: Notice


@dataclass(frozen=True, slots=True)
class Writer:
    """A form in which tables leave; `spelled` says whether its cells tell just how each of a column's is written."""

    written: Callable[[OutTable], bytes]
    spelled: Callable[[CellKind, pl.Series], bool]


class TableFormat(abc.ABC):
    """What all formats of tables share: a task of the sandbox per media type, a writer per form a table may leave in.

    `own_output` is the form where the policy names none. `classify` says which classes (EMAIL, PHONE, …) a column's
    values show.
    """

    name: str
    media_types: tuple[str, ...]
    extensions: Mapping[str, str]
    tasks: Mapping[str, str]
    own_output: str
    writers: Mapping[str, Writer]
    sentences: Sentences = SENTENCES
    declarable: frozenset[str] = frozenset()

    def __init__(self, classify: Callable[[Iterable[str]], frozenset[str]], limits: Limits | None = None) -> None:
        self._classify = classify
        self._limits = limits or Limits()

    @abc.abstractmethod
    def sniff(self, head: bytes) -> str | None:
        """The media type that these first bytes show, or None."""

    @abc.abstractmethod
    def source(self, untrusted: Mapping[str, Json]) -> dict[str, str] | None:
        """How the original was read, checked, or None where the reader says what no honest one would."""

    def left_behind(self, content: Content) -> Mapping[str, int]:
        """What of the original is not in the table at all; a plain table leaves nothing behind."""
        del content
        return {}

    def read(
        self,
        untrusted_original: bytes,
        media_type: str,
        sandbox: Sandbox,
        declared: Mapping[str, str] = NOTHING,
        steps: Steps = unwatched,
    ) -> Table:
        """The table, all cells text. Raises `TableRefused` or `TableTooLarge` with the row and what to do.

        Where a workbook has several sheets and none is declared, that raises `SheetUnclear`.
        """
        if not self.declarable.issuperset(declared):
            raise TableRefused(
                "Something is declared that this sort of table does not have; take it out of the answers."
            )
        try:
            return self._parsed(untrusted_original, media_type, sandbox, declared, steps)
        except ParseRefused as refused:
            kind, sentence = self.sentences.get(refused.code, (None, ""))
            if kind is None:
                raise
            try:
                raise kind(sentence.format_map(_places(refused.numbers))) from refused
            except (KeyError, ValueError):
                raise UNCLEAR from refused

    def _parsed(
        self,
        untrusted_original: bytes,
        media_type: str,
        sandbox: Sandbox,
        declared: Mapping[str, str],
        steps: Steps,
    ) -> Table:
        del steps  # one parse says nothing before its end
        reply = sandbox.run(self.tasks[media_type], dict(declared), untrusted_original, self._limits)
        return table_of(reply, self.source)

    def look(self, untrusted_original: bytes, media_type: str, sandbox: Sandbox, spot: Spot) -> Surface:
        """Nothing: raises `NoSuchPage`."""
        del untrusted_original, media_type, sandbox, spot
        raise NoSuchPage(NO_PAGES)

    def survey(self, content: Content) -> tuple[Field, ...]:
        """One field per column, numbered from 1; `count` is how many of its cells are not empty."""
        table = table_in(content)
        return tuple(
            Field(
                id=cells.name,
                element=Element.COLUMN,
                label=header,
                name=None,
                classes=self._classify(with_heading(header, cells.unique(maintain_order=True))),
                count=int((cells.str.strip_chars() != "").sum()),
            )
            for header, cells in zip(table.headers, table.frame, strict=True)
        )

    def values(self, content: Content, field: Field) -> tuple[str, ...]:
        """The column's cells in row order."""
        return tuple(_column(table_in(content), field.id))

    def rebuild(self, content: Content, plan: Plan, mark: Mark, secret: bytes) -> Rebuilt:
        """The rendition: named columns, changed cells, keyed row order, the mark in every row.

        `redactions` counts cells: those withheld per rule (`default` where no rule applied), `format:formula` those
        whose first character a spreadsheet would have calculated, `format:hidden-character` those that lost one.
        """
        table = table_in(content)
        columns = _named(table, plan)
        named = {column.instruction.field_id for column in columns}
        if len(named) != len(columns):
            raise PlanUnfit("The plan names a column twice; make the rendition anew.")
        redactions = Redactions()
        redactions.add("default", table.row_count * len(set(table.frame.columns) - named))
        if plan.grouping is None:
            kept, rows = rendered(columns, secret, table.digest, redactions), table.row_count
        else:
            groups = grouped(columns, plan.grouping, secret, table.digest, redactions)
            kept, rows = groups.columns, groups.count
        if not kept:
            raise NothingNamed("The policy lets no column of this table leave; leave the table out of the release.")
        titles = (*(column.title for column in kept), visible.TABLE_HEADER)
        if len({title.casefold() for title in titles}) != len(titles):
            raise PlanUnfit("Two columns of the rendition would have the same title; answer which one is meant.")
        # One slot is opened for one release, of which one rendition of a table leaves.
        keyed = (plan.order, table.digest) if plan.order else (secret, plan.keyed_on(table.digest))
        order = row_order(*keyed, rows)
        for what, count in self.left_behind(table).items():
            redactions.add(what, count)
        mark_cells = Coded(pl.Series([_mark_cell(mark)]), np.zeros(rows, np.uint32))
        kinds = (*(column.kind for column in kept), CellKind.TEXT)
        cells = (*(column.cells for column in kept), mark_cells)
        media_type = OUTPUTS.get(plan.table, self.own_output)
        writer = self.writers[media_type]
        data = writer.written(OutTable(titles, kinds, cells, order, mark.text, plan.notice))
        released = Released(_stood(kept, order), order.tolist()) if plan.assessed else None
        untouched = tuple(one.title for one in kept if one.untouched and writer.spelled(one.kind, one.cells.values))
        return Rebuilt(data, media_type, redactions.counts(), headers=titles, released=released, untouched=untouched)


def groups_of(table: Table, plan: Plan, secret: bytes) -> Grouped | None:
    """The groups as which the rows of the table leave under this plan; None where they leave as rows."""
    if plan.grouping is None:
        return None
    return grouped(_named(table, plan), plan.grouping, secret, table.digest, Redactions())


def _named(table: Table, plan: Plan) -> list[Column]:
    return [Column(one, _column(table, one.field_id)) for one in plan.instructions if one.element is Element.COLUMN]


def table_of(reply: Reply, source: SourceCheck) -> Table:
    """The child's answer as a table; `source` checks what it says about how it read. Raises `TableRefused`.

    The first blob holds the headers, the second the rows.

    Checked: 1. numbers within the bounds; 2. no control character in any cell; 3. exactly as many cells as rows and
    columns make, each row as wide as the header; 4. UTF-8; 5. no cell past its bound; 6. headers trimmed, none empty,
    none twice.
    """
    width, rows, told = (reply.header.get(name) for name in ("columns", "rows", "source"))
    if type(width) is not int or not 1 <= width <= MAX_COLUMNS or type(rows) is not int or not 1 <= rows <= MAX_ROWS:
        raise UNCLEAR
    read = source(told) if isinstance(told, dict) else None
    if read is None or len(reply.blobs) != 2:
        raise UNCLEAR
    first = cells_of(reply.blobs[0], width)
    headers = first.row(0)
    if first.height != 1:
        raise UNCLEAR
    if not all(headers) or len({header.casefold() for header in headers}) != width:
        raise UNCLEAR
    if any(header != header.strip() for header in headers):
        raise UNCLEAR
    frame = cells_of(reply.blobs[1], width)
    if frame.height != rows:
        raise UNCLEAR
    digest = hashlib.sha256()
    for blob in reply.blobs:
        digest.update(blob)
    return Table(headers, frame, read, digest.digest())


def cells_of(untrusted: bytes, width: int) -> pl.DataFrame:
    """The cells of packed rows, checked; raises `TableRefused`.

    That no row is too wide and all together have the right number of cells, makes each row right.
    """
    records, units = low_bytes(untrusted, also=(ord(RECORD), ord(UNIT))) or (0, 0)
    if not records or units != records * (width - 1) or not untrusted.endswith(RECORD.encode()):
        raise UNCLEAR
    # The splitter takes one byte order mark away; where the first cell begins with that character it stays a cell's.
    guarded = codecs.BOM_UTF8 + untrusted if untrusted.startswith(codecs.BOM_UTF8) else untrusted
    names = [column_id(number) for number in range(1, width + 1)]
    try:
        frame = pl.read_csv(
            guarded,
            schema=dict.fromkeys(names, pl.String),
            separator=UNIT,
            eol_char=RECORD,
            quote_char=None,
            has_header=False,
            empty_string_is_null=False,
        )
    except pl.exceptions.PolarsError as error:
        raise UNCLEAR from error
    if frame.shape != (records, width) or any(map(_too_long, frame)):
        raise UNCLEAR
    return frame


def _too_long(cells: pl.Series) -> bool:
    # Bytes are counted without looking at them, and are never fewer than characters.
    return bool((cells.str.len_bytes() > MAX_CELL_CHARS).any() and (cells.str.len_chars() > MAX_CELL_CHARS).any())


def _places(numbers: Mapping[str, int]) -> dict[str, str]:
    """The numbers of a refusal as its sentence wants them, and the cell that row and column name. Raises ValueError."""
    told = {name: str(number) for name, number in numbers.items()}
    if {"row", "column"} <= numbers.keys():
        letters, column = "", numbers["column"]
        if not 0 < column < 1 << 20:
            raise ValueError("no such column")
        while column:
            column, rest = divmod(column - 1, 26)
            letters = chr(65 + rest) + letters
        told["cell"] = f"{letters}{told['row']}"
    return told


def _stood(columns: Sequence[OutColumn], order: NDArray[np.intp]) -> pl.DataFrame:
    """The columns as they stand in the rendition."""
    return pl.DataFrame({one.title: one.cells.values.gather(one.cells.codes[order]) for one in columns})


def table_in(content: Content) -> Table:
    """The content, which a table's format is given only where it is a table."""
    if not isinstance(content, Table):
        raise TypeError("this format rebuilds tables")
    return content


def _column(table: Table, field_id: str) -> pl.Series:
    try:
        return table.column(field_id)
    except KeyError as error:
        raise PlanUnfit("The plan names a column that this table does not have; make the rendition anew.") from error


def _mark_cell(mark: Mark) -> str:
    cell = visible.table_cell(mark.text)
    if cell[0] in "=+-@":
        raise PlanUnfit("The recipient's name begins with a sign that spreadsheets calculate; write it without.")
    return cell
