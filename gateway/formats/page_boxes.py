"""Where opaque boxes lie on a page, so that neither their size nor what stands beside them tells what is under them.

1. Words make lines, lines make runs: a run ends where a gap is wider than about two ems. 2. A withheld word takes the
rest of its run along, because where that stands would give the word's width away. 3. A box is as high as its line and
reaches from the last word that is shown before it to the next thing that is shown behind it, or to the end of the text
area. 4. What follows on the line is shown only where a column puts it, that is, where something on another line begins
or ends too; otherwise it is covered as well. 5. Boxes and regions drawn by people grow outwards to a grid. 6. A word
that a box touches is withheld whole, by the same rules. So a box depends on what is shown around it, not on what is
under it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from unicodedata import east_asian_width

import numpy as np
from numpy.typing import NDArray

from gateway.formats.model import Box, Page, Word

GRID_PX = 8

_ALIGNED_PX = 3
_RUN_GAP = 1.6  # in heights of the line, which are about 1.2 ems
_NEVER_A_SPACE = 0.12
_UPRIGHT = 2.5
_LINES_LOOKED_BACK = 12

_Quad = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Cover:
    """An opaque rectangle and the code of the reason for it."""

    box: Box
    code: str


@dataclass(frozen=True, slots=True)
class Text:
    """What one place of the page says to who searches it or has it read aloud."""

    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class Layout:
    """Boxes from the top of the page, and its remaining texts in reading order, a label for each box among them.

    `hidden` are the numbers of the words that are withheld, each with the code of the reason.
    """

    covers: tuple[Cover, ...]
    texts: tuple[Text, ...]
    hidden: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class _Run:
    """Words of one line without a wide gap, as numbers in `Page.words`, from left to right."""

    words: tuple[int, ...]
    left_px: int
    right_px: int


@dataclass(frozen=True, slots=True)
class _Line:
    top_px: int
    bottom_px: int
    runs: tuple[_Run, ...]

    @property
    def height_px(self) -> int:
        return self.bottom_px - self.top_px


def lay_out(page: Page, withheld: Mapping[int, str], regions: Sequence[Cover]) -> Layout:
    """Cover the words with these numbers (each with its code) and these regions, and whatever they take along."""
    words = _Words(page.words)
    place = _Place(page, words, withheld)
    grown = [Cover(_grown(cover.box, page), cover.code) for cover in regions]
    drawn = [cover for cover in grown if cover.box.width_px > 0 and cover.box.height_px > 0]
    hidden = dict(withheld)
    touched = words.touched(drawn, hidden)
    covers: list[Cover] = []
    while True:
        hidden |= touched
        covers = [cover for line in place.lines for cover in place.covers(line, hidden)]
        touched = words.touched(covers, hidden)
        if not touched:
            break
    every = sorted({*_outermost([*drawn, *covers])}, key=lambda one: (one.box.top_px, one.box.left_px, one.code))
    return Layout(tuple(every), tuple(_texts(place.lines, page.words, words, hidden, every)), hidden)


class _Words:
    """Where the words of a page are, to be asked many times; `quads` are left, top, right and bottom of each."""

    def __init__(self, words: Sequence[Word]) -> None:
        boxes = [word.box for word in words]
        self.quads = [
            (box.left_px, box.top_px, box.left_px + box.width_px, box.top_px + box.height_px) for box in boxes
        ]
        self._left, self._top, self._right, self._bottom = np.array(self.quads, np.int64).reshape(-1, 4).T

    def in_rows(self, top_px: int, bottom_px: int) -> NDArray[np.intp]:
        """Words that share more than a rim with these rows."""
        return np.flatnonzero(self._share_rows(top_px, bottom_px))

    def under(self, cover: Box) -> list[int]:
        """Words of which a box covers more than a rim."""
        across = np.minimum(self._right, _right(cover)) - np.maximum(self._left, cover.left_px)
        rim = np.minimum(np.minimum(self._right - self._left, self._bottom - self._top), cover.width_px)
        both = (4 * across > rim) & self._share_rows(cover.top_px, _bottom(cover))
        return [int(number) for number in np.flatnonzero(both)]

    def last_above(self, top_px: int) -> int:
        """The last word that ends above this row; -1 where none does."""
        return int(np.flatnonzero(self._bottom <= top_px).max(initial=-1))

    def touched(self, covers: Iterable[Cover], hidden: Mapping[int, str]) -> dict[int, str]:
        """Words under boxes that are not hidden yet, each with the code of the first of its boxes."""
        touched: dict[int, str] = {}
        for cover in covers:
            for number in self.under(cover.box):
                if number not in hidden:
                    touched.setdefault(number, cover.code)
        return touched

    def _share_rows(self, top_px: int, bottom_px: int) -> NDArray[np.bool_]:
        shared = np.minimum(self._bottom, bottom_px) - np.maximum(self._top, top_px)
        rows: NDArray[np.bool_] = 4 * shared > np.minimum(self._bottom - self._top, bottom_px - top_px)
        return rows


class _Place:
    """The lines of a page and what of them is shown to begin with."""

    def __init__(self, page: Page, words: _Words, withheld: Mapping[int, str]) -> None:
        self.lines = _lines(page.words, words.quads)
        self._page = page
        self._words = words
        shown = [quad for number, quad in enumerate(words.quads) if number not in withheld]
        self._left_px = min((quad[0] for quad in shown), default=page.width_px // 8)
        farthest = max((quad[2] for quad in shown), default=0)
        self._right_px = min(max(page.width_px - self._left_px, farthest), page.width_px)

    def covers(self, line: _Line, hidden: dict[int, str]) -> list[Cover]:
        """The boxes of one line. What they take along is added to `hidden`."""
        covers: list[Cover] = []
        top, bottom = _down(line.top_px), min(_up(line.bottom_px), self._page.height_px)
        start: int | None = None
        code = ""
        for number, run in enumerate(line.runs):
            if start is not None and self._stands_by_itself(line, run):
                covers.append(Cover(_box(start, top, self._end(line, number - 1, hidden), bottom), code))
                start = None
            first = 0 if start is not None else next((k for k, one in enumerate(run.words) if one in hidden), None)
            if first is None:
                continue
            if start is None:
                code = hidden[run.words[first]]
                start = self._start(line, run, first, hidden)
            hidden |= {one: hidden.get(one, code) for one in run.words[first:]}
        if start is not None:
            covers.append(Cover(_box(start, top, self._end(line, len(line.runs) - 1, hidden), bottom), code))
        return covers

    def _start(self, line: _Line, run: _Run, first: int, hidden: Mapping[int, str]) -> int:
        """Where the box of this run begins: right behind what is shown before, or where a column begins."""
        own = self._page.words[run.words[first]].box.left_px
        if first:
            return _down(own)
        before = [_right(box) for box in self._beside(line, hidden) if _right(box) <= run.left_px]
        gap = line.height_px // 2
        left = _up(max(before) + gap) if before else self._left_px
        stops = [
            other.left_px
            for another in self.lines
            if another is not line
            for other in another.runs
            if other.words[0] not in hidden and left <= other.left_px <= run.left_px + _ALIGNED_PX
        ]
        return min(_down(min(stops, default=left)), _down(own))

    def _end(self, line: _Line, last: int, hidden: Mapping[int, str]) -> int:
        """Where the box ends that covers this run last: before what is shown next, or at the end of the text area."""
        own = _up(line.runs[last].right_px)
        behind = [box.left_px for box in self._beside(line, hidden) if box.left_px >= line.runs[last].right_px]
        if behind:
            return max(_down(min(behind) - line.height_px // 2), own)
        area = _up(self._right_px)
        return min(area if own <= area else self._page.width_px, self._page.width_px)

    def _beside(self, line: _Line, hidden: Mapping[int, str]) -> list[Box]:
        """What is shown left and right of a line, be it of the same line or of another column's."""
        beside = self._words.in_rows(line.top_px, line.bottom_px)
        return [self._page.words[number].box for number in beside if number not in hidden]

    def _stands_by_itself(self, line: _Line, run: _Run) -> bool:
        """Whether a column puts this run where it is: something on another line begins or ends at the same place."""
        if abs(run.right_px - self._right_px) <= _ALIGNED_PX:
            return True
        return any(
            abs(other.left_px - run.left_px) <= _ALIGNED_PX or abs(other.right_px - run.right_px) <= _ALIGNED_PX
            for another in self.lines
            if another is not line
            for other in another.runs
        )


def _lines(words: Sequence[Word], quads: Sequence[_Quad]) -> tuple[_Line, ...]:
    """The words by lines, from the top. A text that runs up or down the page is a line as high as the page."""
    if not words:
        return ()
    usual = median(bottom - top for _, top, _, bottom in quads)
    open_lines: list[tuple[_Quad, list[int]]] = []
    upright = []
    for number in sorted(range(len(words)), key=[top + bottom for _, top, _, bottom in quads].__getitem__):
        quad = left, top, right, bottom = quads[number]
        if bottom - top > max(_UPRIGHT * usual, 2 * (right - left)) and len(words[number].text) > 1:
            upright.append(number)
            continue
        for seed, members in reversed(open_lines[-_LINES_LOOKED_BACK:]):
            # Most words of a line are as high as its first, and most other lines end above them.
            if seed[1::2] == (top, bottom) or (seed[3] >= top and _same_line(seed, quad, words[number].text)):
                members.append(number)
                break
        else:
            open_lines.append((quad, [number]))
    lines = [_line(quads, members) for _, members in open_lines]
    bottom_px = max(quad[3] for quad in quads)
    for number in upright:
        left, _, right, _ = quads[number]
        lines.append(_Line(0, bottom_px, (_Run((number,), left, right),)))
    return tuple(lines)


def _same_line(seed: _Quad, quad: _Quad, text: str) -> bool:
    shared = min(seed[3], quad[3]) - max(seed[1], quad[1])
    heights = seed[3] - seed[1], quad[3] - quad[1]
    low, high = min(heights), max(heights)
    return 2 * shared >= low and (high <= _UPRIGHT * low or not any(map(str.isalnum, text)))


def _line(quads: Sequence[_Quad], members: list[int]) -> _Line:
    top, bottom = min(quads[one][1] for one in members), max(quads[one][3] for one in members)
    gap = _RUN_GAP * (bottom - top)
    runs: list[_Run] = []
    run: list[int] = []
    start = reach = 0
    for number in sorted(members, key=lambda one: quads[one][0]):
        left, _, right, _ = quads[number]
        if run and left - reach > gap:
            runs.append(_Run(tuple(run), start, reach))
            run = []
        start, reach = (start, max(reach, right)) if run else (left, right)
        run.append(number)
    return _Line(top, bottom, (*runs, _Run(tuple(run), start, reach)))


def _outermost(covers: Sequence[Cover]) -> Iterable[Cover]:
    """The boxes without those that lie wholly in another."""
    for number, cover in enumerate(covers):
        inside = (
            _contains(other.box, cover.box) and (other.box != cover.box or place < number)
            for place, other in enumerate(covers)
            if place != number
        )
        if not any(inside):
            yield cover


def _contains(outer: Box, inner: Box) -> bool:
    return (
        outer.left_px <= inner.left_px
        and outer.top_px <= inner.top_px
        and _right(outer) >= _right(inner)
        and _bottom(outer) >= _bottom(inner)
    )


def _texts(
    lines: Iterable[_Line], words: Sequence[Word], places: _Words, hidden: Mapping[int, str], covers: Iterable[Cover]
) -> Iterable[Text]:
    """Shown stretches and labels: stretches in the order of their first words, labels behind what stands above them."""
    placed: list[tuple[tuple[int, int], Text]] = []
    for line in lines:
        for run in line.runs:
            shown = [number for number in run.words if number not in hidden]
            if shown:
                right_px = max(places.quads[number][2] for number in shown)
                box = _box(places.quads[shown[0]][0], line.top_px, right_px, line.bottom_px)
                placed.append(((min(shown), 0), Text(_joined([words[number] for number in shown]), box)))
    for cover in covers:
        under = [number for number in places.under(cover.box) if number in hidden]
        order = min(under) if under else places.last_above(cover.box.top_px)
        placed.append(((order, 1), _label(cover)))
    return (text for _, text in sorted(placed, key=lambda one: one[0]))


def _label(cover: Cover) -> Text:
    """What is read in place of a box: no wider than letters are, since readers take wide gaps for the end of a text."""
    text = f"[withheld: {cover.code}]" if cover.code else "[withheld]"
    box = cover.box
    return Text(text, Box(box.left_px, box.top_px, min(box.width_px, len(text) * box.height_px // 2), box.height_px))


def _joined(words: Sequence[Word]) -> str:
    """The words with spaces between them, but for Chinese and Japanese ones that stand close together."""
    plain = " ".join([word.text for word in words])
    if plain.isascii():
        return plain
    text = words[0].text
    for before, word in pairwise(words):
        close = word.box.left_px - _right(before.box) <= _NEVER_A_SPACE * word.box.height_px
        text += ("" if close and _is_wide(before.text[-1:]) and _is_wide(word.text[:1]) else " ") + word.text
    return text


def _is_wide(character: str) -> bool:
    return character != "" and east_asian_width(character) in "WF"


def _grown(box: Box, page: Page) -> Box:
    left, top = max(_down(box.left_px), 0), max(_down(box.top_px), 0)
    right, bottom = min(_up(_right(box)), page.width_px), min(_up(_bottom(box)), page.height_px)
    return _box(left, top, right, bottom)


def _box(left: int, top: int, right: int, bottom: int) -> Box:
    return Box(left, top, right - left, bottom - top)


def _right(box: Box) -> int:
    return box.left_px + box.width_px


def _bottom(box: Box) -> int:
    return box.top_px + box.height_px


def _down(place_px: int) -> int:
    return place_px // GRID_PX * GRID_PX


def _up(place_px: int) -> int:
    return -(-place_px // GRID_PX) * GRID_PX
