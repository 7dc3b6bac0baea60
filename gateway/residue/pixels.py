"""What a rendition shows, in pixels: decoded once more by the gate's own readers, for somebody who reads letters.

The mark is taken off first: it would hide letters from a network that neither hides from a person, nor from anybody who
takes it off as well. Runs only in the sandbox's child, over a rendition in which the gate has found nothing yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from gateway.marks.visible import FILM, PAGE, PICTURE, Lattice, lift
from gateway.residue.document import page_pixels
from gateway.residue.jpeg import Pixels
from gateway.residue.model import DocumentExpectation, Expectation, PictureExpectation, VideoExpectation
from gateway.residue.picture import picture_pixels
from gateway.residue.video import frame_planes, in_colours

# A page of 200 dpi is read at 100: letters from 6 points up are as legible to a network, in a third of the time.
STEP = 2


def shown(data: bytes, expected: Expectation, numbers: Sequence[int]) -> Iterator[bytes]:
    """RGB rows of each of these surfaces, counted from 0: the picture, the pages made small, or the frames.

    Raises `Broken`.
    """
    match expected:
        case PictureExpectation():
            pixels = _lifted((picture_pixels(data, expected) for _ in numbers), expected.mark_text, PICTURE)
        case DocumentExpectation():
            pages = _lifted(page_pixels(data, expected, numbers), expected.mark_text, PAGE)
            pixels = (smaller(page) for page in pages)
        case VideoExpectation():
            planes = frame_planes(data, expected, numbers)
            pixels = (in_colours(*one, expected.matrix) for one in _lifted_planes(planes, expected.mark_text))
        case _:
            raise TypeError("there are no pixels in this sort of rendition")
    for one in pixels:
        colours = one if one.ndim == 3 else np.repeat(one[..., None], 3, axis=2)
        yield np.ascontiguousarray(colours).tobytes()


def _lifted(surfaces: Iterable[Pixels], mark_text: str, lattice: Lattice) -> Iterator[Pixels]:
    for one in surfaces:
        own = np.array(one)
        lift(own, mark_text, lattice)
        yield own


def _lifted_planes(frames: Iterable[tuple[Pixels, Pixels]], mark_text: str) -> Iterator[tuple[Pixels, Pixels]]:
    for luma, colours in frames:
        for own in _lifted([luma], mark_text, FILM):
            yield own, colours


def smaller(pixels: Pixels) -> Pixels:
    """At half the size, each pixel the mean of four; a last odd row or column counts twice."""
    beside = [(0, side % STEP) for side in pixels.shape[:2]]
    even = np.pad(pixels, [*beside, *[(0, 0)] * (pixels.ndim - 2)], mode="edge").astype(np.uint16)
    sums = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
    return np.asarray((sums + 2) // 4, np.uint8)
