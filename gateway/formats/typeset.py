"""Paragraphs and tables set on A4 pages in the gateway's own fonts. Runs only in the sandbox's child.

1. Everything is set from the left, so that no word's place tells the width of what follows it. 2. Words are kept whole;
Chinese and Japanese ones break anywhere but before closing marks, and what is longer than its line breaks where it
must. 3. A heading stays with what it heads; a row of a table stays on one page where it fits on one. 4. Columns are as
wide as the original says, in twenty-fourths of the text's width.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import groupby

from gateway.formats.typed import (
    CELL,
    LEFT_PX,
    LOOKS,
    MAX_COLUMNS,
    NARROW_CELL,
    PAGE_PX,
    PICTURE_STEP_PX,
    RULE_PX,
    TOP_PX,
    Block,
    Figure,
    Look,
    Paragraph,
    Placed,
    Ref,
    Style,
)
from gateway.marks import lettering

Quad = tuple[int, int, int, int]

_WIDTH_PX = PAGE_PX[0] - 2 * LEFT_PX
_BOTTOM_PX = PAGE_PX[1] - TOP_PX
_INDENT_PX = 58
_LABEL_PX = 74
_PAD_PX, _PAD_DOWN_PX = 28, 8
_AFTER_A_TABLE_PX = 28
_AFTER_A_PICTURE_PX = 28
_MANY_COLUMNS = 6
_HEADINGS = frozenset({Style.TITLE, Style.HEADING_1, Style.HEADING_2, Style.HEADING_3})
_KEPT_BELOW_A_HEADING_PX = 100
_LONGEST_ATOM = 40
_CLOSING = frozenset("，。、；：？！）】》」』〉”’…,.;:?!)]}%ー々")


@dataclass(frozen=True, slots=True)
class SetPage:
    """Words, rules and pictures of one page."""

    words: list[Placed] = field(default_factory=list)
    rules: list[Quad] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A word or a part of one on its line: how far from the line's left end, what stands before it."""

    text: str
    left_px: int
    width_px: int
    before: str
    struck: bool


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the paragraph with this number."""

    pieces: tuple[_Piece, ...]
    paragraph: int
    look: Look


def set_pages(
    paragraphs: Sequence[Paragraph], widths: Sequence[Sequence[int]], pictures: Sequence[tuple[int, int]] = ()
) -> tuple[list[SetPage], list[Block]]:
    """The pages, and for each paragraph its words on them. `widths` are those of each table's columns, in any unit.

    `pictures` are the sizes of the pictures that stand between paragraphs, none larger than `MAX_PICTURE_PX`.
    """
    setter = _Setter(paragraphs, pictures)
    for table, members in groupby(range(len(paragraphs)), key=lambda at: _table_of(paragraphs[at])):
        if table is None:
            for number in members:
                setter.set_paragraph(number)
        else:
            setter.set_table([*members], widths[table])
    blocks = [
        Block(one.style, one.indent, one.cell, tuple(setter.refs.get(number, ())), setter.figures.get(number))
        for number, one in enumerate(paragraphs)
    ]
    return setter.pages, blocks


def _table_of(paragraph: Paragraph) -> int | None:
    return None if paragraph.cell is None else paragraph.cell.table


class _Setter:
    """Pages as they fill, and where every paragraph's words went."""

    def __init__(self, paragraphs: Sequence[Paragraph], pictures: Sequence[tuple[int, int]]) -> None:
        self.pages = [SetPage()]
        self.refs: dict[int, list[Ref]] = {}
        self.figures: dict[int, Figure] = {}
        self._paragraphs = paragraphs
        self._pictures = pictures
        self._top_px = TOP_PX

    def set_paragraph(self, number: int) -> None:
        """One paragraph that is in no table."""
        one = self._paragraphs[number]
        look = LOOKS[one.style]
        if one.new_page:
            self._turn()
        if one.picture:
            self._set_picture(number, one.picture)
            return
        if self._top_px > TOP_PX:
            self._top_px += look.before_px
        lines = list(_lines(number, one, look, _WIDTH_PX))
        kept = _KEPT_BELOW_A_HEADING_PX if one.style in _HEADINGS else 0
        if self._top_px + len(lines) * look.leading_px + kept > _BOTTOM_PX and kept:
            self._turn()
        for line in lines:
            if self._top_px + look.leading_px > _BOTTOM_PX:
                self._turn()
            self._place(line, LEFT_PX, self._top_px)
            self._top_px += look.leading_px
        self._top_px += look.after_px

    def _set_picture(self, number: int, picture: int) -> None:
        """A picture between two paragraphs, on the grid of boxes."""
        width, height = self._pictures[picture - 1]
        top = _on_grid(self._top_px)
        if top + height > _BOTTOM_PX and self._top_px > TOP_PX:
            self._turn()
            top = _on_grid(self._top_px)
        figure = Figure(picture, len(self.pages), (_on_grid(LEFT_PX), top, width, height))
        self.figures[number] = figure
        self.pages[-1].figures.append(figure)
        self._top_px = top + height + _AFTER_A_PICTURE_PX

    def set_table(self, members: Sequence[int], widths: Sequence[int]) -> None:
        """All paragraphs of one table, row by row."""
        if self._paragraphs[members[0]].new_page:
            self._turn()
        edges = _edges(widths)
        look = NARROW_CELL if len(widths) > _MANY_COLUMNS else CELL
        rows = groupby(members, key=lambda number: self._cell(number)[0])
        for _, row in rows:
            self._set_row([*row], edges, look)
        self._top_px += _AFTER_A_TABLE_PX

    def _set_row(self, members: Sequence[int], edges: Sequence[int], look: Look) -> None:
        cells: list[tuple[int, int, list[_Line]]] = []
        for (column, span), inside in groupby(members, key=lambda number: self._cell(number)[1:]):
            left, right = edges[min(column, len(edges) - 2)], edges[min(column + span, len(edges) - 1)]
            width = max(right - left - 2 * _PAD_PX, 20)
            lines = [line for number in inside for line in _lines(number, self._paragraphs[number], look, width)]
            cells.append((left, right, lines))
        count = max([len(lines) for _, _, lines in cells] + [1])
        start = 0
        if count * look.leading_px + 2 * _PAD_DOWN_PX > _BOTTOM_PX - self._top_px:
            self._turn()
        while start < count:
            fits = max((_BOTTOM_PX - self._top_px - 2 * _PAD_DOWN_PX) // look.leading_px, 1)
            self._set_slice(cells, start, min(start + fits, count), look)
            start += fits
            if start < count:
                self._turn()

    def _set_slice(self, cells: Sequence[tuple[int, int, list[_Line]]], start: int, end: int, look: Look) -> None:
        """Some lines of a row with the rules around their cells."""
        top = self._top_px
        bottom = top + (end - start) * look.leading_px + 2 * _PAD_DOWN_PX
        for left, right, lines in cells:
            for at, line in enumerate(lines[start:end]):
                self._place(line, left + _PAD_PX, top + _PAD_DOWN_PX + at * look.leading_px)
            self.pages[-1].rules.extend(
                (
                    (left, top, right - left + RULE_PX, RULE_PX),
                    (left, bottom, right - left + RULE_PX, RULE_PX),
                    (left, top, RULE_PX, bottom - top),
                    (right, top, RULE_PX, bottom - top),
                )
            )
        self._top_px = bottom

    def _cell(self, number: int) -> tuple[int, int, int]:
        cell = self._paragraphs[number].cell
        return (0, 0, 1) if cell is None else (cell.row, cell.column, cell.span)

    def _place(self, line: _Line, left_px: int, top_px: int) -> None:
        page, refs = self.pages[-1], self.refs.setdefault(line.paragraph, [])
        bold = line.look.bold or self._paragraphs[line.paragraph].style in _HEADINGS
        height = lettering.height(line.look.size_px)
        for piece in line.pieces:
            box = (left_px + piece.left_px, top_px, piece.width_px, height)
            refs.append(Ref(len(self.pages), len(page.words), piece.before, piece.struck))
            page.words.append(Placed(piece.text, box, line.look.size_px, bold, piece.struck))

    def _turn(self) -> None:
        if self.pages[-1].words or self.pages[-1].rules or self.pages[-1].figures:
            self.pages.append(SetPage())
        self._top_px = TOP_PX


def _on_grid(place_px: int) -> int:
    return -(-place_px // PICTURE_STEP_PX) * PICTURE_STEP_PX


def _edges(widths: Sequence[int]) -> list[int]:
    """Where columns begin and end: in twenty-fourths of the width, so that none tells how long its cells are."""
    shares = [max(width, 1) for width in widths[:MAX_COLUMNS]] or [1]
    parts, whole, sofar = [0], sum(shares), 0
    for left, share in enumerate(shares, start=1):
        sofar += share
        least, most = parts[-1] + 1, MAX_COLUMNS - (len(shares) - left)
        parts.append(min(max(round(MAX_COLUMNS * sofar / whole), least), most))
    return [LEFT_PX + part * _WIDTH_PX // MAX_COLUMNS for part in parts]


def _lines(number: int, paragraph: Paragraph, look: Look, width_px: int) -> Iterator[_Line]:
    """The lines of a paragraph, its label hanging before the first."""
    indent = min(paragraph.indent * _INDENT_PX, width_px // 3)
    wide = _width(paragraph.label, look.size_px) if paragraph.label else 0
    hangs = 0 < wide < width_px // 3
    left = indent + (-(-(wide + look.size_px // 2) // _LABEL_PX) * _LABEL_PX if hangs else 0)
    shown = paragraph if hangs or not paragraph.label else _joined(paragraph)
    broken = _broken(shown, look, max(width_px - left, 20), left, " " if hangs else "")
    for at, pieces in enumerate(broken):
        label = (_Piece(paragraph.label, indent, wide, "", struck=False),) if hangs and not at else ()
        yield _Line((*label, *pieces), number, look)


def _joined(paragraph: Paragraph) -> Paragraph:
    """The paragraph with a label that is too long to hang as its first words."""
    moved = len(paragraph.label) + 1
    struck = tuple((start + moved, end + moved) for start, end in paragraph.struck)
    return replace(paragraph, text=f"{paragraph.label} {paragraph.text}", label="", struck=struck)


def _broken(paragraph: Paragraph, look: Look, width_px: int, left_px: int, before: str) -> Iterator[list[_Piece]]:
    """The words of a paragraph line by line; `before` stands before the first of them."""
    size, text = look.size_px, paragraph.text
    space = _width(" ", size)
    struck = bytearray(len(text))
    for start, end in paragraph.struck:
        struck[start:end] = b"\1" * len(struck[start:end])
    line: list[_Piece] = []
    right = 0
    for match in re.finditer(r"\n|[^ \n]+", text):
        if match[0] == "\n":
            yield line
            line, right, before = [], 0, "\n"
            continue
        at = match.start()
        for part, is_last in _parts(match[0], size, width_px, right + (space if line else 0)):
            if part:
                gap = space if line else 0
                wide = _width(part, size)
                line.append(_Piece(part, left_px + right + gap, wide, before, any(struck[at : at + len(part)])))
                right, at, before = right + gap + wide, at + len(part), ""
            if not is_last:
                yield line
                line, right = [], 0
        before = " "
    yield line


def _parts(word: str, size: int, width_px: int, used_px: int) -> Iterator[tuple[str, bool]]:
    """What of a word goes onto each line, and whether it is the last of it; the first may be nothing."""
    wide = _width(word, size)
    if used_px + wide <= width_px:
        yield word, True
        return
    breaks = any(map(_is_wide, word))
    if not breaks and used_px:
        yield "", False
        used_px = 0
    if not breaks and wide <= width_px:
        yield word, True
        return
    part, right = "", float(used_px)
    for atom in _atoms(word) if breaks else word:
        advance = sum(lettering.advance(character, size) for character in atom)
        if right + advance > width_px and (part or right):
            yield part, False
            part, right = "", 0.0
        part, right = part + atom, right + advance
    yield part, True


def _atoms(word: str) -> Iterator[str]:
    """What is never torn apart: a wide character with the closing marks behind it, or what stands between two."""
    atom = ""
    for character in word:
        if atom and character not in _CLOSING and (_is_wide(character) or _is_wide(atom[-1]) or atom[-1] in _CLOSING):
            yield atom
            atom = ""
        atom += character
        if len(atom) >= _LONGEST_ATOM:
            yield atom
            atom = ""
    if atom:
        yield atom


@lru_cache(maxsize=1 << 14)
def _width(text: str, size_px: int) -> int:
    """How far a word reaches, letter by letter: as letters are measured once, and words would be anew each time."""
    return math.ceil(sum(lettering.advance(character, size_px) for character in text))


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"
