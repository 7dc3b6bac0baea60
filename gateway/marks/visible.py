"""The visible mark: burned into pixels as diagonal tiles, and a last column in tables.

A tile says in a few lines what `mark_text` says in one (its parts stand between ` · `). Tiles lie on a staggered
lattice whose middle is the middle of the picture; light letters with a dark outline read on bright and on dark ground.
Where the tiles lie depends on nothing but the picture's size and the text, so that anyone can compute where the mark
must be (`mark_mask`) and look whether it is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

from gateway.base.problems import Refused
from gateway.marks import lettering

TABLE_HEADER = "Released copy"
REHEARSAL = "REHEARSAL"
SEPARATOR = " · "

MIN_LETTER_PX = 13
MAX_LETTER_PX = 96
# The text runs upwards along (15, -8)/17, about 28°: whole numbers, so that every machine computes the same lattice.
_ALONG, _UP, _UNIT = 15, 8, 17
_ANGLE_DEGREES = 28.0724869
_LIGHT_ALPHA, _DARK_ALPHA = 0.44, 0.32
_LINE_COLUMNS = 30
_MARGIN_LETTERS_PER_SIDE = 80
_WORD = 8
_PIECE_WORDS = 1 << 13
_STEP_PX = 8
_TALL_PX = 1 << 14

Pixels = NDArray[np.uint8]
Rectangle = tuple[int, int, int, int]


class MarkDoesNotFit(Refused):
    """The picture has no place where one whole mark can be read."""

    slug = "mark-does-not-fit"
    title = "The visible mark does not fit"


@dataclass(frozen=True, slots=True)
class Lattice:
    """How large letters are, as a part of the shorter side, and how far apart tiles lie, in heights of a letter.

    With `in_margin` the mark also runs along the lower edge, where boxes hardly ever reach; not `tiled`, only there.
    """

    letters_per_side: int
    gap_along: float
    gap_across: float
    in_margin: bool = False
    tiled: bool = True


PICTURE = Lattice(48, 4, 3.5)
PAGE = Lattice(60, 12, 9, in_margin=True)
FILM = Lattice(48, 6, 5, in_margin=True)
STRIP = Lattice(60, 12, 9, in_margin=True, tiled=False)


@dataclass(frozen=True, slots=True)
class _Ink:
    """The words of a picture's octets that its mark changes, in 255ths how much covers each octet of them."""

    places: NDArray[np.intp]
    dark: NDArray[np.uint8]
    light: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Tile:
    """One mark, turned: its letters and its outline as grey masks of one size."""

    letters: Image.Image
    outline: Image.Image
    step_along_px: int
    step_across_px: int


def table_cell(mark_text: str) -> str:
    """What stands in the last column of every row."""
    return mark_text


def burn_in(pixels: Pixels, mark_text: str, lattice: Lattice = PICTURE) -> None:
    """Write the mark into `pixels`, 8-bit RGB or grey (then without a third axis), contiguous rows.

    Raises `MarkDoesNotFit`.
    """
    for ink, words in _inks(pixels, mark_text, lattice):
        _lay(ink, words)


def lift(pixels: Pixels, mark_text: str, lattice: Lattice = PICTURE) -> None:
    """Take the mark off `pixels` again, in place, as far as rounding and a coder in between let it be known."""
    for ink, words in _inks(pixels, mark_text, lattice):
        for start in range(0, len(ink.places), _PIECE_WORDS):
            at = ink.places[start : start + _PIECE_WORDS]
            octets = words[at].view(np.uint8)
            piece = slice(start * words.itemsize, start * words.itemsize + len(octets))
            light = ink.light[piece].astype(np.float32)
            kept = (255 - ink.dark[piece].astype(np.float32)) * (255 - light) / 255**2
            words[at] = np.clip((octets - light) / kept + 0.5, 0, 255).astype(np.uint8).view(words.dtype)


def _inks(pixels: Pixels, mark_text: str, lattice: Lattice) -> Iterator[tuple[_Ink, NDArray[Any]]]:
    """What the mark changes, beside the words of `pixels` that it changes."""
    height_px, width_px = pixels.shape[:2]
    channels = pixels.size // (height_px * width_px)
    octets = pixels.reshape(-1)
    whole = height_px * width_px // _WORD * _WORD * channels
    words, rest = _ink((width_px, height_px), mark_text, channels, lattice)
    yield words, octets[:whole].view(np.uint64)
    yield rest, octets[whole:]


class Veil:
    """The same mark for many pictures of one size, grey or the luma of a video, laid over all of one in three steps."""

    def __init__(self, size_px: tuple[int, int], mark_text: str, lattice: Lattice = PICTURE) -> None:
        letters, outline = _masks(size_px, mark_text, lattice)
        shape = size_px[1], size_px[0]
        dark, light = (
            _covering(mask, alpha).reshape(shape).astype(np.uint16)
            for mask, alpha in ((outline, _DARK_ALPHA), (letters, _LIGHT_ALPHA))
        )
        # First the dark, then the light: what is left of a level, and what is added to it, both in 256ths.
        self._kept = ((255 - dark) * (255 - light) // 255 + 1).astype(np.uint16)
        self._added = (light * 255).astype(np.uint16)
        self._levels = np.empty(shape, np.uint16)

    def lay(self, grey: Pixels) -> None:
        """Write the mark into rows of grey, in place."""
        np.multiply(grey, self._kept, out=self._levels, dtype=np.uint16)
        np.add(self._levels, self._added, out=self._levels)
        np.right_shift(self._levels, 8, out=self._levels)
        grey[...] = self._levels


def _lay(ink: _Ink, words: NDArray[Any]) -> None:
    """Lay the mark over these words of octets, in place: black, then white, each rounded to the nearest."""
    # Piece by piece, so that what is worked out stays in the processor's cache.
    for start in range(0, len(ink.places), _PIECE_WORDS):
        at = ink.places[start : start + _PIECE_WORDS]
        levels = words[at].view(np.uint8).astype(np.uint16)
        piece = slice(start * words.itemsize, start * words.itemsize + len(levels))
        levels *= 255 - ink.dark[piece]
        _divide_by_255(levels)
        levels *= 255 - ink.light[piece]
        levels += ink.light[piece] * np.uint16(255)
        _divide_by_255(levels)
        words[at] = levels.astype(np.uint8).view(words.dtype)


def _divide_by_255(levels: NDArray[np.uint16]) -> None:
    """In place, rounded to the nearest."""
    levels += 128
    levels += levels >> 8
    levels >>= 8


# The photos of one release have one mark and mostly one size. What is kept is about as large as the picture.
@lru_cache(maxsize=1)
def _ink(size_px: tuple[int, int], mark_text: str, channels: int, lattice: Lattice) -> tuple[_Ink, _Ink]:
    """What of a picture the mark changes, in words of eight octets; of its last octets, each for itself."""
    letters, outline = _masks(size_px, mark_text, lattice)
    dark, light = _covering(outline, _DARK_ALPHA), _covering(letters, _LIGHT_ALPHA)
    whole = dark.size // _WORD * _WORD
    words = _inked(dark[:whole].view(np.uint64), light[:whole].view(np.uint64), channels)
    return words, _inked(dark[whole:], light[whole:], channels)


def _inked(dark: NDArray[Any], light: NDArray[Any], channels: int) -> _Ink:
    """What the mark changes, from words that hold an octet for each pixel."""
    pixels = np.flatnonzero(dark | light)
    words = (channels * pixels[:, None] + np.arange(channels)).ravel()
    covers = [np.repeat(cover[pixels].view(np.uint8), channels).view(cover.dtype) for cover in (dark, light)]
    changed = np.flatnonzero(covers[0] | covers[1])
    return _Ink(words[changed], *(cover[changed].view(np.uint8) for cover in covers))


def _covering(mask: Image.Image, alpha: float) -> NDArray[np.uint8]:
    parts = np.array([round(level * alpha) for level in range(256)], np.uint8)
    covering: NDArray[np.uint8] = parts[np.asarray(mask).ravel()]
    return covering


def mark_mask(size_px: tuple[int, int], mark_text: str, lattice: Lattice = PICTURE) -> NDArray[np.int8]:
    """Where the mark must be in a picture of this size (width, height): an array of rows × columns.

    Above zero where it brightens (letters), below where it darkens (outline), zero elsewhere; at most ±127. Both lie
    side by side along every stroke, so that the mean brightness where the mask is above 60 exceeds the mean where it
    is below -60 whatever the picture shows. Raises `MarkDoesNotFit`.
    """
    letters, outline = _masks(size_px, mark_text, lattice)
    signed = np.asarray(letters, np.int16) - np.asarray(outline, np.int16)
    return np.clip(signed // 2, -127, 127).astype(np.int8)


# Of the same size as the ink, for the same reason.
@lru_cache(maxsize=2)
def tiles(size_px: tuple[int, int], mark_text: str, lattice: Lattice = PICTURE) -> tuple[Rectangle, ...]:
    """Left, top, right, bottom of every whole tile in a picture of this size, from the top. Raises `MarkDoesNotFit`."""
    if not lattice.tiled:
        return ()
    tile = _fitting_tile(size_px, mark_text, lattice)
    width_px, height_px = tile.letters.size
    return tuple(
        (left, top, left + width_px, top + height_px)
        for left, top in _places(size_px, tile)
        if left >= 0 and top >= 0 and left + width_px <= size_px[0] and top + height_px <= size_px[1]
    )


def require_readable(
    size_px: tuple[int, int], mark_text: str, covered: tuple[Rectangle, ...], lattice: Lattice = PICTURE
) -> None:
    """Raise `MarkDoesNotFit` unless of one whole mark no letter lies under a `covered` rectangle."""
    whole = []
    if lattice.tiled:
        letters = _fitting_tile(size_px, mark_text, lattice).letters
        whole += [(letters, left, top) for left, top, _, _ in tiles(size_px, mark_text, lattice)]
    if lattice.in_margin:
        (letters, _), (left, top) = _margin(size_px, mark_text, lattice)
        whole.append((letters, left, top))
    for letters, left, top in whole:
        right, bottom = left + letters.width, top + letters.height
        near = [box for box in covered if box[0] < right and box[2] > left and box[1] < bottom and box[3] > top]
        if not near or not _covers_letters(letters, left, top, near):
            return
    raise MarkDoesNotFit(
        "The boxes leave no place where one whole mark can be read; draw a larger work area or leave this picture out."
    )


def roomy(size_px: tuple[int, int], mark_text: str, lattice: Lattice = PICTURE) -> tuple[int, int]:
    """The size of the least canvas that holds a picture of this size and has room for one whole mark, in steps of 8."""
    least = _tile(mark_text, MIN_LETTER_PX, lattice).letters.size
    width_px, height_px = (
        max(side, -(-room // _STEP_PX) * _STEP_PX) for side, room in zip(size_px, least, strict=True)
    )
    return width_px, height_px


def strip_px(width_px: int, mark_text: str) -> int:
    """How many rows at the lower edge of a page of this width a mark takes up that stands there alone."""
    (letters, _), _ = _margin((width_px, _TALL_PX), mark_text, STRIP)
    return letters.height * 3 // 2


def _covers_letters(letters: Image.Image, left: int, top: int, covered: list[Rectangle]) -> bool:
    """Whether one of these rectangles lies over a letter of a mark that is at this place."""
    hidden = Image.new("L", letters.size)
    draw = ImageDraw.Draw(hidden)
    for box in covered:
        draw.rectangle((box[0] - left, box[1] - top, box[2] - left - 1, box[3] - top - 1), fill=255)
    return ImageChops.multiply(hidden, letters).getbbox() is not None


def _masks(size_px: tuple[int, int], mark_text: str, lattice: Lattice) -> tuple[Image.Image, Image.Image]:
    letters, outline = Image.new("L", size_px), Image.new("L", size_px)
    if lattice.tiled:
        tile = _fitting_tile(size_px, mark_text, lattice)
        for place in _places(size_px, tile):
            letters.paste(255, place, tile.letters)
            outline.paste(255, place, tile.outline)
    if lattice.in_margin:
        masks, place = _margin(size_px, mark_text, lattice)
        for whole, mask in zip((letters, outline), masks, strict=True):
            whole.paste(0, (0, place[1], size_px[0], size_px[1]))
            whole.paste(255, place, mask)
    return letters, outline


@lru_cache(maxsize=2)
def _margin(
    size_px: tuple[int, int], mark_text: str, lattice: Lattice
) -> tuple[tuple[Image.Image, Image.Image], tuple[int, int]]:
    """The mark along the lower edge: letters and outline, and where they lie."""
    # Where it stands alone, its size follows from the width alone, which a page keeps when it becomes longer.
    side_px = min(size_px) if lattice.tiled else size_px[0]
    letter_px = max(MIN_LETTER_PX, min(MAX_LETTER_PX, round(side_px / _MARGIN_LETTERS_PER_SIDE)))
    columns = size_px[0] * 3 // (2 * letter_px)
    lines = [(line, letter_px) for line in lettering.wrapped(mark_text, columns)]
    letters, grown = lettering.write(lines, max(1, round(letter_px / 14)))
    place = (size_px[0] - letters.width) // 2, size_px[1] - letters.height - letter_px // 4
    if min(place) < 0:
        raise MarkDoesNotFit("The page is too small to carry its mark in the margin; leave the page out.")
    return (letters, ImageChops.subtract(grown, letters)), place


def _fitting_tile(size_px: tuple[int, int], mark_text: str, lattice: Lattice) -> _Tile:
    """The largest tile up to the size's own letter height of which one fits whole."""
    letter_px = max(MIN_LETTER_PX, min(MAX_LETTER_PX, round(min(size_px) / lattice.letters_per_side)))
    if _is_rehearsal(mark_text):
        letter_px = round(letter_px * 1.4)
    while letter_px >= MIN_LETTER_PX:
        tile = _tile(mark_text, letter_px, lattice)
        if tile.letters.width <= size_px[0] and tile.letters.height <= size_px[1]:
            return tile
        letter_px = letter_px * 9 // 10
    smallest = _tile(mark_text, MIN_LETTER_PX, lattice).letters.size
    raise MarkDoesNotFit(
        f"The picture is too small to carry its mark: at least {smallest[0]} × {smallest[1]} pixels are needed; draw a "
        "larger work area or use a picture with more pixels."
    )


def _is_rehearsal(mark_text: str) -> bool:
    return mark_text.startswith(REHEARSAL + SEPARATOR)


@lru_cache(maxsize=16)
def _tile(mark_text: str, letter_px: int, lattice: Lattice) -> _Tile:
    parts = mark_text.split(SEPARATOR)
    lines = [(line, letter_px) for part in parts for line in lettering.wrapped(part, _LINE_COLUMNS)]
    if _is_rehearsal(mark_text):
        lines[0] = (REHEARSAL, letter_px * 2)
    stroke_px = max(1, round(letter_px / 14))
    letters, grown = lettering.write(lines, stroke_px)
    outline = ImageChops.subtract(grown, letters)
    turned = [
        mask.rotate(_ANGLE_DEGREES, resample=Image.Resampling.BICUBIC, expand=True) for mask in (letters, outline)
    ]
    return _Tile(
        turned[0],
        turned[1],
        step_along_px=letters.width + round(letter_px * lattice.gap_along),
        step_across_px=letters.height + round(letter_px * lattice.gap_across),
    )


def _places(size_px: tuple[int, int], tile: _Tile) -> list[tuple[int, int]]:
    """Upper left corners of all tiles that touch the picture; the lattice's origin is the picture's middle."""
    width_px, height_px = tile.letters.size
    reach = size_px[0] + size_px[1] + width_px + height_px
    places = []
    for row in range(-(reach // tile.step_across_px), reach // tile.step_across_px + 1):
        shift = tile.step_along_px // 2 if row % 2 else 0
        across = row * tile.step_across_px
        for column in range(-(reach // tile.step_along_px) - 1, reach // tile.step_along_px + 2):
            along = column * tile.step_along_px + shift
            left = (size_px[0] - width_px) // 2 + (along * _ALONG + across * _UP) // _UNIT
            top = (size_px[1] - height_px) // 2 + (across * _ALONG - along * _UP) // _UNIT
            if -width_px < left < size_px[0] and -height_px < top < size_px[1]:
                places.append((left, top))
    return sorted(places, key=lambda place: (place[1], place[0]))
