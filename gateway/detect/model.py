"""What a detector says about a picture: where something is that a person should look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

TEXT, FACE, CODE = "text", "face", "code"
SORTS = (TEXT, FACE, CODE)
MAX_FOUND, MAX_WORDS_CHARS = 2_000, 400


@dataclass(frozen=True, slots=True)
class Found:
    """One thing in a picture: a line of text, a face, or a printed code such as a QR code.

    `place` is left, top, width, height in the picture's pixels. `classes` is what the words that were
    read there are (EMAIL, IBAN, …). `words` are they, where they were asked for: else they stay where they were read.
    """

    sort: str
    place: tuple[int, int, int, int]
    words: str = ""
    classes: frozenset[str] = frozenset()


class Detector(Protocol):
    """Suggests what is in a picture; it never decides, and that it found nothing is nobody's consent."""

    def version(self) -> str:
        """The models and the rules, in one word: the same word finds the same things in the same pixels.

        Raises `DetectorMissing` where this gateway has no detector.
        """
        ...

    def find(self, width_px: int, height_px: int, untrusted_rgb: bytes) -> Sequence[Found]:
        """Everything found in these pixels (8-bit RGB, row-major), from top to bottom.

        Raises `DetectorMissing`, or what the sandbox raises.
        """
        ...
