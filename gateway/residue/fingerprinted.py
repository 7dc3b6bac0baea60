"""Whether a picture carries its copy's fingerprint, and differs from the original by nothing but this and its mark.

What must be seen is made once more from the pixels before anything was laid, and compared as `alike` says. What then
differs from those pixels with the mark alone is held against the signs of the seed: a rendition whose fingerprint
hardly survives its own encoding could not be traced.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gateway.marks import fingerprint, visible
from gateway.residue.alike import is_alike
from gateway.residue.jpeg import Pixels
from gateway.residue.model import PictureExpectation, Rectangle

# Ten times the deviation of a score by chance, and several times what accusing one of a million copies takes.
LEAST_SCORE = 40.0


def is_fingerprinted(pixels: Pixels, plain: bytes, expected: PictureExpectation) -> bool:
    """Whether `pixels` are `plain`, rows of RGB with boxes painted, with just this fingerprint and mark over it."""
    width_px, height_px = expected.size_px
    if len(plain) != 3 * width_px * height_px:
        return False
    before = np.frombuffer(plain, np.uint8).reshape(height_px, width_px, 3)
    seed = bytes.fromhex(expected.seed)
    ground = fingerprint.ground_of(before)
    wanted = before.copy()
    fingerprint.lay(wanted, seed, ground)
    visible.burn_in(wanted, expected.mark_text)
    _cover(wanted, expected.boxes, expected.box_colour)
    is_jpeg = expected.media_type == "image/jpeg"
    if not is_alike(pixels, wanted, expected.boxes, is_jpeg=is_jpeg):
        return False
    wanted[...] = before
    visible.burn_in(wanted, expected.mark_text)
    _cover(wanted, expected.boxes, expected.box_colour)
    differences = fingerprint.per_cell(fingerprint.ground_of(pixels)) - fingerprint.per_cell(
        fingerprint.ground_of(wanted)
    )
    grid = fingerprint.grid_of(expected.size_px)
    return fingerprint.score(differences, fingerprint.signs_of(seed, grid)) >= LEAST_SCORE


def _cover(pixels: Pixels, boxes: Sequence[Rectangle], colour: tuple[int, int, int]) -> None:
    for left, top, width, height in boxes:
        pixels[top : top + height, left : left + width] = colour
