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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from gateway.formats.pdf_bounds import MAX_CHARACTERS, MAX_OBJECTS
from gateway.formats.pdf_library import Handle
from gateway.sandbox.task import TaskRefused

PAPER = 250

_MAX_DEPTH = 24
_SEEN_LEVELS = 16
_READABLE_PX = 8
_CLIPPING_MODES = frozenset({4, 5, 6, 7})
_BLOCK = 256
# Characters of one glyph share its place: a ligature has at most this many.
_LIGATURE = 3
_SOFT_HYPHENS = {"\x02": "-", "\xad": "-", "\ufffe": "-"}
# pdfium's signs for a hyphen at which a line ends; what follows it stands elsewhere and is no part of the same word.
_LINE_ENDS = frozenset({"\x02", "\ufffe"})
_NOWHERE: Corners = (0.0,) * 8
_NO_CHARACTER = frozenset({"Cc", "Cn", "Co", "Cs"})

Pixels = NDArray[np.uint8]
Axes = NDArray[np.float64]
Corners = tuple[float, float, float, float, float, float, float, float]
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
    _speak_as_drawn(page)
    text = pdfium.FPDFText_LoadPage(page)
    if not text:
        return []
    try:
        count = pdfium.FPDFText_CountChars(text)
        if count > MAX_CHARACTERS:
            raise TaskRefused("characters")
        found = list(_read(text, count))
    finally:
        pdfium.FPDFText_ClosePage(text)
    corners = np.array([one[3] if one else _NOWHERE for one in found]).reshape(-1, 4)
    quads = iter(map(tuple, upright(to_px(page, size_px), corners, size_px).tolist()))
    return [
        Character(one[0], ink, place, *one[1:3]) if one else None
        for one, ink, place in zip(found, quads, quads, strict=True)
    ]


def blank(page: Handle) -> None:
    """Draw no text of this page any more. Raises `TaskRefused` where it has too many objects."""
    for one in _objects(page):
        if pdfium.FPDFPageObj_GetType(one) == pdfium.FPDF_PAGEOBJ_TEXT:
            pdfium.FPDFPageObj_SetIsActive(one, False)


def _speak_as_drawn(page: Handle) -> None:
    """Let no text of this page be read as another one than its glyphs stand for: who looks sees the glyphs."""
    for one in _objects(page):
        for number in reversed(range(pdfium.FPDFPageObj_CountMarks(one))):
            mark = pdfium.FPDFPageObj_GetMark(one, number)
            if pdfium.FPDFPageObjMark_GetParamValueType(mark, b"ActualText") != pdfium.FPDF_OBJECT_UNKNOWN:
                pdfium.FPDFPageObj_RemoveMark(one, mark)


def _objects(page: Handle) -> Iterator[Handle]:
    """Every object of the page, those inside forms too."""
    left = MAX_OBJECTS
    pending = [(pdfium.FPDFPage_GetObject(page, at), 0) for at in range(_counted(pdfium.FPDFPage_CountObjects(page)))]
    while pending:
        one, depth = pending.pop()
        left -= 1
        if left < 0 or depth > _MAX_DEPTH:
            raise TaskRefused("objects")
        yield one
        if pdfium.FPDFPageObj_GetType(one) == pdfium.FPDF_PAGEOBJ_FORM:
            inside = _counted(pdfium.FPDFFormObj_CountObjects(one))
            pending += ((pdfium.FPDFFormObj_GetObject(one, at), depth + 1) for at in range(inside))


def sorted_out(chars: Sequence[Character | None], seen: Pixels, bare: Pixels) -> Found:
    """Words, hidden text and faint places, by how much drawing the text changes each character's pixels.

    `bare` is written over: two pages of pixels are as much as may be held at a time, and a third for what differs.
    """
    found = Found()
    differing = np.maximum(seen, bare)
    differing -= np.minimum(seen, bare, out=bare)
    levels = [0 if char is None else _most(differing, char.ink) for char in chars]
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
    if count > MAX_OBJECTS:
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


def _read(text: Handle, count: int) -> Iterator[tuple[str, bool, bool, Corners] | None]:
    """Character by character what it says, whether that can be told, whether it clips, and its two rectangles."""
    sides = tuple(ctypes.c_double() for _ in range(4))
    loose = pdfium.FS_RECTF()
    left, right, bottom, top = sides
    for number in range(count):
        code = pdfium.FPDFText_GetUnicode(text, number)
        code = code if code < 0x110000 else 0xFFFD
        shown = _SOFT_HYPHENS.get(chr(code), chr(code))
        if shown.isspace() or not pdfium.FPDFText_GetCharBox(text, number, *sides):
            yield None
            continue
        pdfium.FPDFText_GetLooseCharBox(text, number, loose)
        owner = pdfium.FPDFText_GetTextObject(text, number)
        clips = bool(owner) and pdfium.FPDFTextObj_GetTextRenderMode(owner) in _CLIPPING_MODES
        told = not clips and _stands_for_itself(shown) and pdfium.FPDFText_HasUnicodeMapError(text, number) != 1
        ink = (left.value, bottom.value, right.value, top.value)
        yield shown, told, clips, (*ink, loose.left, loose.bottom, loose.right, loose.top)
        if chr(code) in _LINE_ENDS:
            yield None


def _stands_for_itself(shown: str) -> bool:
    return shown != "\ufffd" and unicodedata.category(shown) not in _NO_CHARACTER


def upright(axes: Axes, corners: Axes, size_px: tuple[int, int]) -> NDArray[np.int64]:
    """The smallest upright rectangles around pairs of corners, a pixel wider on each side, inside the page."""
    with np.errstate(over="ignore", invalid="ignore"):
        ends = corners.reshape(-1, 2, 2) @ axes[:2] + axes[2]
    ends = np.nan_to_num(ends, nan=0.0, posinf=0.0, neginf=0.0)
    sides = np.concatenate((ends.min(axis=1) - 1, ends.max(axis=1) + 2), axis=1)
    inside: NDArray[np.float64] = np.clip(sides, 0, (*size_px, *size_px))
    return inside.astype(np.int64)


def _most(differing: Pixels, ink: Quad) -> int:
    """The most that any level of any pixel in this place differs by."""
    left, top, right, bottom = ink
    return int(differing[top:bottom, left:right].max(initial=0))


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
    marks = np.array([unicodedata.combining(char.text) > 0 for char in kept])
    middles = (quads[:, :2] + quads[:, 2:]) / 2
    # From top to bottom, so that each block is held against its own part of the page only.
    order = np.argsort(middles[:, 1], kind="stable")
    for start in range(0, len(order), _BLOCK):
        some = order[start : start + _BLOCK]
        x, y = middles[some, :1], middles[some, 1:]
        near = np.flatnonzero((quads[:, 1] < y.max()) & (quads[:, 3] > y.min()))
        left, top, right, bottom = quads[near].T
        inside = (x > left + 1) & (x < right - 1) & (y > top + 1) & (y < bottom - 1)
        inside &= codes[some, None] != codes[near]
        inside &= np.abs(places[some, None] - places[near]) > _LIGATURE
        inside &= ~(marks[some, None] | marks[near])
        found[places[some[inside.any(axis=1)]]] = True
        found[places[near[inside.any(axis=0)]]] = True
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
