"""What stands on a page, and runs of words: the stretches of its lines that are read, and withheld, as one.

A run is made of words on one line between which no gap is wider than about two ems. It is found by geometry alone, so
that whoever withholds a run knows everything that stands beside it; the runs come in the order in which their first
words are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.detect.money import with_heading
from gateway.formats.model import Box, Element, Field, Page, Word
from gateway.formats.page_order import Classes, classes_in, headings, joint_classes, lines

# What a page that shows, or may show, text that gives no words goes by.
UNREADABLE = "unreadable"

# A word's box is about 1.2 ems high.
_GAP_IN_HEIGHTS = 1.7
# A space is about a quarter of a box's height wide.
_CELL_GAP_IN_HEIGHTS = 0.4


@dataclass(frozen=True, slots=True)
class Run:
    """One run: which words of the page it is made of, from left to right, its text and its box."""

    words: tuple[int, ...]
    text: str
    box: Box


def runs(page: Page) -> tuple[Run, ...]:
    """The runs of a page; every word is in exactly one."""
    found = [run for line in lines([word.box for word in page.words]) for run in _split(page.words, line)]
    return tuple(_run(page.words, members) for members in sorted(found, key=min))


def page_fields(pages: Sequence[Page], classes_of: Classes) -> Iterator[Field]:
    """Every page and what stands on it, page by page: lines of text, annotations, form fields, pictures."""
    pictures = sum(note.element is Element.PICTURE for page in pages for note in page.notes)
    for number, page in enumerate(pages, start=1):
        whole = Box(0, 0, page.width_px, page.height_px)
        name = UNREADABLE if page.unreadable else None
        yield Field(f"page/{number}", Element.PAGE, "", name, box=whole, count=len(pages), page=number)
        yield from _text_fields(number, page, classes_of)
        for element in (Element.ANNOTATION, Element.FORM_FIELD):
            for place, note in enumerate((one for one in page.notes if one.element is element), start=1):
                held, field_id = classes_in(note.text, classes_of), f"{element.value}/{number}/{place}"
                yield Field(field_id, element, note.text, note.name, held, box=note.box, count=1, page=number)
        for note in (one for one in page.notes if one.element is Element.PICTURE):
            field_id = f"picture/{note.name}"
            yield Field(field_id, note.element, "", note.name, box=note.box, count=pictures, page=number)


def _text_fields(number: int, page: Page, classes_of: Classes) -> Iterator[Field]:
    found = runs(page)
    held = joint_classes([run.text for run in found], [run.box for run in found], classes_of)
    cells = [(place, cell) for place, run in enumerate(found) for cell in _cells(page.words, run)]
    over = headings([cell.text for _, cell in cells], [cell.box for _, cell in cells])
    named: list[list[str]] = [[] for _ in found]
    for (place, cell), above in zip(cells, over, strict=True):
        named[place] += above
        held[place] |= classes_of(
            [text for heading in above for text in (f"{heading} {cell.text}", *with_heading(heading, [cell.text]))]
        )
    for place, run in enumerate(found):
        field_id, over_it = f"text/{number}/{place + 1}", tuple(named[place])
        yield Field(
            field_id, Element.TEXT, run.text, None, held[place], box=run.box, count=1, page=number, headings=over_it
        )


def union(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds all of these; there is at least one."""
    left, top = min(box.left_px for box in boxes), min(box.top_px for box in boxes)
    right = max(box.left_px + box.width_px for box in boxes)
    bottom = max(box.top_px + box.height_px for box in boxes)
    return Box(left, top, right - left, bottom - top)


def _run(words: Sequence[Word], members: Sequence[int]) -> Run:
    parts = [words[place] for place in members]
    return Run(tuple(members), " ".join(part.text for part in parts), union([part.box for part in parts]))


def _cells(words: Sequence[Word], run: Run) -> Iterator[Run]:
    """The cells of a narrow table, which may stand as close together as the words of a justified line."""
    return (_run(words, members) for members in _split(words, run.words, _CELL_GAP_IN_HEIGHTS))


def _split(words: Sequence[Word], line: Sequence[int], gap: float = _GAP_IN_HEIGHTS) -> Iterator[list[int]]:
    run: list[int] = []
    right = height = 0
    for place in line:
        box = words[place].box
        if run and box.left_px - right > gap * max(height, box.height_px):
            yield run
            run, right, height = [], 0, 0
        run.append(place)
        right, height = max(right, box.left_px + box.width_px), max(height, box.height_px)
    yield run
