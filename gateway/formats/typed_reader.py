"""Documents that are typed anew, as pages: what the sandboxed readers say of them is checked before it is believed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from gateway.base.problems import Problem
from gateway.formats import pdf_bounds
from gateway.formats.model import Box, Element, Note, Page, Pages, Word
from gateway.formats.problems import DocumentRefused
from gateway.formats.typed import (
    LOOKS,
    MAX_COLUMNS,
    MAX_INDENT,
    MAX_PARAGRAPHS,
    MAX_PICTURES,
    PAGE_PX,
    Block,
    Cell,
    Figure,
    Ref,
    Style,
)
from gateway.sandbox.ports import Limits, Reply, Sandbox
from gateway.sandbox.problems import ParseRefused

DRAW_TASK = "gateway.formats.draw_typed:draw"
Sentences = Mapping[str, tuple[type[Problem], str]]
# Of every sort a part may be, and what is only counted.
PART_SORTS = frozenset(
    {
        *("header", "footer", "comment", "field", "hidden", "link", "property", "custom", "alternative", "unread"),
        *("envelope", "attachment"),
    }
)
COUNTS = PART_SORTS | {"picture", "formula", "object", "macro", "symbol", "number", "tracked-formatting"}

_PAGES_AT_ONCE = 4
_BEFORE = frozenset({"", " ", "\n"})
_LARGEST_PX = max(look.size_px for look in LOOKS.values())
_UNCLEAR = DocumentRefused("The reader's answer about this document does not add up; open it and save it anew.")


class TypedReader:
    """One reader in the sandbox. `sentences` say what each of its refusals means."""

    def __init__(self, sandbox: Sandbox, task: str, sentences: Sentences, limits: Limits) -> None:
        self._sandbox = sandbox
        self._task = task
        self._sentences = sentences
        self._limits = limits

    def read(self, untrusted: bytes, media_type: str) -> Pages:
        """The pages and all that is known of them. Raises what the reader refuses."""
        blob, *pictures = self._run(self._task, untrusted).blobs
        try:
            told = json.loads(blob)
            words = [tuple(_word(one) for one in page["words"]) for page in told["pages"]]
            drawn = [_drawn(one) for one in told["pages"]]
            blocks = _blocks(told["blocks"], words)
            figures = _figures(blocks, pictures, len(words))
            pages = tuple(_page(one, figures[at]) for at, one in enumerate(words, start=1))
            parts = _parts(told["parts"])
            counts = {sort: _count(sort, count) for sort, count in told["counts"].items()}
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
            raise _UNCLEAR from error
        if not 0 < len(pages) <= pdf_bounds.MAX_PAGES:
            raise _UNCLEAR
        return Pages(
            pages=pages,
            raster=_Rasters(self, drawn, figures, pictures).page,
            parts=MappingProxyType(parts),
            media_type=media_type,
            blocks=blocks,
            counts=MappingProxyType(counts),
        )

    def rasters(self, drawn: Sequence[Any]) -> tuple[bytes, ...]:
        """The pixels of some pages."""
        blobs = self._run(DRAW_TASK, json.dumps(drawn).encode()).blobs
        if [len(blob) for blob in blobs] != [PAGE_PX[0] * PAGE_PX[1]] * len(drawn):
            raise _UNCLEAR
        return blobs

    def _run(self, task: str, untrusted: bytes) -> Reply:
        try:
            return self._sandbox.run(task, {}, untrusted, self._limits)
        except ParseRefused as refused:
            if refused.code not in self._sentences:
                raise
            kind, sentence = self._sentences[refused.code]
            raise kind(sentence.format_map(refused.numbers)) from refused


class _Rasters:
    """Pixels of a document, drawn a few pages at a time and kept only until others are asked for."""

    def __init__(
        self,
        reader: TypedReader,
        drawn: Sequence[Any],
        figures: Mapping[int, Sequence[Figure]],
        pictures: Sequence[bytes],
    ) -> None:
        self._reader = reader
        self._drawn = drawn
        self._figures = figures
        self._pictures = pictures
        self._kept: dict[int, bytes] = {}

    def page(self, number: int) -> bytes:
        """The pixels of one page, counted from 1."""
        if number not in self._kept:
            some = self._drawn[number - 1 : number - 1 + _PAGES_AT_ONCE]
            self._kept = dict(enumerate(self._reader.rasters(some), start=number))
        return self._pasted(number) if self._figures[number] else self._kept[number]

    def _pasted(self, number: int) -> bytes:
        """The pixels of a page with its pictures, in colour."""
        grey = np.frombuffer(self._kept[number], np.uint8).reshape(PAGE_PX[1], PAGE_PX[0], 1)
        page = np.repeat(grey, 3, axis=2)
        for figure in self._figures[number]:
            left, top, width, height = figure.box
            rgb = np.frombuffer(self._pictures[figure.number - 1], np.uint8)
            page[top : top + height, left : left + width] = rgb.reshape(height, width, 3)
        return page.tobytes()


def _word(untrusted: Any) -> Word:
    text, *place = untrusted
    return Word(_text(text), _box(place[:4]))


def _page(words: tuple[Word, ...], figures: Sequence[Figure]) -> Page:
    """A page; no rule can read what stands in a picture."""
    if len(words) > pdf_bounds.MAX_CHARACTERS:
        raise _UNCLEAR
    notes = tuple(Note(Element.PICTURE, str(one.number), "", Box(*one.box)) for one in figures)
    return Page(*PAGE_PX, words, notes, unreadable=bool(notes))


def _figures(blocks: Sequence[Block], pictures: Sequence[bytes], pages: int) -> dict[int, list[Figure]]:
    """The pictures of every page; each stands once, in order, on a page, and has all of its pixels."""
    found = [block.figure for block in blocks if block.figure]
    if [one.number for one in found] != list(range(1, len(pictures) + 1)) or len(found) > MAX_PICTURES:
        raise _UNCLEAR
    by_page: dict[int, list[Figure]] = {number: [] for number in range(1, pages + 1)}
    for one in found:
        if len(pictures[one.number - 1]) != 3 * one.box[2] * one.box[3]:
            raise _UNCLEAR
        by_page[one.page].append(one)
    return by_page


def _drawn(untrusted: Any) -> dict[str, Any]:
    """What draws a page, of nothing but checked values."""
    words = []
    for text, left, top, width, height, size, bold, struck in untrusted["words"]:
        if type(size) is not int or not 0 < size <= _LARGEST_PX:
            raise _UNCLEAR
        words.append((text, left, top, width, height, size, bold is True, struck is True))
    rules = [(box.left_px, box.top_px, box.width_px, box.height_px) for box in map(_box, untrusted["rules"])]
    return {"words": words, "rules": rules}


def _blocks(untrusted: Any, pages: Sequence[Sequence[Word]]) -> tuple[Block, ...]:
    """The paragraphs; every word of every page is in exactly one of them."""
    if len(untrusted) > MAX_PARAGRAPHS:
        raise _UNCLEAR
    blocks = tuple(_block(one) for one in untrusted)
    places = sorted((ref.page, ref.word) for block in blocks for ref in block.words)
    if places != [(page, word) for page, one in enumerate(pages, start=1) for word in range(len(one))]:
        raise _UNCLEAR
    return blocks


def _block(untrusted: Any) -> Block:
    cell = None if untrusted["cell"] is None else Cell(*map(_whole, untrusted["cell"]))
    if cell is not None and not 0 < cell.span <= cell.column + cell.span <= MAX_COLUMNS:
        raise _UNCLEAR
    refs = [
        Ref(_whole(page), _whole(word), before, struck is True) for page, word, before, struck in untrusted["words"]
    ]
    if any(ref.before not in _BEFORE for ref in refs) or not 0 <= _whole(untrusted["indent"]) <= MAX_INDENT:
        raise _UNCLEAR
    figure = _figure(*untrusted["figure"]) if "figure" in untrusted else None
    if figure and (refs or cell):
        raise _UNCLEAR
    return Block(Style(untrusted["style"]), untrusted["indent"], cell, tuple(refs), figure)


def _figure(number: Any, page: Any, *place: Any) -> Figure:
    box = _box(place)
    return Figure(_whole(number), _whole(page), (box.left_px, box.top_px, box.width_px, box.height_px))


def _box(untrusted: Iterable[Any]) -> Box:
    left, top, width, height = map(_whole, untrusted)
    if left + width > PAGE_PX[0] or top + height > PAGE_PX[1]:
        raise _UNCLEAR
    return Box(left, top, width, height)


def _whole(untrusted: Any) -> int:
    if type(untrusted) is not int or untrusted < 0:
        raise _UNCLEAR
    return untrusted


def _text(untrusted: Any) -> str:
    if not isinstance(untrusted, str) or not 0 < len(untrusted) <= pdf_bounds.MAX_CHARACTERS:
        raise _UNCLEAR
    return untrusted


def _count(sort: Any, untrusted: Any) -> int:
    if sort not in COUNTS:
        raise _UNCLEAR
    return _whole(untrusted)


def _parts(untrusted: Any) -> dict[str, str]:
    if len(untrusted) > pdf_bounds.MAX_PARTS:
        raise _UNCLEAR
    if any(len(name) > 100 or name.partition(":")[0] not in PART_SORTS for name in untrusted):
        raise _UNCLEAR
    if any(len(_text(text)) > pdf_bounds.MAX_PART_CHARS for text in untrusted.values()):
        raise _UNCLEAR
    return dict(untrusted)
