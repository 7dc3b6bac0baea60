"""Texts made comparable: NFKC, case folded, marks and look-alikes undone, all but letters and digits taken out.

What was taken out is remembered as word borders. Umlauts become two letters, as where the keyboard lacks them.

`Folded` holds the remaining symbols as code points with, for each, whether a word starts there. Units of text (cells,
lines) are joined by `JOINT`, which survives folding, so that nothing is found across two of them. The characters that
masks are made of (`*`, `•`, `█`) and comparisons are kept: `****45` is not `45`, and `≥500 kg` is not `500 kg`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from math import log2

import numpy as np
from numpy.typing import NDArray

JOINT = "\x1e"
_JOINT = ord(JOINT)
_GAP = 0x20
_KEPT = frozenset("*•█■<>≤≥")
_BORDERS = np.array([_JOINT, *map(ord, sorted(_KEPT))], np.uint32)
_PLANE = 0x10000
_TRANSCRIBED = {
    "ä": "ae",
    "ö": "oe",
    "ü": "ue",
    "æ": "ae",
    "œ": "oe",
    "ø": "oe",
    "ł": "l",
    "đ": "d",
    "ı": "i",
    "ð": "d",
}
# Cyrillic and Greek letters that print as Latin ones.
_LOOKS = dict(zip("авеѕіјкмнорстухһԁԛԝαβειοκνρτυχ", "abesijkmhopctyxhdqwabeiokvptux", strict=True))
_DIGITS = {
    chr(point): str(unicodedata.decimal(chr(point)))
    for point in range(0x80, 0x20000)
    if unicodedata.category(chr(point)) == "Nd"
}
_ALIKE = str.maketrans(_TRANSCRIBED | _LOOKS | _DIGITS)
_BARE = str.maketrans("äöüÄÖÜøØ", "aouAOUoO")
# Latin letters with marks; in Japanese and Hindi a mark tells one syllable from another.
_MARKED = re.compile("[\u00e0-\u024f\u1e00-\u1eff]")

LETTER_BITS = log2(26)
_DIGIT_BITS = log2(10)
_IDEOGRAPH_BITS = 11.0  # about the 2000 characters that names are written with
_OTHER_BITS = 5.0

_SIGNS = "*<>"
_NO_SIGN = {ord(sign): None for sign in _SIGNS}
_NO_LETTER = {ord(symbol): None for symbol in _SIGNS + "0123456789"}

Symbols = NDArray[np.uint32]


class Folded:
    """Symbols of a text after folding; `starts[i]` says whether a word begins at symbol `i`."""

    __slots__ = ("_solid", "_starts", "symbols")

    def __init__(self, symbols: Symbols, solid: NDArray[np.bool_]) -> None:
        self.symbols = symbols
        self._solid = solid
        self._starts: NDArray[np.bool_] | None = None

    @property
    def starts(self) -> NDArray[np.bool_]:
        """Worked out when first asked for: where nothing is found, nobody asks."""
        if self._starts is None:
            starts = np.ones(len(self._solid), dtype=np.bool_)
            starts[1:] = ~self._solid[:-1]
            starts = starts.compress(self._solid)
            alone = _stands_alone(self.symbols)
            starts |= alone
            starts[1:] |= alone[:-1]
            self._starts = starts
        return self._starts

    def text(self) -> str:
        """The symbols as a string."""
        return to_text(self.symbols)

    def is_word(self, start: int, end: int) -> bool:
        """Whether both ends of `start:end` lie on word borders."""
        return bool(self.starts[start]) and (end >= len(self.symbols) or bool(self.starts[end]))


def to_symbols(text: str) -> Symbols:
    """Code points of `text`; half characters pass as they are."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint32, copy=False)


def to_text(symbols: Symbols) -> str:
    """The inverse of `to_symbols`."""
    return symbols.astype("<u4", copy=False).tobytes().decode("utf-32-le", "surrogatepass")


def normal(text: str) -> str:
    """NFKC and case folding, to a fixed point for practical purposes."""
    if text.isascii():
        return text.lower()
    return _alike(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()))


def _alike(text: str) -> str:
    """Letters as they are written where the keyboard lacks them, and what looks like a Latin letter as that letter."""
    if text.isascii():
        return text
    text = text.translate(_ALIKE)
    if not _MARKED.search(text):
        return text
    return _MARKED.sub(lambda match: unicodedata.normalize("NFD", match[0])[0], text)


def plainer(text: str) -> str:
    """`text` with its umlauts as bare vowels: Muller for Müller, beside the Mueller that folding makes of it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text)).translate(_BARE)


def fold(text: str) -> Folded:
    """Fold a text whose units are joined by `JOINT`."""
    return fold_symbols(to_symbols(normal(text)))


def fold_symbols(symbols: Symbols) -> Folded:
    """Fold code points one by one: all that bytes of unknown meaning deserve, and the second half of `fold`."""
    table = _table()
    if len(symbols) and symbols.max() >= _PLANE:
        low = symbols < _PLANE
        folded = np.where(low, table[np.where(low, symbols, 0)], symbols)
        points, places = np.unique(symbols[~low], return_inverse=True)
        says = [point if point < 0x110000 and chr(point).isalnum() else _GAP for point in points.tolist()]
        folded[~low] = np.array(says, np.uint32)[places]
    else:
        folded = table.take(symbols)
    solid = folded != _GAP
    return Folded(folded.compress(solid), solid)


def fold_many(texts: list[str]) -> list[str]:
    """The folded form of each text, as strings; empty where nothing but punctuation was in it."""
    if not texts:
        return []
    joined = JOINT.join(text.replace(JOINT, " ") for text in texts)
    return fold(joined).text().split(JOINT)


def bits(folded: str) -> float:
    """About how much a reader learns from this text, by the size of the alphabets its symbols come from."""
    if folded.isascii():
        letters = len(folded.translate(_NO_LETTER))
        return letters * LETTER_BITS + (len(folded.translate(_NO_SIGN)) - letters) * _DIGIT_BITS
    total = 0.0
    for symbol in folded:
        if "a" <= symbol <= "z":
            total += LETTER_BITS
        elif symbol.isdecimal():
            total += _DIGIT_BITS
        elif symbol not in _KEPT:
            total += _IDEOGRAPH_BITS if _ideograph(ord(symbol)) else _OTHER_BITS
    return total


def _ideograph(point: int) -> bool:
    return 0x3040 <= point <= 0x30FF or 0x3400 <= point <= 0x9FFF or 0xF900 <= point <= 0xFAFF or point >= 0x20000


def _stands_alone(symbols: Symbols) -> NDArray[np.bool_]:
    """Symbols with a word border on both sides: ideographs, signs, joints."""
    ideograph = ((symbols >= 0x3040) & (symbols <= 0x30FF)) | ((symbols >= 0x3400) & (symbols <= 0x9FFF))
    ideograph |= ((symbols >= 0xF900) & (symbols <= 0xFAFF)) | (symbols >= 0x20000)
    return ideograph | np.isin(symbols, _BORDERS)


@lru_cache(maxsize=1)
def _table() -> Symbols:
    table = np.full(_PLANE, _GAP, dtype=np.uint32)
    for point in range(_PLANE):
        character = chr(point)
        form = normal(character) if not 0xD800 <= point < 0xE000 else ""
        if form and (form[0].isalnum() or form[0] in _KEPT):
            table[point] = ord(form[0])
    table[_JOINT] = _JOINT
    return table
