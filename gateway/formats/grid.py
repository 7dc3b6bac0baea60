"""The rows of one sheet become columns. Runs only in the sandbox's child.

1. The first row with content is the header; empty columns left of it and empty rows above it are passed over.
2. Every row below holds its cells within the header's columns; a cell beside them is refused, not guessed at.
3. A hidden row is left out and counted; the header may not be hidden.
4. Blank rows may stand at the end only. No control characters; bounds on columns, rows and cells as in CSV.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.base.canon import Json
from gateway.formats.parse_csv import MAX_CELL_CHARS, MAX_COLUMNS, MAX_ROWS
from gateway.sandbox.task import Answer, TaskRefused

_BATCH_ROWS = 4_096
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(slots=True)
class Grid:
    """Takes rows in order and packs them column by column."""

    hidden_rows: int = 0
    _headers: list[str] = field(default_factory=list)
    _header_row: int = 0
    _first: int = 0
    _blank_since: int = 0
    _rows: int = 0
    _batch: list[Sequence[str]] = field(default_factory=list)
    _numbers: list[int] = field(default_factory=list)
    _columns: list[tuple[array[int], bytearray]] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether no row with content was seen."""
        return not self._headers

    def add(self, number: int, cells: list[str], *, hidden: bool) -> None:
        """Take the row with this number, its cells from the sheet's first column on; rows come in order."""
        if not any(cells):
            self._blank_since = self._blank_since or number
            return
        if not self._headers:
            self._begin(number, cells, hidden)
            return
        if hidden:
            self.hidden_rows += 1
            return
        if self._blank_since:
            raise TaskRefused("blank-row", row=self._blank_since)
        width, end = len(self._headers), self._first + len(self._headers)
        row = cells if not self._first and len(cells) == width else self._fitted(number, cells, end)
        self._batch.append(row)
        self._numbers.append(number)
        if len(self._batch) == _BATCH_ROWS:
            self._pack()

    def answer(self, header: Mapping[str, Json]) -> Answer:
        """Header and blobs, shaped as `parse_csv` shapes them: per column, the header row first, lengths and text."""
        self._pack()
        if self.empty:
            raise TaskRefused("empty")
        if not self._rows:
            raise TaskRefused("no-rows")
        blobs = [array("I", map(len, self._headers)).tobytes(), "".join(self._headers).encode()]
        for lengths, text in self._columns:
            blobs += [lengths.tobytes(), bytes(text)]
        told: dict[str, Json] = {"columns": len(self._headers), "rows": self._rows, "hidden_rows": self.hidden_rows}
        return {**told, **header}, blobs

    def _begin(self, number: int, cells: list[str], hidden: bool) -> None:
        if hidden:
            raise TaskRefused("header-hidden", row=number)
        filled = [at for at, cell in enumerate(cells) if cell]
        self._first, self._header_row, self._blank_since = filled[0], number, 0
        headers = [cell.strip() for cell in cells[filled[0] : filled[-1] + 1]]
        if len(headers) > MAX_COLUMNS:
            raise TaskRefused("columns", most=MAX_COLUMNS)
        seen: dict[str, int] = {}
        for at, header in enumerate(headers, self._first + 1):
            if _CONTROL.search(header):
                raise TaskRefused("control", row=number)
            if not header:
                raise TaskRefused("header-empty", row=number, column=at)
            if len(header) > MAX_CELL_CHARS:
                raise TaskRefused("cell-long", row=number)
            if (first := seen.setdefault(header.casefold(), at)) != at:
                raise TaskRefused("header-twice", row=number, first=first, second=at)
        self._headers = headers
        self._columns = [(array("I"), bytearray()) for _ in headers]

    def _fitted(self, number: int, cells: list[str], end: int) -> list[str]:
        for at, cell in enumerate(cells):
            if cell and not self._first <= at < end:
                if len(self._headers) == 1:
                    raise TaskRefused("title-row", row=self._header_row)
                raise TaskRefused("beside", row=number, column=at + 1)
        row = cells[self._first : end]
        return row + [""] * (end - self._first - len(row))

    def _pack(self) -> None:
        if not self._batch:
            return
        self._rows += len(self._batch)
        if self._rows > MAX_ROWS:
            raise TaskRefused("rows", most=MAX_ROWS)
        for (lengths, blob), cells in zip(self._columns, zip(*self._batch, strict=True), strict=True):
            joined = "".join(cells)
            sizes = array("I", map(len, cells))
            if max(sizes) > MAX_CELL_CHARS:
                raise TaskRefused("cell-long", row=self._numbers[sizes.index(max(sizes))])
            if _CONTROL.search(joined):
                raise TaskRefused("control", row=self._numbers[next(at for at, c in enumerate(cells) if _CONTROL.search(c))])
            lengths.extend(sizes)
            blob.extend(joined.encode())
        self._batch.clear()
        self._numbers.clear()
