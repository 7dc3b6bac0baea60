"""Which texts of a page are read together: by the ends of lines, beside each other, and under a heading.

Where a text stands says more than the order in which the file draws it: a cell of a table goes on below itself, and a
figure means what its heading says. Both are told by geometry alone.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise
from unicodedata import east_asian_width

from gateway.formats.model import Box

Classes = Callable[[Sequence[str]], frozenset[str]]

_DEEPEST_GAP = 3  # in heights of a text
_LOOKED_AHEAD = 200
_LONGEST_HEADING = 40
_MOST_HEADINGS = 4
_MOST_ROWS = 20
_MOST_LETTERS = 4
_NUMBER = re.compile(r"\(?[+\d][\d ()/-]{6,}\d")
_CLAUSE = re.compile(r"[1-9]\d?(?:\.[1-9]\d?){0,3}[.)]?")
_HYPHENS = "-\u2010\u2011"
_BROKEN = (*_HYPHENS, "@", ".", "_")


def lines(boxes: Sequence[Box]) -> list[list[int]]:
    """Boxes whose heights overlap by at least half of the smaller one share a line; each line from left to right."""
    open_lines: list[tuple[int, int, list[int]]] = []
    for place in sorted(range(len(boxes)), key=lambda at: (boxes[at].top_px, boxes[at].left_px)):
        box = boxes[place]
        top, bottom = box.top_px, box.top_px + box.height_px
        for line_top, line_bottom, members in reversed(open_lines):
            shared = min(bottom, line_bottom) - max(top, line_top)
            if 2 * shared >= min(box.height_px, line_bottom - line_top):
                members.append(place)
                break
        else:
            open_lines.append((top, bottom, [place]))
    return [sorted(members, key=lambda at: (boxes[at].left_px, at)) for _, _, members in open_lines]


def orders(boxes: Sequence[Box]) -> list[list[int]]:
    """The orders in which texts with these boxes may be read: as they come, line by line, and down each column."""
    return [list(range(len(boxes))), [place for line in lines(boxes) for place in line], *_columns(boxes)]


def classes_in(text: str, classes_of: Classes) -> frozenset[str]:
    """The classes of a text, and of each number in it, which a cell of a table would hold for itself."""
    return classes_of((text, *_NUMBER.findall(text)))


def joint_classes(texts: Sequence[str], boxes: Sequence[Box], classes_of: Classes) -> list[frozenset[str]]:
    """The classes of each text, and those that show only where it is read together with the one before or behind."""
    alone = [classes_in(text, classes_of) for text in texts]
    found = list(alone)
    pairs = {pair for order in orders(boxes) for pair in pairwise(order)}
    for one, other in sorted(pairs):
        first, second = texts[one].rstrip(), texts[other].lstrip()
        joint = classes_of((f"{first} {second}", first.rstrip(_HYPHENS) + second, first + second))
        new = joint - alone[one] - alone[other]
        if _beside(boxes[one], boxes[other]) and not (_is_figure(first) or _is_figure(second)):
            new -= {"MONEY"}
        if first.endswith(_BROKEN) and "EMAIL" in classes_of((second.split(" ")[0],)):
            new |= {"EMAIL"}
        found[one] |= new
        found[other] |= new
    return found


def headings(texts: Sequence[str], boxes: Sequence[Box]) -> list[tuple[str, ...]]:
    """For every text that is a figure the short texts that say what it is: those before it on its line and above it.

    The number of a clause says nothing of an amount, and goes by no heading.
    """
    found: list[tuple[str, ...]] = [()] * len(texts)
    table = _Table(texts, boxes)
    clauses = _clauses(table.rows, texts, boxes)
    for number, row in enumerate(table.rows):
        for at, place in enumerate(row):
            if not _is_figure(texts[place]) or place in clauses:
                continue
            beside = [one for one in reversed(row[:at]) if not _is_figure(texts[one])][:1]
            named = (texts[one] for one in (*beside, *table.above(place, number)))
            found[place] = tuple(text for text in named if len(text) <= _LONGEST_HEADING)
    return found


class _Table:
    """Texts as if they all stood in one table; rows are asked from the top."""

    def __init__(self, texts: Sequence[str], boxes: Sequence[Box]) -> None:
        self.rows = lines(boxes)
        self._texts, self._boxes = texts, boxes
        self._lefts = [[boxes[one].left_px for one in row] for row in self.rows]
        self._above: dict[int, tuple[int, ...]] = {}

    def above(self, place: int, number: int) -> tuple[int, ...]:
        """What a figure in row `number` stands under; the same as the figure above it, if there is one."""
        found: list[int] = []
        top, height = self._boxes[place].top_px, self._boxes[place].height_px
        for row in range(number - 1, max(number - 1 - _MOST_ROWS, -1), -1):
            places = [self._boxes[one] for one in self.rows[row]]
            if top - max(box.top_px + box.height_px for box in places) > _DEEPEST_GAP * height:
                break
            top = min(box.top_px for box in places)
            over = self._over(place, row)
            figure = next((one for one in over if one in self._above), None)
            if figure is not None:
                found += self._above[figure]
                break
            found += over
            if len(found) >= _MOST_HEADINGS:
                break
        self._above[place] = tuple(found[:_MOST_HEADINGS])
        return self._above[place]

    def _over(self, place: int, row: int) -> list[int]:
        """What of a row lies over a text, or else what begins left of it beside other things."""
        box, members = self._boxes[place], self.rows[row]
        begun = members[: bisect_left(self._lefts[row], box.left_px + box.width_px)][-_MOST_HEADINGS:]
        over = [one for one in begun if _overlap(self._boxes[one], box)]
        return over or (begun[-1:] if len(members) > 1 else [])


def _is_figure(text: str) -> bool:
    """Whether this is a number, perhaps with a unit."""
    return re.search(r"\d", text) is not None and sum(map(str.isalpha, text)) <= _MOST_LETTERS


def _clauses(rows: Sequence[Sequence[int]], texts: Sequence[str], boxes: Sequence[Box]) -> set[int]:
    """The numbers of clauses: each begins its line, counts on from the one above it there, and has prose behind it."""
    found, last = set(), dict[int, tuple[int, ...]]()
    for row in rows:
        numbered = _CLAUSE.fullmatch(texts[row[0]])
        if numbered is None:
            continue
        told = tuple(int(part) for part in numbered[0].rstrip(".)").split("."))
        left = boxes[row[0]].left_px
        if _counts_on(last.get(left, ()), told) and len(row) > 1 and _extent(texts[row[1]]) > _LONGEST_HEADING:
            found.add(row[0])
        last[left] = told
    return found


def _counts_on(before: tuple[int, ...], told: tuple[int, ...]) -> bool:
    """Whether a clause of this number may follow: the next one, or the first of the next section."""
    if len(before) != len(told):
        return False
    section = (*before[:-2], before[-2] + 1, 1) if len(before) > 1 else before
    return told in {(*before[:-1], before[-1] + 1), section} - {before}


def _extent(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _columns(boxes: Sequence[Box]) -> list[list[int]]:
    """Each text followed by the nearest one below it that shares a part of its width; every text is in one column."""
    order = sorted(range(len(boxes)), key=lambda at: (boxes[at].top_px, boxes[at].left_px))
    below: dict[int, int] = {}
    claimed: set[int] = set()
    for rank, place in enumerate(order):
        box = boxes[place]
        bottom = box.top_px + box.height_px
        for other in order[rank + 1 : rank + 1 + _LOOKED_AHEAD]:
            if boxes[other].top_px - bottom > _DEEPEST_GAP * box.height_px:
                break
            if other not in claimed and 2 * boxes[other].top_px >= box.top_px + bottom and _overlap(box, boxes[other]):
                below[place] = other
                claimed.add(other)
                break
    columns = []
    for head in (place for place in order if place not in claimed):
        column = [head]
        while column[-1] in below:
            column.append(below[column[-1]])
        columns.append(column)
    return columns


def _beside(one: Box, other: Box) -> bool:
    return one.top_px < other.top_px + other.height_px and other.top_px < one.top_px + one.height_px


def _overlap(one: Box, other: Box) -> bool:
    return one.left_px < other.left_px + other.width_px and other.left_px < one.left_px + one.width_px
