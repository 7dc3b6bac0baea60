"""A reader that need not look: it read what a test says it read."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.detect.model import Found


class Saying:
    """Reads these words in every picture, line below line, always at the same places."""

    def __init__(self, *words: str, version: str = "saying/1") -> None:
        self._words, self._version = words, version
        self.asked: list[tuple[int, int]] = []

    def version(self) -> str:
        return self._version

    def read(self, width_px: int, height_px: int, untrusted_rgb: bytes) -> Sequence[Found]:
        assert len(untrusted_rgb) == 3 * width_px * height_px
        self.asked.append((width_px, height_px))
        return [Found("text", (30, 40 + 30 * number, 200, 20), words) for number, words in enumerate(self._words)]
