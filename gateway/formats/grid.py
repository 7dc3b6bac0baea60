"""The rows of one sheet become a table. Runs only in the sandbox's child.

1. The first row with content is the header; empty columns left of it and empty rows above it are passed over.
2. Every row below holds its cells within the header's columns; a cell beside them is refused, not guessed at.
3. A hidden row is left out and counted; the header may not be hidden.
4. Blank rows may stand at the end only. Bounds and control characters as in `cells`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from gateway.formats.cells import BATCH_ROWS, CONTROL, MAX_CELL_CHARS, MAX_ROWS, answer, checked_headers, packed
from gateway.sandbox.task import Answer, TaskRefused


@dataclass(slots=True)
class Grid:
    """Takes the rows of a sheet in order and packs them."""

    _headers: list[str] = field(default_factory=list)
    _header_row: int = 0
    _first: int = 0
    _blank_since: int = 0
    _hidden: int = 0
    _rows: int = 0
    _batch: list[Sequence[str]] = field(default_factory=list)
    _numbers: list[int] = field(default_factory=list)
    _blocks: list[bytes] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether no row with content was seen."""
        return not self._headers

    def add(self, number: int, cells: list[str], *, hidden: bool) -> None:
        """Take the row with this number, its cells from the sheet's first column on."""
        if not any(cells):
            self._blank_since = self._blank_since or number
            return
        if not self._headers:
            self._begin(number, cells, hidden)
            return
        if hidden:
            self._hidden += 1
            return
        if self._blank_since:
            raise TaskRefused("blank-row", row=self._blank_since)
        self._batch.append(
            cells if not self._first and len(cells) == len(self._headers) else self._fitted(number, cells)
        )
        self._numbers.append(number)
        if len(self._batch) >= BATCH_ROWS:
            self._pack()

    def extend(self, number: int, rows: list[list[str]]) -> None:
        """Take shown rows with content from this number on, all of one width."""
        alike = bool(self._headers) and not self._first and not self._blank_since
        if not rows or not alike or len(rows[0]) != len(self._headers):
            for at, cells in enumerate(rows, number):
                self.add(at, cells, hidden=False)
            return
        self._batch += rows
        self._numbers.extend(range(number, number + len(rows)))
        if len(self._batch) >= BATCH_ROWS:
            self._pack()

    def answer(self, **left_behind: int) -> Answer:
        """The table as `cells` says; its source counts what stayed behind, hidden rows and what the caller names."""
        self._pack()
        if self.empty:
            raise TaskRefused("empty")
        counts: Mapping[str, int] = {"hidden_rows": self._hidden, **left_behind}
        return answer(self._headers, self._blocks, self._rows, {name: str(count) for name, count in counts.items()})

    def _begin(self, number: int, cells: list[str], hidden: bool) -> None:
        if hidden:
            raise TaskRefused("header-hidden", row=number)
        filled = [at for at, cell in enumerate(cells) if cell]
        self._first, self._header_row, self._blank_since = filled[0], number, 0
        self._headers = checked_headers(cells[filled[0] : filled[-1] + 1])

    def _fitted(self, number: int, cells: list[str]) -> list[str]:
        end = self._first + len(self._headers)
        for at, cell in enumerate(cells):
            if cell and not self._first <= at < end:
                if len(self._headers) == 1:
                    raise TaskRefused("title-row", row=self._header_row)
                raise TaskRefused("beside", row=number, column=at + 1)
        row = cells[self._first : end]
        return row + [""] * (end - self._first - len(row))

    def _pack(self) -> None:
        self._rows += len(self._batch)
        if self._rows > MAX_ROWS:
            raise TaskRefused("rows", most=MAX_ROWS)
        if CONTROL.search("".join(chain.from_iterable(self._batch))):
            raise TaskRefused("control", row=self._first_row_with(lambda cell: CONTROL.search(cell) is not None))
        if self._batch and max(map(len, chain.from_iterable(self._batch))) > MAX_CELL_CHARS:
            raise TaskRefused("cell-long", row=self._first_row_with(lambda cell: len(cell) > MAX_CELL_CHARS))
        if self._batch:
            self._blocks.append(packed(self._batch))
        self._batch, self._numbers = [], []

    def _first_row_with(self, wrong: Callable[[str], bool]) -> int:
        return next(number for number, row in zip(self._numbers, self._batch, strict=True) if any(map(wrong, row)))
