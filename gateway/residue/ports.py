"""Who reads letters for the gate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.detect.model import Found


class Reader(Protocol):
    """Reads what is written in a picture; it may misread, so what it did not find is not proven absent."""

    def version(self) -> str:
        """The models and the rules, in one word: the same word reads the same in the same pixels.

        Raises `DetectorMissing` where this gateway has no reader.
        """
        ...

    def read(self, width_px: int, height_px: int, untrusted_rgb: bytes) -> Sequence[Found]:
        """The lines of text in these pixels (8-bit RGB, row-major), with their words; nothing is remembered.

        Raises `DetectorMissing`, or what the sandbox raises.
        """
        ...
