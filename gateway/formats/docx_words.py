"""The words of a document as they are typed: cleaned, raised and lowered, gathered run by run into paragraphs."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from gateway.base.text import HIDDEN
from gateway.formats.docx_xml import child, value

SYMBOL = "[symbol]"
# What the symbol fonts of offices show at these places.
_SYMBOLS = {
    "\uf0b7": "•",
    "\uf0a7": "▪",
    "\uf0a8": "☐",
    "\uf06f": "☐",
    "\uf0fe": "☒",
    "\uf0fd": "☒",
    "\uf0fc": "✓",
    "\uf0d8": "➢",
    "\uf0e0": "→",
}
_RAISED = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
_SYMBOL_FONTS = frozenset({"symbol", "wingdings", "wingdings 2", "wingdings 3", "webdings", "marlett"})
_SPACES = re.compile(r"[^\S\n]+")


def plain(text: str) -> str:
    """The text in NFC without what shows nothing; whatever is no character is a space."""
    if text.isascii() and text.isprintable():
        return text
    kept = unicodedata.normalize("NFC", HIDDEN.sub("", text)).replace("\u2011", "-")
    return "".join(one if one.isprintable() else _SYMBOLS.get(one, _stands_for(one)) for one in kept)


def _stands_for(character: str) -> str:
    return SYMBOL if unicodedata.category(character) == "Co" else " "


def spoken(text: str, properties: Element | None) -> tuple[str, int]:
    """What the text of a run with these properties says, and how many of its symbols are not known."""
    fonts = child(properties, "rFonts")
    if any((value(fonts, name) or "").casefold() in _SYMBOL_FONTS for name in ("ascii", "hAnsi")):
        text = "".join(chr(0xF000 + ord(one)) if 0x21 <= ord(one) <= 0xFF else one for one in text)
    shown = plain(text)
    unknown = shown.count(SYMBOL) - text.count(SYMBOL)
    match value(child(properties, "vertAlign")):
        case "superscript":
            return raised(shown), unknown
        case "subscript":
            return lowered(shown), unknown
    return shown, unknown


def symbol(code: str) -> str:
    """What a symbol shows that is given by its place in its font, in hexadecimal."""
    try:
        point = int(code, 16)
    except ValueError:
        point = 0
    return plain(chr(0xF000 | point & 0xFF)) if point & 0xFF >= 0x20 and len(code) <= 4 else SYMBOL


def raised(text: str) -> str:
    """As an exponent, so that 10 to the 6th is not 106."""
    return _moved(text, _RAISED, "^")


def lowered(text: str) -> str:
    """As an index."""
    return _moved(text, _LOWERED, "_")


def _moved(text: str, letters: dict[int, int], sign: str) -> str:
    bare = text.strip()
    if not bare:
        return text
    if all(ord(character) in letters for character in bare):
        return text.translate(letters)
    return text if bare.isalpha() and len(bare) <= 2 else f"{sign}({bare})"


@dataclass(slots=True)
class Segment:
    """The text of a paragraph, or of what of it stands behind a page break, as it grows."""

    text: str = ""
    struck: list[tuple[int, int]] = field(default_factory=list)

    def add(self, text: str, *, struck: bool = False) -> None:
        """Append `text`; runs of spaces are one."""
        squeezed = _SPACES.sub(" ", text)
        if squeezed.startswith(" ") and (not self.text or self.text[-1] in " \n"):
            squeezed = squeezed[1:]
        if struck and squeezed.strip():
            self.struck.append((len(self.text), len(self.text) + len(squeezed)))
        self.text += squeezed
