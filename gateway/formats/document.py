"""Documents: PDF in, a new PDF out, rebuilt page by page from pixels and allow-listed words.

In: the sandboxed reader (`parse_pdf`) gives each page's size and words, what lies on it, and what the file holds beside
its pages. Pixels are fetched a few pages at a time, so that a long document takes no more memory than a short one.
Out: as `write_document` says. Nothing that is not on a page that a policy allows, and seen there, leaves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from gateway.base.canon import Json
from gateway.base.problems import Problem
from gateway.base.progress import Steps, unwatched
from gateway.formats import pdf_bounds
from gateway.formats.model import Box, Element, Note, Page, Pages, Word
from gateway.formats.pages import PagesFormat
from gateway.formats.ports import NOTHING
from gateway.formats.problems import DocumentRefused, DocumentTooLarge
from gateway.formats.surface import Spot, Surface, require_no_time, require_page
from gateway.sandbox.ports import Limits, Reply, Sandbox
from gateway.sandbox.problems import ParseRefused

PARSE_TASK = "gateway.formats.parse_pdf:parse"
MEDIA_TYPE = "application/pdf"

_PAGES_AT_ONCE = 4
_DAMAGED = (DocumentRefused, "The PDF is damaged or was put together by hand; open it and export it anew.")
_SENTENCES: Mapping[str, tuple[type[Problem], str]] = MappingProxyType(
    {
        "empty": (DocumentRefused, "The file is empty; send the document itself."),
        "mislabelled": _DAMAGED,
        "damaged": _DAMAGED,
        "encrypted": (
            DocumentRefused,
            "The PDF is encrypted, be it with an empty password; remove the protection and export it anew.",
        ),
        "dynamic-form": (
            DocumentRefused,
            "The PDF is a dynamic form (XFA) without pages of its own; print it into a plain PDF.",
        ),
        "portfolio": (
            DocumentRefused,
            "The PDF is a portfolio of other files; take them out and send each one for itself.",
        ),
        "no-pages": (DocumentRefused, "The PDF has no pages; send the document itself."),
        "pages": (DocumentTooLarge, f"The PDF has more than {pdf_bounds.MAX_PAGES} pages; split it."),
        "page-size": (
            DocumentTooLarge,
            "A page of the PDF is smaller than a point or longer than five metres; export it at a usual size.",
        ),
        "characters": (
            DocumentTooLarge,
            f"A page of the PDF has more than {pdf_bounds.MAX_CHARACTERS} characters; split it or print it.",
        ),
        "objects": (
            DocumentTooLarge,
            "A page of the PDF is made of more objects than any page needs; print it into a plain PDF.",
        ),
    }
)
_UNCLEAR = DocumentRefused("The reader's answer about this PDF does not add up; open it and export it anew.")


class DocumentFormat(PagesFormat):
    """The format of PDF documents."""

    name = "document"
    media_types: tuple[str, ...] = (MEDIA_TYPE,)
    extensions: Mapping[str, str] = MappingProxyType({MEDIA_TYPE: "pdf"})

    def sniff(self, head: bytes) -> str | None:
        """PDF by its signature, which is the very first thing: what begins as something else may be both."""
        return MEDIA_TYPE if head.startswith(pdf_bounds.SIGNATURE) else None

    def read(
        self,
        untrusted_original: bytes,
        media_type: str,
        sandbox: Sandbox,
        declared: Mapping[str, str] = NOTHING,
        steps: Steps = unwatched,
    ) -> Pages:
        """Pages, words and parts; there is nothing to declare. Raises `DocumentRefused` or `DocumentTooLarge`."""
        if declared:
            raise DocumentRefused("A document has neither sheet nor encoding nor delimiter; take that out.")
        reader = _Reader(sandbox, untrusted_original, self._limits)
        sizes, parts = reader.outline()
        told: list[_Told] = []
        for page in reader.words(sizes, range(1, len(sizes) + 1)):
            told.append(page)
            parts |= page.parts
            steps(len(told), len(sizes))
        hidden = {f"hidden:{number}": page.hidden for number, page in enumerate(told, start=1) if page.hidden}
        return Pages(
            pages=tuple(page.page for page in told),
            raster=_Rasters(reader, told).page,
            parts=MappingProxyType({**parts, **hidden}),
            media_type=media_type,
        )

    def look(self, untrusted_original: bytes, media_type: str, sandbox: Sandbox, spot: Spot) -> Surface:
        """One page, without the work that the others are."""
        del media_type
        require_no_time(spot)
        reader = _Reader(sandbox, untrusted_original, self._limits)
        sizes, _ = reader.outline()
        require_page(spot, len(sizes))
        (told,) = reader.words(sizes, (spot.page,))
        (rows,) = reader.rasters([(spot.page, told)])
        return Surface(*sizes[spot.page - 1], rows)


class _Told:
    """One page as the reader tells it, checked."""

    def __init__(self, untrusted: Any, size_px: tuple[int, int]) -> None:
        self.hidden = _text(untrusted["hidden"], pdf_bounds.MAX_CHARACTERS * 2)
        self.faint = tuple(_box(place, size_px) for place in untrusted["faint"])
        words = tuple(
            Word(_text(text, pdf_bounds.MAX_CHARACTERS), _box(place, size_px)) for text, *place in untrusted["words"]
        )
        notes = tuple(_note(note, size_px) for note in untrusted["notes"])
        if len(words) > pdf_bounds.MAX_CHARACTERS:
            raise _UNCLEAR
        self.grey, unreadable = untrusted["grey"], untrusted["unreadable"]
        if not isinstance(self.grey, bool) or not isinstance(unreadable, bool):
            raise _UNCLEAR
        self.samples = size_px[0] * size_px[1] * (1 if self.grey else 3)
        self.parts = _parts(untrusted["parts"])
        self.page = Page(*size_px, words, notes, unreadable)


class _Reader:
    """One document in the sandbox; every answer is checked before it is believed."""

    def __init__(self, sandbox: Sandbox, untrusted: bytes, limits: Limits) -> None:
        self._sandbox = sandbox
        self._untrusted = untrusted
        self._limits = limits

    def outline(self) -> tuple[tuple[tuple[int, int], ...], dict[str, str]]:
        """Sizes in pixels and parts."""
        told = self._told({"what": "outline"})
        try:
            sizes = tuple(_size(*size) for size in told["sizes"])
            parts = _parts(told["parts"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _UNCLEAR from error
        if not 0 < len(sizes) <= pdf_bounds.MAX_PAGES:
            raise _UNCLEAR
        return sizes, parts

    def words(self, sizes: Sequence[tuple[int, int]], numbers: Sequence[int]) -> Iterator[_Told]:
        """What the pages with these numbers say."""
        for start in range(0, len(numbers), _PAGES_AT_ONCE):
            some = numbers[start : start + _PAGES_AT_ONCE]
            pages: list[Json] = [{"number": number} for number in some]
            told = self._told({"what": "words", "pages": pages})
            try:
                yield from (_Told(page, sizes[number - 1]) for page, number in zip(told, some, strict=True))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise _UNCLEAR from error

    def rasters(self, pages: Sequence[tuple[int, _Told]]) -> tuple[bytes, ...]:
        """The pixels of these pages."""
        asked: list[Json] = [
            {"number": number, "faint": [list(_quad(box)) for box in told.faint], "grey": told.grey}
            for number, told in pages
        ]
        blobs = self._run({"what": "raster", "pages": asked}).blobs
        if [len(blob) for blob in blobs] != [told.samples for _, told in pages]:
            raise _UNCLEAR
        return blobs

    def _told(self, request: Mapping[str, Json]) -> Any:
        reply = self._run(request)
        try:
            (blob,) = reply.blobs
            return json.loads(blob)
        except (ValueError, RecursionError) as error:
            raise _UNCLEAR from error

    def _run(self, request: Mapping[str, Json]) -> Reply:
        try:
            return self._sandbox.run(PARSE_TASK, request, self._untrusted, self._limits)
        except ParseRefused as refused:
            if refused.code not in _SENTENCES:
                raise
            kind, sentence = _SENTENCES[refused.code]
            raise kind(sentence) from refused


class _Rasters:
    """Pixels of a document, fetched a few pages at a time and kept only until others are asked for."""

    def __init__(self, reader: _Reader, told: Sequence[_Told]) -> None:
        self._reader = reader
        self._told = told
        self._kept: dict[int, bytes] = {}

    def page(self, number: int) -> bytes:
        """The pixels of one page, counted from 1."""
        if number not in self._kept:
            self._kept.clear()
            wanted = list(enumerate(self._told, start=1))[number - 1 : number - 1 + _PAGES_AT_ONCE]
            rasters = self._reader.rasters(wanted)
            self._kept = {one: raster for (one, _), raster in zip(wanted, rasters, strict=True)}
        return self._kept[number]


def _size(width: Any, height: Any) -> tuple[int, int]:
    if type(width) is not int or type(height) is not int:
        raise _UNCLEAR
    if width < 1 or height < 1 or width * height > pdf_bounds.MAX_PIXELS:
        raise _UNCLEAR
    return width, height


def _box(untrusted: Any, size_px: tuple[int, int]) -> Box:
    left, top, width, height = untrusted
    if any(type(side) is not int or side < 0 for side in (left, top, width, height)):
        raise _UNCLEAR
    if left + width > size_px[0] or top + height > size_px[1]:
        raise _UNCLEAR
    return Box(left, top, width, height)


def _quad(box: Box) -> tuple[int, int, int, int]:
    return box.left_px, box.top_px, box.width_px, box.height_px


def _note(untrusted: Any, size_px: tuple[int, int]) -> Note:
    element, name, text, box = untrusted
    if element not in {Element.ANNOTATION, Element.FORM_FIELD}:
        raise _UNCLEAR
    place = None if box is None else _box(box, size_px)
    return Note(Element(element), _text(name, pdf_bounds.MAX_NAME_CHARS), _text(text, pdf_bounds.MAX_PART_CHARS), place)


def _parts(untrusted: Any) -> dict[str, str]:
    if len(untrusted) > pdf_bounds.MAX_PARTS:
        raise _UNCLEAR
    return {_part(name): _text(text, pdf_bounds.MAX_PART_CHARS) for name, text in untrusted.items()}


def _part(untrusted: Any) -> str:
    name = _text(untrusted, 100)
    if name.partition(":")[0] not in pdf_bounds.PART_SORTS:
        raise _UNCLEAR
    return name


def _text(untrusted: Any, max_chars: int) -> str:
    if not isinstance(untrusted, str) or len(untrusted) > max_chars:
        raise _UNCLEAR
    return untrusted
