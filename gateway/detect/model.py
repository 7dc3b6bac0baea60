"""What a detector says about a picture: where something is that a person should look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

TEXT, FACE, CODE = "text", "face", "code"
SORTS = (TEXT, FACE, CODE)
MAX_FOUND, MAX_WORDS_CHARS = 2_000, 400


# Left, top, right, bottom.
Sides = tuple[int, int, int, int]


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


@dataclass(frozen=True, slots=True)
class Seen:
    """Something found in a frame of a video, and where its pixels were followed to, frame by frame.

    `ahead` goes to the next frame that was looked at, `behind` to the one before; both end where it was lost.
    """

    found: Found
    ahead: tuple[Sides, ...] = ()
    behind: tuple[Sides, ...] = ()
    is_lost: bool = True

    @property
    def sides(self) -> Sides:
        """Where it was found."""
        left, top, width, height = self.found.place
        return left, top, left + width, top + height

    @property
    def heading(self) -> Sides:
        """Where it should be in the next frame that is looked at."""
        return self.sides if self.is_lost or not self.ahead else self.ahead[-1]


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
