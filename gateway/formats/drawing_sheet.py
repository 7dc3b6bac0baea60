"""The sheet that a drawing leaves on: A3, a frame, the drawing, and below it who it is for and what is withheld.

Every word on it is the gateway's, the policy's or the release's; none is the original's. All lengths are pixels at
200 dpi.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from gateway.formats.model import Box, Notice, Word
from gateway.marks import lettering

LANDSCAPE, PORTRAIT = (3307, 2339), (2339, 3307)

_MARGIN_PX, _PAD_PX = 80, 24
_FRAME_PX, _RULE_PX = 6, 2
_HEADING_PX, _TEXT_PX = 44, 26
_ROW_PX, _BETWEEN_ROWS_PX = 38, 16
# Of the table's columns those that a sheet has room for, and how the width is shared among them.
_COLUMNS = ((0, 17), (1, 12), (2, 13), (4, 33), (5, 25))
_FACTS_SHARE = 0.3
_MOST_SHARE = 0.4
_MOST_LINES = 3
_PAPER, _INK, _GREY = (255, 255, 255), (0, 0, 0), (90, 90, 90)
_NO_GLYPH = "\u25a1"


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of lettering and its upper left corner."""

    text: str
    left_px: int
    top_px: int
    size_px: int
    colour: tuple[int, int, int] = _INK


@dataclass(frozen=True, slots=True)
class Form:
    """An empty sheet of one size: its lettering, its rules, and where its title block begins."""

    size_px: tuple[int, int]
    block_top_px: int
    lines: tuple[_Line, ...]
    rules: tuple[tuple[int, int, int, int], ...]

    @classmethod
    def of(cls, notice: Notice, size_px: tuple[int, int]) -> Form:
        """The form with the title block that `notice` fills; lines beyond two fifths of the sheet are counted."""
        most_px = int(size_px[1] * _MOST_SHARE)
        facts = list(_facts(notice))
        left_px, right_px = _MARGIN_PX + _PAD_PX, size_px[0] - _MARGIN_PX - _PAD_PX
        split_px = left_px + int((right_px - left_px) * _FACTS_SHARE)
        rows = _rows(notice, right_px - split_px, most_px - 2 * _PAD_PX - _ROW_PX)
        high_px = 2 * _PAD_PX + max(_HEADING_PX * 2 + len(facts) * _ROW_PX, sum(map(_height_px, rows)))
        top_px = size_px[1] - _MARGIN_PX - high_px
        lines = [_Line(notice.heading, left_px, top_px + _PAD_PX, _HEADING_PX)] if notice.heading else []
        at_px = top_px + _PAD_PX + _HEADING_PX * 2
        for label, value in facts:
            lines += (_Line(label, left_px, at_px, _TEXT_PX, _GREY), _Line(value, left_px + 220, at_px, _TEXT_PX))
            at_px += _ROW_PX
        rules = [(_MARGIN_PX, top_px, size_px[0] - _MARGIN_PX, top_px)]
        rules.append((split_px, top_px, split_px, size_px[1] - _MARGIN_PX))
        at_px = top_px + _PAD_PX
        for number, row in enumerate(rows):
            lines += _set(row, split_px + _PAD_PX, right_px, at_px, _GREY if number == 0 else _INK)
            at_px += _height_px(row)
        return cls(size_px, top_px, tuple(lines), tuple(rules))

    @property
    def area_px(self) -> tuple[int, int]:
        """How much room there is for the drawing."""
        width_px, _ = self.size_px
        return width_px - 2 * (_MARGIN_PX + 2 * _PAD_PX), self.block_top_px - _MARGIN_PX - 4 * _PAD_PX

    def place(self, drawn_px: tuple[int, int]) -> tuple[int, int]:
        """The upper left corner of a drawing of this size, in the middle of the room."""
        room = self.area_px
        left_px, top_px = _MARGIN_PX + 2 * _PAD_PX, _MARGIN_PX + 2 * _PAD_PX
        return left_px + (room[0] - drawn_px[0]) // 2, top_px + (room[1] - drawn_px[1]) // 2

    def filled(self, rgb: bytes, drawn_px: tuple[int, int]) -> tuple[bytes, tuple[Word, ...]]:
        """The sheet's pixels with this drawing on it, and the words of its title block."""
        canvas = Image.new("RGB", self.size_px, _PAPER)
        canvas.paste(Image.frombytes("RGB", drawn_px, rgb), self.place(drawn_px))
        draw = ImageDraw.Draw(canvas)
        corner = self.size_px[0] - _MARGIN_PX, self.size_px[1] - _MARGIN_PX
        draw.rectangle((_MARGIN_PX, _MARGIN_PX, *corner), outline=_INK, width=_FRAME_PX)
        for rule in self.rules:
            draw.line(rule, fill=_INK, width=_RULE_PX)
        for line in self.lines:
            letters, _ = lettering.write([(line.text, line.size_px)], 0)
            canvas.paste(line.colour, (line.left_px, line.top_px), letters)
        return canvas.tobytes(), tuple(word for line in self.lines for word in _words(line))


def _facts(notice: Notice) -> Iterator[tuple[str, str]]:
    for label, value in notice.facts:
        yield _writable(label), _writable(value)


def _rows(notice: Notice, width_px: int, most_px: int) -> list[list[list[str]]]:
    """The table's head and rows, each a list of cells, each a list of lines; together no higher than that."""
    if not notice.columns:
        return []
    total = sum(share for _, share in _COLUMNS)
    rows = []
    used = 0
    for number, line in enumerate((notice.columns, *notice.lines)):
        row = [_wrapped(line[place], width_px * share // total - _PAD_PX) for place, share in _COLUMNS]
        left = len(notice.lines) - number + 1
        if used + _height_px(row) > most_px - (_ROW_PX + _BETWEEN_ROWS_PX if left > 1 else 0):
            rows.append([[f"… + {left}"], *([[]] * (len(_COLUMNS) - 1))])
            break
        rows.append(row)
        used += _height_px(row)
    return rows


def _height_px(row: Sequence[Sequence[str]]) -> int:
    """How high a row is, with the room that keeps it apart from the next."""
    return max(1, *(len(cell) for cell in row)) * _ROW_PX + _BETWEEN_ROWS_PX


def _set(
    row: Sequence[Sequence[str]], left_px: int, right_px: int, top_px: int, colour: tuple[int, int, int]
) -> Iterator[_Line]:
    total, before = sum(share for _, share in _COLUMNS), 0
    for (_, share), cell in zip(_COLUMNS, row, strict=True):
        for number, text in enumerate(cell):
            across_px = left_px + (right_px - left_px) * before // total
            yield _Line(text, across_px, top_px + number * _ROW_PX, _TEXT_PX, colour)
        before += share


def _wrapped(text: str, width_px: int) -> list[str]:
    """At most three lines; what is left over ends in an ellipsis."""
    columns = max(4, int(width_px / (_TEXT_PX * 0.56)))
    lines = lettering.wrapped(_writable(text), columns)
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], lines[_MOST_LINES - 1][: columns - 2].rstrip() + " …"]
    return lines


def _words(line: _Line) -> Iterator[Word]:
    at = 0
    for text in line.text.split():
        start = line.text.index(text, at)
        at = start + len(text)
        left_px = line.left_px + lettering.width(line.text[:start], line.size_px)
        width_px = max(1, lettering.width(text, line.size_px))
        yield Word(text, Box(left_px, line.top_px, width_px, round(line.size_px * 1.2)))


def _writable(text: str) -> str:
    """`text` with a hollow square for every character that the fonts do not have."""
    try:
        lettering.width(text, _TEXT_PX)
    except lettering.MarkUnwritable:
        return "".join(one if _is_writable(one) else _NO_GLYPH for one in text)
    return text


def _is_writable(character: str) -> bool:
    try:
        lettering.width(character, _TEXT_PX)
    except lettering.MarkUnwritable:
        return False
    return True
