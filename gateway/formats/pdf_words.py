"""Which text of a page is seen, told by drawing the page twice: with its text and without.

A character is seen where the two differ. White on white, under a picture or a filled box, outside the page, on a
hidden layer, drawn invisibly: all the same, and none of it has to be recognised by how it was done. What is seen and
stands for a character makes words. What differs too little to be read, or is too small, is faint: no word, and its
pixels do not leave. What is seen and cannot be told (no Unicode, one text printed over another, text as a clip) gives
no word either, and the page says so.
"""

from __future__ import annotations

import ctypes
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from gateway.formats.pdf_library import Handle
from gateway.sandbox.task import TaskRefused

PAPER = 250
MAX_CHARACTERS = 40_000

_MAX_OBJECTS = 400_000
_MAX_DEPTH = 24
_SEEN_LEVELS = 16
_READABLE_PX = 8
_CLIPPING_MODES = frozenset({4, 5, 6, 7})
_BLOCK = 256
# Characters of one glyph share its place: a ligature has at most this many.
_LIGATURE = 3
_SOFT_HYPHENS = {"\x02": "-", "\xad": "-", "\ufffe": "-"}
_NO_CHARACTER = frozenset({"Cc", "Cn", "Co", "Cs"})

Pixels = NDArray[np.uint8]
Axes = NDArray[np.float64]
Quad = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Character:
    """One character: its ink and the place it takes up on its line, as left, top, right, bottom in pixels."""

    text: str
    ink: Quad
    place: Quad
    told: bool
    clips: bool


@dataclass(slots=True)
class Found:
    """What the characters of a page came to; boxes are left, top, width, height in pixels."""

    words: list[tuple[str, int, int, int, int]] = field(default_factory=list)
    hidden: str = ""
    faint: list[Quad] = field(default_factory=list)
    unreadable: bool = False


def characters(page: Handle, size_px: tuple[int, int]) -> list[Character | None]:
    """Every character in the order in which it is read; None stands for a space. Raises `TaskRefused`."""
    text = pdfium.FPDFText_LoadPage(page)
    if not text:
        return []
    try:
        count = pdfium.FPDFText_CountChars(text)
        if count > MAX_CHARACTERS:
            raise TaskRefused("characters")
        axes = to_px(page, size_px)
        return [_character(text, number, axes, size_px) for number in range(count)]
    finally:
        pdfium.FPDFText_ClosePage(text)


def blank(page: Handle) -> None:
    """Draw no text of this page any more. Raises `TaskRefused` where it has too many objects."""
    left = _MAX_OBJECTS
    pending = [(pdfium.FPDFPage_GetObject(page, at), 0) for at in range(_counted(pdfium.FPDFPage_CountObjects(page)))]
    while pending:
        one, depth = pending.pop()
        left -= 1
        if left < 0 or depth > _MAX_DEPTH:
            raise TaskRefused("objects")
        kind = pdfium.FPDFPageObj_GetType(one)
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            pdfium.FPDFPageObj_SetIsActive(one, False)
        elif kind == pdfium.FPDF_PAGEOBJ_FORM:
            inside = _counted(pdfium.FPDFFormObj_CountObjects(one))
            pending += ((pdfium.FPDFFormObj_GetObject(one, at), depth + 1) for at in range(inside))


def sorted_out(chars: Sequence[Character | None], seen: Pixels, bare: Pixels) -> Found:
    """Words, hidden text and faint places, by how much drawing the text changes each character's pixels."""
    found = Found()
    levels = [0 if char is None else _difference(char.ink, seen, bare) for char in chars]
    shown = [
        char is not None and _is_readable(char) and level >= _SEEN_LEVELS
        for char, level in zip(chars, levels, strict=True)
    ]
    overprinted = _overprinted(chars, shown)
    word: list[Character] = []
    hidden: list[str] = []
    for char, level, is_shown, is_overprinted in zip(chars, levels, shown, overprinted, strict=True):
        if char is not None and is_shown and char.told and not is_overprinted:
            word.append(char)
            continue
        _close(word, found)
        word = []
        hidden.append(" " if char is None else char.text)
        if char is None:
            continue
        if is_shown or char.clips:
            found.unreadable = True
        elif level:
            found.faint.append(_grown(char.ink, seen.shape))
    _close(word, found)
    found.hidden = " ".join("".join(hidden).split())
    return found


def _counted(count: int) -> int:
    if count > _MAX_OBJECTS:
        raise TaskRefused("objects")
    return max(0, count)


def to_px(page: Handle, size_px: tuple[int, int]) -> Axes:
    """The page's coordinates to pixels, as three rows: x, y and where the origin lies."""
    fine = 64
    x, y = ctypes.c_int(), ctypes.c_int()
    corners = []
    for px, py in ((0.0, 0.0), (1000.0, 0.0), (0.0, 1000.0)):
        pdfium.FPDF_PageToDevice(page, 0, 0, size_px[0] * fine, size_px[1] * fine, 0, px, py, x, y)
        corners.append((x.value / fine, y.value / fine))
    origin, right, up = np.array(corners)
    return np.array([(right - origin) / 1000, (up - origin) / 1000, origin])


def _character(text: Handle, number: int, axes: Axes, size_px: tuple[int, int]) -> Character | None:
    code = pdfium.FPDFText_GetUnicode(text, number)
    shown = chr(code) if code < 0x110000 else "\ufffd"
    shown = _SOFT_HYPHENS.get(shown, shown)
    if shown.isspace():
        return None
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    if not pdfium.FPDFText_GetCharBox(text, number, left, right, bottom, top):
        return None
    loose = pdfium.FS_RECTF()
    pdfium.FPDFText_GetLooseCharBox(text, number, loose)
    ink = upright(axes, (left.value, bottom.value, right.value, top.value), size_px)
    place = upright(axes, (loose.left, loose.bottom, loose.right, loose.top), size_px)
    owner = pdfium.FPDFText_GetTextObject(text, number)
    clips = bool(owner) and pdfium.FPDFTextObj_GetTextRenderMode(owner) in _CLIPPING_MODES
    told = (
        not clips
        and shown != "\ufffd"
        and unicodedata.category(shown) not in _NO_CHARACTER
        and pdfium.FPDFText_HasUnicodeMapError(text, number) != 1
    )
    return Character(shown, ink, place, told, clips)


def upright(axes: Axes, corners: tuple[float, ...], size_px: tuple[int, int]) -> Quad:
    """The smallest upright rectangle around two corners, a pixel wider on each side, inside the page."""
    (ax, ay), (bx, by) = ((x * axes[0] + y * axes[1] + axes[2]).tolist() for x, y in (corners[:2], corners[2:]))
    sides = (min(ax, bx) - 1, min(ay, by) - 1, max(ax, bx) + 2, max(ay, by) + 2)
    most = (*size_px, *size_px)
    left, top, right, bottom = (
        int(min(max(side, 0), end)) if np.isfinite(side) else 0 for side, end in zip(sides, most, strict=True)
    )
    return left, top, right, bottom


def _difference(ink: Quad, seen: Pixels, bare: Pixels) -> int:
    """The most that any level of any pixel in this place differs by."""
    left, top, right, bottom = ink
    place = slice(top, bottom), slice(left, right)
    one, other = seen[place], bare[place]
    return int((np.maximum(one, other) - np.minimum(one, other)).max()) if one.size else 0


def _is_readable(char: Character) -> bool:
    """Whether it is large enough: text of less than three points is no text to a reader."""
    left, top, right, bottom = char.place
    return min(right - left, bottom - top) > 0 and max(right - left, bottom - top) >= _READABLE_PX


def _overprinted(chars: Sequence[Character | None], shown: Sequence[bool]) -> NDArray[np.bool_]:
    """Which characters stand in the place of another one that reads otherwise: neither can be told."""
    found = np.zeros(len(chars), bool)
    places = np.flatnonzero(shown)
    kept = [char for char, is_shown in zip(chars, shown, strict=True) if char is not None and is_shown]
    if not kept:
        return found
    quads = np.array([char.ink for char in kept], np.int32)
    codes = np.array([ord(char.text) for char in kept])
    centres = (quads[:, :2] + quads[:, 2:]) / 2
    marks = np.array([unicodedata.combining(char.text) > 0 for char in kept])
    for start in range(0, len(kept), _BLOCK):
        block = slice(start, start + _BLOCK)
        x, y = centres[block, :1], centres[block, 1:]
        inside = (x > quads[:, 0] + 1) & (x < quads[:, 2] - 1) & (y > quads[:, 1] + 1) & (y < quads[:, 3] - 1)
        inside &= codes[block, None] != codes
        inside &= np.abs(places[block, None] - places) > _LIGATURE
        inside &= ~(marks[block, None] | marks)
        found[places[block][inside.any(axis=1)]] = True
        found[places[inside.any(axis=0)]] = True
    return found


def _close(word: Sequence[Character], found: Found) -> None:
    if not word:
        return
    quads = [quad for char in word for quad in (char.ink, char.place)]
    left, top = min(quad[0] for quad in quads), min(quad[1] for quad in quads)
    right, bottom = max(quad[2] for quad in quads), max(quad[3] for quad in quads)
    found.words.append(("".join(char.text for char in word), left, top, right - left, bottom - top))


def _grown(ink: Quad, shape: tuple[int, ...]) -> Quad:
    left, top = max(0, ink[0] - 1), max(0, ink[1] - 1)
    return left, top, min(shape[1], ink[2] + 1) - left, min(shape[0], ink[3] + 1) - top
