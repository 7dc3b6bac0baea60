"""The colours of a video's frame as a screen shows them: planes of broadcast range to 8-bit RGB. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from gateway.formats.pixels import Pixels

# How much red and blue weigh in luma, by the matrix that a video names.
_WEIGHTS: Mapping[int, tuple[float, float]] = MappingProxyType({1: (0.2126, 0.0722), 6: (0.299, 0.114)})
_BAND_ROWS = 128


def rgb(frame: bytes, size_px: tuple[int, int], matrix: int) -> Pixels:
    """Rows of RGB from luma and the two colour planes at half the size; both sides are even."""
    width_px, height_px = size_px
    planes = np.frombuffer(frame, np.uint8)
    luma = planes[: width_px * height_px].reshape(height_px, width_px)
    colours = planes[width_px * height_px :].reshape(2, height_px // 2, width_px // 2)
    red, blue = _WEIGHTS[matrix]
    green = 1 - red - blue
    shown = np.empty((height_px, width_px, 3), np.uint8)
    # Band by band, so that the sums of a large frame take little memory.
    for top in range(0, height_px, _BAND_ROWS):
        light = (luma[top : top + _BAND_ROWS].astype(np.float32) - 16) * np.float32(255 / 219)
        rows = colours[:, top // 2 : (top + _BAND_ROWS) // 2].astype(np.float32)
        to_blue, to_red = ((rows - 128) * np.float32(255 / 224)).repeat(2, axis=1).repeat(2, axis=2)
        bluer, redder = 2 * (1 - blue) * to_blue, 2 * (1 - red) * to_red
        greener = -(blue * bluer + red * redder) / green
        band = np.stack([light + redder, light + greener, light + bluer], axis=2)
        shown[top : top + _BAND_ROWS] = np.clip(np.rint(band), 0, 255).astype(np.uint8)
    return shown
