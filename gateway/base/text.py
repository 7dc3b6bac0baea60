"""Text from outside: bounded, normalised, free of invisible tricks."""

from __future__ import annotations

import unicodedata

from gateway.base.problems import Usage

# Bidirectional controls reorder what a reader sees; zero-width characters hide differences.
_FORBIDDEN = frozenset("\u061c\u200b\u200c\u200d\u200e\u200f\u2060\u2066\u2067\u2068\u2069\ufeff") | frozenset(
    map(chr, range(0x202A, 0x202F))
)


class UnsafeText(Usage):
    """A text from outside that is too long, empty or holds invisible characters."""

    slug = "unsafe-text"
    title = "A text cannot be taken as it is"


def clean_line(untrusted_text: str, *, what: str, max_chars: int = 200) -> str:
    """One visible line in NFC, or `UnsafeText` naming `what` (never the text itself)."""
    text = unicodedata.normalize("NFC", untrusted_text).strip()
    if not text:
        raise UnsafeText(f"The {what} is empty.")
    if len(text) > max_chars:
        raise UnsafeText(f"The {what} is longer than {max_chars} characters.")
    if has_hidden(text) or any(unicodedata.category(c) == "Cc" for c in text):
        raise UnsafeText(f"The {what} holds control, bidirectional or zero-width characters.")
    return text


def has_hidden(text: str) -> bool:
    """Whether `text` holds bidirectional or zero-width characters."""
    return any(c in _FORBIDDEN for c in text)
