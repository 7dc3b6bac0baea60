"""Rows of a worksheet that are all built alike, each read by one expression. Runs only in the sandbox's child.

A shape covers, in the order of the columns, cells of the usual form with the style and the type that they had in one
row, filled or empty. It reads a row wholly and as the reader of single cells does, or says that it does not fit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MAX_COLUMNS = 128
PLAIN_NUMBER = (
    r"(?:-?(?:[1-9][0-9]{3,8}+(?![0-9])(?:\.[0-9]{0,5}[1-9](?!0*\.))?"
    r"|[1-9][0-9]{0,2}+(?![0-9])(?:\.(?:[0-9]?|[0-9]{3,5})[1-9](?!0*\.))?|0\.[0-9]{0,5}[1-9](?!0*\.))|0(?![0-9]))"
)
"""What stands as it is shown, and nobody takes for thousands."""

_MOST_KEPT = 1 << 13
# With none of these in it, what stands between two tags is its own meaning and well-formed.
_NOT_LITERAL = ("&", "_x", "\r", "]]>", "\ufffe", "\uffff")
TEXTS = frozenset({"str", "inlineStr"})


@dataclass(frozen=True, slots=True)
class Cell:
    """How a cell of the shape is written, and what makes its text of what is stored; None where that is its text."""

    letters: str
    style: str | None
    sort: str | None
    read: Callable[[str], str] | None

    def form(self, prefix: str, number: str) -> str:
        """The expression for it, with one group for what is stored; `number` is the one for that of its row."""
        p, attributes = prefix, f' s="{self.style}"' if self.style is not None else ""
        attributes += f' t="{self.sort}"' if self.sort is not None else ""
        if self.sort == "inlineStr":
            value = f"<{p}is><{p}t>([^<]*)</{p}t></{p}is>"
        elif self.read or self.sort in TEXTS:
            value = f"<{p}v>([^<]*)</{p}v>"
        else:
            value = rf"<{p}v>({PLAIN_NUMBER})(?:\.?0{{1,6}})?</{p}v>"
        return rf'<{p}c r="{self.letters}{number}"{attributes}(?:/>|>{value}</{p}c>)'


class RowShape:
    """Reads the rows of one shape; `opening` is what their tag says behind their number, which hides nothing."""

    def __init__(self, prefix: str, cells: Sequence[Cell], opening: str = "") -> None:
        self._prefix, self._cells = prefix, cells
        forms = "".join(cell.form(prefix, r"\1") for cell in cells)
        self.opening = opening
        self._row = re.compile(rf'<{prefix}row r="([0-9]+)"{re.escape(opening)}>{forms}</{prefix}row>')
        # Of a row by itself the first cell says the number, all others repeat it.
        forms = "".join(cell.form(prefix, r"\1" if at else "([0-9]+)") for at, cell in enumerate(cells))
        self._body = re.compile(forms)
        self._reads = [(at, cell.read) for at, cell in enumerate(cells) if cell.read]

    def opened(self, opening: str) -> RowShape:
        """The same shape under another tag."""
        return RowShape(self._prefix, self._cells, opening)

    def rows(self, text: str, place: int, number: int, *, literal: bool) -> tuple[list[list[str]], int]:
        """The filled rows from `number` on that stand in `text` from `place` on without a gap, and where they end.

        Each of them is well-formed: elements that are closed, attributes and characters that need no second look.
        `literal` says that all of `text` is.
        """
        rows: list[list[str]] = []
        match_at = self._row.match
        while match := match_at(text, place):
            cells = self._read(match, number) if literal or is_literal(match[0]) else None
            if not cells or not any(cells):
                break
            rows.append(cells)
            place, number = match.end(), number + 1
        return rows, place

    def cells(self, body: str, row: int) -> list[str] | None:
        """The texts of the row's cells, or None where the row has to be read cell by cell."""
        match = self._body.fullmatch(body)
        return self._read(match, row) if match and is_literal(body) else None

    def _read(self, match: re.Match[str], row: int) -> list[str] | None:
        number, *cells = match.groups("")
        if number != str(row):
            return None
        try:
            for at, read in self._reads:
                if cells[at]:
                    cells[at] = read(cells[at])
        except (ValueError, IndexError, ArithmeticError):
            return None
        return cells


def is_literal(text: str) -> bool:
    """Whether what stands between the tags of `text` is well-formed and says just what it says."""
    return not any(mark in text for mark in _NOT_LITERAL)


class Readings(dict[str, str]):
    """What is stored, and its text, kept for cells that say the same; emptied when it has grown."""

    def __init__(self, read: Callable[[str], str]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, stored: str) -> str:
        if len(self) >= _MOST_KEPT:
            self.clear()
        self[stored] = text = self._read(stored)
        return text
