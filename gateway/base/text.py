"""Text from outside: bounded, normalised, free of invisible tricks."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

from gateway.base.problems import Usage

# Unicode's Default_Ignorable_Code_Point, whose characters show nothing: zero-width ones hide differences, bidirectional
# controls reorder what a reader sees, tags and variation selectors carry a whole hidden text behind one letter. And
# the interlinear annotation characters, which do the same.
HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Unicode's categories Cc and Cs.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_FEW_NAMES = 8


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
    if has_hidden(text) or _CONTROL.search(text):
        raise UnsafeText(f"The {what} holds control, bidirectional or zero-width characters.")
    return text


def has_hidden(text: str) -> bool:
    """Whether `text` holds bidirectional, zero-width or other characters that show nothing."""
    return HIDDEN.search(text) is not None


def comparable(text: str) -> str:
    """What a reader takes for the same word: case, width, outer spaces and characters that show nothing left out."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", HIDDEN.sub("", text))
    return text.strip().casefold()


def counted(number: int, noun: str) -> str:
    """`1 error`, `3 errors`: for nouns that take an s."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def nearest(untrusted_name: str, names: Iterable[str]) -> str:
    """The three of `names` that look most like the one that was meant, for a sentence; all where there are few."""
    known = sorted(names)
    if len(known) <= _FEW_NAMES:
        return ", ".join(known)
    close = difflib.get_close_matches(untrusted_name[:80], known, n=3, cutoff=0)
    return f"{', '.join(close)} and {len(known) - len(close)} others"
