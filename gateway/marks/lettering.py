"""Text as grey masks, in the two fonts that travel with the gateway: the same pixels on every machine.

DejaVu Sans writes Latin, Greek and Cyrillic; Droid Sans Fallback writes Chinese and Japanese. A character that neither
has is refused, because a box in its place would be a mark that nobody can read.
"""

from __future__ import annotations

import io
import unicodedata
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path

from PIL import Image, ImageDraw, ImageFile, ImageFont

from gateway.base.problems import Refused

FONTS_DIR = Path(__file__).parent / "fonts"
_LATIN, _HAN = "DejaVuSans.ttf", "DroidSansFallbackFull.ttf"
_PROBE_PX = 24
_ASCENT, _DESCENT = 0.94, 0.24
_NO_CHARACTER = "\U0010ffff"
# Pillow loads it when it first needs it, and a process behind walls can load nothing.
_PRELOADED = (ImageFile,)


class MarkUnwritable(Refused):
    """The mark holds a character that the gateway's fonts do not have."""

    slug = "mark-unwritable"
    title = "The visible mark cannot be written"


def load() -> None:
    """Read the fonts, for a process that will not be able to open files."""
    for name in (_LATIN, _HAN):
        _font_file(name)


@cache
def _font_file(name: str) -> bytes:
    return (FONTS_DIR / name).read_bytes()


@lru_cache(maxsize=64)
def _font(name: str, size_px: int) -> ImageFont.FreeTypeFont:
    # The basic layout engine is in every build of Pillow; the other one is not.
    return ImageFont.truetype(io.BytesIO(_font_file(name)), size_px, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=4096)
def _font_of(character: str) -> str:
    if character == " ":
        return _LATIN
    # Scripts that run leftwards or join their letters come out wrong without shaping, even where a font has them.
    shaped = unicodedata.bidirectional(character) in {"R", "AL", "AN"} or unicodedata.category(character) == "Mn"
    for name in () if shaped else (_LATIN, _HAN):
        font = _font(name, _PROBE_PX)
        mask = font.getmask(character)
        if mask.getbbox() is not None and bytes(mask) != bytes(font.getmask(_NO_CHARACTER)):
            return name
    raise MarkUnwritable(
        "The recipient's name holds a character that the mark's fonts do not have; give the name in Latin, Greek, "
        "Cyrillic, Chinese or Japanese letters."
    )


def runs(text: str) -> list[tuple[str, str]]:
    return [(name, "".join(run)) for name, run in groupby(text, key=_font_of)]


def width(text: str, size_px: int) -> int:
    """How far one line of `text` reaches, in pixels."""
    return round(sum(_font(name, size_px).getlength(run) for name, run in runs(text)))


@lru_cache(maxsize=1 << 14)
def advance(character: str, size_px: int) -> float:
    """How far one character reaches, in pixels."""
    return _font(_font_of(character), size_px).getlength(character)


def height(size_px: int) -> int:
    """How high a line of this size is, from the top of its highest letters to the bottom of its lowest."""
    return round(size_px * _ASCENT) + round(size_px * _DESCENT)


def letter(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, size_px: int, *, bold: bool = False) -> None:
    """Draw one line of `text` in black; `place` is the left upper corner of what it takes up."""
    left, baseline = float(place[0]), place[1] + round(size_px * _ASCENT)
    for name, run in runs(text):
        font = _font(name, size_px)
        draw.text((left, baseline), run, fill=0, font=font, anchor="ls", stroke_width=size_px / 45 if bold else 0)
        left += font.getlength(run)


def wrapped(text: str, columns: int) -> list[str]:
    """`text` in lines of at most `columns` columns, a wide character taking two; words break only when they must."""
    lines: list[str] = []
    for word in unicodedata.normalize("NFC", text).split():
        if lines and _columns(f"{lines[-1]} {word}") <= columns:
            lines[-1] += f" {word}"
        else:
            lines += _pieces(word, columns)
    return lines


def _pieces(word: str, columns: int) -> list[str]:
    pieces = [""]
    for character in word:
        if _columns(pieces[-1] + character) > columns:
            pieces.append("")
        pieces[-1] += character
    return pieces


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def write(lines: list[tuple[str, int]], stroke_px: int) -> tuple[Image.Image, Image.Image]:
    """The lines below each other, each with its size in pixels: the letters, and the letters grown by the stroke.

    Two grey masks (mode L) of one size, tight around the text but for a margin of the stroke.
    """
    margin = stroke_px + 1
    columns = max(width(text, size_px) for text, size_px in lines) + 2 * margin
    rows = sum(_leading(size_px) for _, size_px in lines) + 2 * margin
    masks = []
    for stroke in (0, stroke_px):
        mask = Image.new("L", (columns, rows))
        draw = ImageDraw.Draw(mask)
        top = margin
        for text, size_px in lines:
            left = float(margin)
            for name, run in runs(text):
                font = _font(name, size_px)
                baseline = top + round(size_px * 0.98)
                draw.text((left, baseline), run, fill=255, font=font, anchor="ls", stroke_width=stroke)
                left += font.getlength(run)
            top += _leading(size_px)
        masks.append(mask)
    return masks[0], masks[1]


def _leading(size_px: int) -> int:
    return round(size_px * 1.3)
