"""Documents that are typed anew, as pages: what the sandboxed readers say of them is checked before it is believed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from gateway.base.problems import Problem
from gateway.formats import pdf_bounds
from gateway.formats.model import Box, Page, Pages, Word
from gateway.formats.problems import DocumentRefused
from gateway.formats.typed import LOOKS, MAX_COLUMNS, MAX_INDENT, MAX_PARAGRAPHS, PAGE_PX, Block, Cell, Ref, Style
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
        (blob,) = self._run(self._task, untrusted).blobs
        try:
            told = json.loads(blob)
            pages = tuple(_page(one) for one in told["pages"])
            drawn = [_drawn(one) for one in told["pages"]]
            blocks = _blocks(told["blocks"], pages)
            parts = _parts(told["parts"])
            counts = {sort: _count(sort, count) for sort, count in told["counts"].items()}
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
            raise _UNCLEAR from error
        if not 0 < len(pages) <= pdf_bounds.MAX_PAGES:
            raise _UNCLEAR
        return Pages(
            pages=pages,
            raster=_Rasters(self, drawn).page,
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

    def __init__(self, reader: TypedReader, drawn: Sequence[Any]) -> None:
        self._reader = reader
        self._drawn = drawn
        self._kept: dict[int, bytes] = {}

    def page(self, number: int) -> bytes:
        """The pixels of one page, counted from 1."""
        if number not in self._kept:
            some = self._drawn[number - 1 : number - 1 + _PAGES_AT_ONCE]
            self._kept = dict(enumerate(self._reader.rasters(some), start=number))
        return self._kept[number]


def _page(untrusted: Any) -> Page:
    words = untrusted["words"]
    if len(words) > pdf_bounds.MAX_CHARACTERS:
        raise _UNCLEAR
    return Page(*PAGE_PX, tuple(Word(_text(text), _box(place[:4])) for text, *place in words))


def _drawn(untrusted: Any) -> dict[str, Any]:
    """What draws a page, of nothing but checked values."""
    words = []
    for text, left, top, width, height, size, bold, struck in untrusted["words"]:
        if type(size) is not int or not 0 < size <= _LARGEST_PX:
            raise _UNCLEAR
        words.append((text, left, top, width, height, size, bold is True, struck is True))
    rules = [(box.left_px, box.top_px, box.width_px, box.height_px) for box in map(_box, untrusted["rules"])]
    return {"words": words, "rules": rules}


def _blocks(untrusted: Any, pages: Sequence[Page]) -> tuple[Block, ...]:
    """The paragraphs; every word of every page is in exactly one of them."""
    if len(untrusted) > MAX_PARAGRAPHS:
        raise _UNCLEAR
    blocks = tuple(_block(one) for one in untrusted)
    places = sorted((ref.page, ref.word) for block in blocks for ref in block.words)
    if places != [(page, word) for page, one in enumerate(pages, start=1) for word in range(len(one.words))]:
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
    return Block(Style(untrusted["style"]), untrusted["indent"], cell, tuple(refs))


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
