"""Letters as outlines, from the two fonts that travel with the gateway. Runs only in the sandbox's child.

The fonts are read when this is imported: behind the walls nothing can be opened. What neither font has is shown as an
empty frame, so that nobody takes a text for complete that is not.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fontTools.pens import reverseContourPen, transformPen
from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont

from gateway.formats.drawing_scene import Step
from gateway.marks.lettering import FONTS_DIR

# The library loads these when it first needs them, and a process behind walls can load nothing.
_PRELOADED = (reverseContourPen, transformPen)
# How high a capital is, as a part of the em, and how much narrower than the font a drawing's letters are.
_CAPITAL = 0.73
_NARROW = 0.86
_NARROW_BELOW = 0x2E80


@dataclass(frozen=True, slots=True)
class _Glyph:
    """Its outline and how far it reaches, both in ems."""

    steps: tuple[Step, ...]
    advance: float


class _Font:
    def __init__(self, name: str) -> None:
        font: Any = TTFont(io.BytesIO((FONTS_DIR / name).read_bytes()), lazy=True)
        self.names: dict[int, str] = font.getBestCmap()
        self.glyphs = font.getGlyphSet()
        self.em = font["head"].unitsPerEm
        # The outlines would otherwise be unpacked when the first letter is drawn.
        font.ensureDecompiled(recurse=False)


class _Pen(BasePen):  # type: ignore[misc]
    def __init__(self, glyphs: Any, em: int) -> None:
        super().__init__(glyphs)
        self.steps: list[Step] = []
        self._em = em

    def _step(self, letter: str, *points: tuple[float, float]) -> None:
        self.steps.append((letter, tuple(number / self._em for point in points for number in point)))

    def _moveTo(self, pt: Any) -> None:  # noqa: N802 - the library's name
        self._step("M", pt)

    def _lineTo(self, pt: Any) -> None:  # noqa: N802
        self._step("L", pt)

    def _qCurveToOne(self, pt1: Any, pt2: Any) -> None:  # noqa: N802
        self._step("Q", pt1, pt2)

    def _curveToOne(self, pt1: Any, pt2: Any, pt3: Any) -> None:  # noqa: N802
        self._step("C", pt1, pt2, pt3)

    def _closePath(self) -> None:  # noqa: N802
        self._step("Z")


_FONTS = (_Font("DejaVuSans.ttf"), _Font("DroidSansFallbackFull.ttf"))
_FRAME = _Glyph(
    (
        ("M", (0.08, 0.0)), ("L", (0.52, 0.0)), ("L", (0.52, 0.7)), ("L", (0.08, 0.7)), ("Z", ()),
        ("M", (0.12, 0.04)), ("L", (0.12, 0.66)), ("L", (0.48, 0.66)), ("L", (0.48, 0.04)), ("Z", ()),
    ),
    0.6,
)  # fmt: skip


@lru_cache(maxsize=4096)
def _glyph(character: str) -> _Glyph:
    code = ord(character)
    for font in _FONTS:
        name = font.names.get(code)
        if name is not None:
            pen = _Pen(font.glyphs, font.em)
            font.glyphs[name].draw(pen)
            return _Glyph(tuple(pen.steps), font.glyphs[name].width / font.em)
    return _FRAME


def width(text: str, capital: float) -> float:
    """How far a line of text reaches whose capitals are so high."""
    return sum(_glyph(one).advance * _narrowed(one) for one in text) * capital / _CAPITAL


def outline(text: str, capital: float) -> Iterator[Step]:
    """A line of text from the left end of its baseline, y upwards."""
    size = capital / _CAPITAL
    at = 0.0
    for one in text:
        glyph, narrow = _glyph(one), _narrowed(one)
        for letter, numbers in glyph.steps:
            points = zip(numbers[::2], numbers[1::2], strict=True)
            yield letter, tuple(number for x, y in points for number in ((at + x * narrow) * size, y * size))
        at += glyph.advance * narrow


def _narrowed(character: str) -> float:
    return _NARROW if ord(character) < _NARROW_BELOW else 1.0
