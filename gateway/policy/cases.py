"""What stands in a `*.test.yaml` file: originals in small, contexts, what is expected, what must never leave."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field as Key
from pydantic import StringConstraints

from gateway.detect.text import classes_of
from gateway.formats.drawing_fields import drawing_fields
from gateway.formats.model import Box, Drawing, Element, Field, Moment, Note, Page, Word
from gateway.formats.page_runs import page_fields
from gateway.policy.answers import Region
from gateway.policy.drawn import Drawn
from gateway.policy.prove import Never
from gateway.policy.words import Day, Flag, KindName, Line, RegionName, Strict, Whole

Cell = Annotated[str, StringConstraints(max_length=2000)]
# As an A4 page is rastered, with letters that are larger than most, so that short lines stay whole.
_PAGE_PX = (1654, 2339)
_LINE_PX, _LETTER_PX = 40, 16
_PICTURE = Box(1_200, 1_800, 200, 200)


class DrawnRegion(Strict):
    """A region that the reviewer drew, or that a detector found with these words in it.

    In a document it is on a page, in a video perhaps along a path.
    """

    name: RegionName = Key(alias="class")
    box: tuple[Whole, Whole, Whole, Whole] = (0, 0, 1, 1)
    page: Whole = 0
    source: Literal["reviewer", "detector"] = "reviewer"
    words: Cell = ""
    path: tuple[tuple[Whole, Whole, Whole, Whole, Whole], ...] = ()

    def drawn(self) -> Region:
        """The region as answers have it."""
        if self.path:
            return Region.along(self.name, tuple(Moment(at_ms, Box(*box)) for at_ms, *box in self.path))
        return Region(self.name, Box(*self.box), self.page)


class DrawnNote(Strict):
    """An annotation, of this sort, a form field, of this name, or a picture, of this number, on a page."""

    sort: Literal["annotation", "form_field", "picture"]
    name: Cell
    page: Whole
    text: Cell = ""


class Expect(Strict):
    """What must come out. `asks`, `missing` and `refused` are always compared; the rest where it is written.

    `pages` says for each page, `lines` for each line of text, `notes` for each annotation or form field, `layers` and
    `blocks` for those of a drawing which rule decides it; what stands on something that does not leave is decided by
    none.
    """

    columns: tuple[Cell, ...] | None = None
    dropped: dict[Cell, Cell] | None = None
    cells: dict[Cell, tuple[Cell, ...]] = Key(default_factory=dict)
    regions: dict[Cell, Cell] | None = None
    pages: tuple[Cell, ...] | None = None
    lines: dict[Cell, Cell] | None = None
    notes: dict[Cell, Cell] | None = None
    layers: dict[Cell, Cell] | None = None
    blocks: dict[Cell, Cell] | None = None
    metadata: dict[Cell, Cell] | None = None
    asks: tuple[Cell, ...] = ()
    missing: tuple[Cell, ...] = ()
    approvals: dict[Cell, Whole] | None = None
    refused: Cell | None = None


class TestCase(Strict):
    """One original in small, a context, and what is expected. A document's `pages` are its lines of text."""

    __test__ = False

    name: Line
    kind: KindName | None = None
    on: Day | None = None
    context: dict[Cell, Cell] = Key(default_factory=dict)
    custody: tuple[dict[Cell, Cell], ...] = ()
    headers: tuple[Cell, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    answers: dict[Cell, Cell] = Key(default_factory=dict)
    regions: tuple[DrawnRegion, ...] = ()
    pages: tuple[tuple[Cell, ...], ...] = ()
    notes: tuple[DrawnNote, ...] = ()
    drawing: Drawn | None = None
    terms: tuple[Cell, ...] = ()
    confirmed: Flag = True
    signatories: tuple[Cell, ...] = ()
    metadata: dict[Cell, Cell] = Key(default_factory=dict)
    expect: Expect
    absent: tuple[Cell, ...] = ()
    present: tuple[Cell, ...] = ()


class TestFile(Strict):
    """All tests of one policy, and what it is proved never to let leave."""

    __test__ = False

    policy: Cell
    on: Day
    context: dict[Cell, Cell] = Key(default_factory=dict)
    never: tuple[Never, ...] = Key(default=(), max_length=200)
    tests: tuple[TestCase, ...] = Key(min_length=1, max_length=500)


def fields_of(test: TestCase) -> list[Field]:
    """What stands on the pages and in the drawing of a test."""
    drawing = drawing_of(test)
    drawn = drawing_fields(drawing, classes_of) if drawing else ()
    return [*page_fields(pages_of(test), classes_of), *drawn]


def drawing_of(test: TestCase) -> Drawing | None:
    return test.drawing.drawing() if test.drawing else None


def pages_of(test: TestCase) -> tuple[Page, ...]:
    """The pages of a document in small, each line of text a line of its own."""
    return tuple(
        Page(
            _PAGE_PX[0],
            _PAGE_PX[1],
            tuple(word for place, line in enumerate(lines, start=1) for word in _line(line, place)),
            tuple(_note(one) for one in test.notes if one.page == number),
        )
        for number, lines in enumerate(test.pages, start=1)
    )


def _note(one: DrawnNote) -> Note:
    element = Element(one.sort)
    return Note(element, one.name, one.text, _PICTURE if element is Element.PICTURE else None)


def _line(line: str, place: int) -> Iterator[Word]:
    left = _LINE_PX
    for word in line.split():
        width = _LETTER_PX * len(word)
        yield Word(word, Box(left, 2 * place * _LINE_PX, width, _LINE_PX))
        left += width + _LETTER_PX
