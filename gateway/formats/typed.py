"""What a document is that the gateway types itself: paragraphs and tables of plain words, without a look of their own.

Readers of such documents give `Paragraph`s; `typeset` puts them on pages, and `Block` says which words of the pages
each paragraph became, so that it can be typed anew elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

MAX_PARAGRAPHS = 20_000
MAX_CHARACTERS = 1_000_000
MAX_COLUMNS = 24
MAX_INDENT = 8
LEFT_PX, TOP_PX = 197, 215
PAGE_PX = (1654, 2339)
RULE_PX = 2
MAX_PICTURES = 40
# Pictures stand on the grid of boxes, so that a box over one covers nothing else.
PICTURE_STEP_PX = 8
MAX_PICTURE_PX = (1256, 1904)
MAX_PICTURES_PX = 32_000_000


class Style(StrEnum):
    """What a paragraph is."""

    TITLE = "title"
    HEADING_1 = "heading1"
    HEADING_2 = "heading2"
    HEADING_3 = "heading3"
    BODY = "body"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Look:
    """How large a paragraph's letters and lines are, in pixels, how far it keeps off others, and whether it is bold."""

    size_px: int
    leading_px: int
    before_px: int
    after_px: int
    bold: bool = False


LOOKS: Mapping[Style, Look] = {
    Style.TITLE: Look(50, 64, 0, 30, bold=True),
    Style.HEADING_1: Look(40, 54, 40, 14, bold=True),
    Style.HEADING_2: Look(34, 46, 30, 10, bold=True),
    Style.HEADING_3: Look(30, 42, 24, 8, bold=True),
    Style.BODY: Look(29, 42, 0, 16),
    Style.NOTE: Look(24, 34, 0, 8),
}
CELL = Look(27, 38, 0, 0)
NARROW_CELL = Look(22, 31, 0, 0)


@dataclass(frozen=True, slots=True)
class Cell:
    """Where in a table: which table, row and column, counted from 0, and over how many columns."""

    table: int
    row: int
    column: int
    span: int = 1


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph: its lines are separated by line feeds, `struck` are places in it that are struck through.

    `label` is the number or bullet before it; `indent` how deep it stands. A paragraph with a `picture`, by its number
    from 1, has no text.
    """

    text: str
    style: Style = Style.BODY
    label: str = ""
    indent: int = 0
    new_page: bool = False
    cell: Cell | None = None
    struck: tuple[tuple[int, int], ...] = ()
    picture: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture as it is shown: its size on the page, and rows of 8-bit RGB."""

    size_px: tuple[int, int]
    rgb: bytes


@dataclass(frozen=True, slots=True)
class Placed:
    """A word on its page: its place (left, top, width, height) and how it looks."""

    text: str
    box: tuple[int, int, int, int]
    size_px: int
    bold: bool = False
    struck: bool = False


@dataclass(frozen=True, slots=True)
class Ref:
    """A word of a block: its page, counted from 1, its place in the page's words, and what stands before it.

    That is nothing, a space, or a line feed.
    """

    page: int
    word: int
    before: str
    struck: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture on its page: its number, counted from 1, the page, and left, top, width, height there."""

    number: int
    page: int
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph as it was set, or the picture that stands between two."""

    style: Style
    indent: int
    cell: Cell | None
    words: tuple[Ref, ...]
    figure: Figure | None = None
