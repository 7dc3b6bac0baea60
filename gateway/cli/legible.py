"""What is legible in a file that somebody else made: its picture, its pages, or a frame a second of its video."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gateway.formats.model import Box, Content, Cut, Pages, Picture, Video
from gateway.residue.layout import Passage
from gateway.residue.pixels import STEP, smaller
from gateway.residue.ports import Reader
from gateway.residue.reading import MAX_FRAMES, MAX_PIXELS, Surface, TooMuchToRead, legible
from gateway.residue.video import in_colours


def read(content: Content, reader: Reader) -> list[tuple[Surface, Passage]] | None:
    """Everything that a reader reads; nothing at all of what has no pixels or none that are looked at."""
    if not isinstance(content, Picture | Pages | Video):
        return None
    reader.version()
    return [(surface, one) for surface, rgb in _surfaces(content) for one in legible(reader, surface, rgb)]


def _surfaces(content: Picture | Pages | Video) -> Iterator[tuple[Surface, bytes]]:
    match content:
        case Picture():
            yield Surface(0, "the picture", (content.width_px, content.height_px)), content.rgb
        case Pages():
            if sum(page.width_px * page.height_px for page in content.pages) > MAX_PIXELS * STEP**2:
                raise TooMuchToRead(
                    f"The file has more than {MAX_PIXELS // 1_000_000} million pixels to read; split it."
                )
            yield from _pages(content)
        case Video():
            yield from _frames(content)


def _pages(content: Pages) -> Iterator[tuple[Surface, bytes]]:
    for number, page in enumerate(content.pages, start=1):
        raster = np.frombuffer(content.raster(number), np.uint8).reshape(page.height_px, page.width_px, -1)
        half = smaller(np.broadcast_to(raster, (page.height_px, page.width_px, 3)))
        yield Surface(number - 1, f"page {number}", (half.shape[1], half.shape[0]), STEP), half.tobytes()


def _frames(content: Video) -> Iterator[tuple[Surface, bytes]]:
    """A frame a second, from the first on, or as many over all of it as are read of a rendition."""
    width_px, height_px = content.width_px & ~1, content.height_px & ~1
    count = max(1, min(content.duration_ms // 1000, MAX_FRAMES, MAX_PIXELS // (width_px * height_px)))
    for number in range(count):
        at_ms = content.duration_ms * number // count
        cut = Cut(Box(0, 0, width_px, height_px), (width_px, height_px), 1, at_ms, 1)
        for _, planes in content.frames(cut):
            samples = np.frombuffer(planes, np.uint8)
            luma = samples[: width_px * height_px].reshape(height_px, width_px)
            colours = samples[luma.size :].reshape(2, height_px // 2, width_px // 2)
            rgb = in_colours(luma, colours, content.matrix).tobytes()
            yield Surface(number, f"the frame at {at_ms} ms", (width_px, height_px)), rgb
