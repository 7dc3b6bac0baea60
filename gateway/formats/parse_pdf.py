"""The reader of PDF documents. It runs only in the sandbox's child; the parent checks what it says.

Three requests, each over the same bytes and by the same reading, so that pixels and words never come from two:
1. `outline`: how large each page is, and what is around them all. No page is parsed before the bounds are checked.
2. `words`: of some pages the words that are seen, the text that is not (`pdf_words`), what lies on and beside them.
3. `raster`: the pixels of some pages.
Annotations and form fields that are drawn become part of their page first, so that their text is read, searched and
covered like any other; notes, pop-ups, links and media never are.
"""

from __future__ import annotations

import ctypes
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import pypdfium2.raw as pdfium

from gateway.base.canon import Json
from gateway.formats import pdf_parts, pdf_words, pixels
from gateway.formats.model import PAGE_DPI
from gateway.formats.pdf_bounds import MAX_PAGES, MAX_PIXELS, MAX_SIDE_POINTS, SIGNATURE
from gateway.formats.pdf_library import Handle, opened, page_of
from gateway.formats.pdf_words import Pixels
from gateway.sandbox.task import Answer, TaskRefused

_POINTS_PER_INCH = 72
_DYNAMIC_FORM = 2
_WHITE = 0xFFFFFFFF
_GREY, _RGB = 1, 3
_FORMATS = {
    _GREY: (pdfium.FPDFBitmap_Gray, pdfium.FPDF_GRAYSCALE),
    _RGB: (pdfium.FPDFBitmap_BGR, pdfium.FPDF_REVERSE_BYTE_ORDER),
}


def parse(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """Answers `what`: an outline or words as one blob of JSON, or a raster per page in the order asked."""
    if not untrusted.startswith(SIGNATURE):
        raise TaskRefused("mislabelled" if untrusted else "empty")
    with opened(untrusted) as document:
        pages = cast(list[dict[str, Any]], request.get("pages", []))
        match request["what"]:
            case "outline":
                return {}, (json.dumps(_outline(document, untrusted)).encode(),)
            case "words":
                return {}, (json.dumps([_words(document, one["number"]) for one in pages]).encode(),)
            case _:
                return {}, tuple(_raster(document, one) for one in pages)


def _outline(document: Handle, untrusted: bytes) -> dict[str, Any]:
    if pdfium.FPDF_GetFormType(document) == _DYNAMIC_FORM:
        raise TaskRefused("dynamic-form")
    count = pdfium.FPDF_GetPageCount(document)
    if count < 1:
        raise TaskRefused("no-pages")
    if count > MAX_PAGES:
        raise TaskRefused("pages")
    sizes = [_size_px(document, number) for number in range(1, count + 1)]
    return {"sizes": sizes, "parts": pdf_parts.around(document, untrusted)}


def _size_px(document: Handle, number: int) -> tuple[int, int]:
    """The page as it is seen, turned and cut to its crop box; more coarsely where it would have too many pixels."""
    size = pdfium.FS_SIZEF()
    if not pdfium.FPDF_GetPageSizeByIndexF(document, number - 1, size):
        raise TaskRefused("damaged")
    sides = size.width, size.height
    if not all(math.isfinite(side) and 1 <= side <= MAX_SIDE_POINTS for side in sides):
        raise TaskRefused("page-size")
    scale = min(PAGE_DPI / _POINTS_PER_INCH, math.sqrt(MAX_PIXELS / (sides[0] * sides[1])))
    return max(1, int(sides[0] * scale)), max(1, int(sides[1] * scale))


def _words(document: Handle, number: int) -> dict[str, Any]:
    size_px = _size_px(document, number)
    with _drawn(document, number, size_px) as (page, beside):
        seen = _pixels(page, size_px)
        chars = pdf_words.characters(page, size_px)
        if chars:
            pdf_words.blank(page)
            found = pdf_words.sorted_out(chars, seen, _pixels(page, size_px))
        else:
            found = pdf_words.Found()
        inked = int(seen.min()) < pdf_words.PAPER
        grey = not pixels.has_colour(seen.reshape(-1))
    return {
        "words": found.words,
        "hidden": found.hidden,
        "faint": found.faint,
        "grey": grey,
        "unreadable": found.unreadable or (inked and not found.words),
        **beside,
    }


def _raster(document: Handle, asked: Mapping[str, Any]) -> memoryview:
    """A page as it is seen, but that what is too faint or small to be read is not there."""
    channels = _GREY if asked["grey"] else _RGB
    size_px = _size_px(document, asked["number"])
    with _drawn(document, asked["number"], size_px) as (page, _):
        shown = _pixels(page, size_px, channels)
        if asked["faint"]:
            pdf_words.blank(page)
            bare = _pixels(page, size_px, channels)
            for left, top, width, height in asked["faint"]:
                place = slice(top, top + height), slice(left, left + width)
                shown[place] = bare[place]
    return shown.data.cast("B")


@contextmanager
def _drawn(document: Handle, number: int, size_px: tuple[int, int]) -> Iterator[tuple[Handle, dict[str, Any]]]:
    """The page with what is drawn on it made part of it, and what that and its other parts were."""
    with page_of(document, number) as page:
        beside = {"parts": pdf_parts.of_page(document, page, number), "notes": pdf_parts.notes(page, size_px)}
        if not pdfium.FPDFPage_GetAnnotCount(page):
            yield page, beside
            return
        if pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY) == pdfium.FLATTEN_FAIL:
            raise TaskRefused("damaged")
    with page_of(document, number) as page:
        yield page, beside


def _pixels(page: Handle, size_px: tuple[int, int], channels: int = _RGB) -> Pixels:
    """8-bit samples on opaque white."""
    width, height = size_px
    drawn = np.empty((height, width, channels), np.uint8)
    at = ctypes.c_void_p(drawn.ctypes.data)
    form, flags = _FORMATS[channels]
    bitmap = pdfium.FPDFBitmap_CreateEx(width, height, form, at, width * channels)
    if not bitmap:
        raise TaskRefused("damaged")
    try:
        pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, _WHITE)
        pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, width, height, 0, flags)
    finally:
        pdfium.FPDFBitmap_Destroy(bitmap)
    return drawn
