"""Lines of text: where they are, by a network that says of every pixel whether it belongs to one. Runs in the child."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.detect.nets import Net
from gateway.detect.tiles import Pixels, padded, tiles

# Whatever is as likely as this belongs to a line; a line needs one pixel that is surer.
_PIXEL, _LINE = 0.25, 0.4
_SMALLEST_PX = 3
# The network marks the core of a line; letters reach beyond it by about this share of what it marks.
_BEYOND = 0.9
_COVERED = 0.6

Corners = NDArray[np.float32]


def lines(net: Net, picture: Pixels) -> list[Corners]:
    """The four corners of every line of text, clockwise from its top left one, as read along it."""
    height_px, width_px = picture.shape[:2]
    likely = np.zeros((height_px, width_px), np.uint8)
    large: list[Corners] = []
    for tile in tiles(picture):
        marked = _marked(net, tile.pixels)
        if tile.scale == 1.0:
            rows, columns = marked.shape
            part = likely[tile.top_px : tile.top_px + rows, tile.left_px : tile.left_px + columns]
            np.maximum(part, marked, out=part)
        else:
            large = [corners * np.float32(tile.scale) for corners in _corners(marked)]
    found = _corners(likely)
    return [*found, *_not_among(found, large, picture.shape[:2])]


def _not_among(found: list[Corners], others: list[Corners], shape: tuple[int, ...]) -> list[Corners]:
    """Those of the others that are not mostly covered by what is found already."""
    covered = np.zeros(shape, np.uint8)
    cv2.fillPoly(covered, [corners.astype(np.int32) for corners in found], 1)
    kept = []
    for corners in others:
        left, top, width, height = cv2.boundingRect(corners)
        own = np.zeros((height, width), np.uint8)
        cv2.fillPoly(own, [(corners - (left, top)).astype(np.int32)], 1)
        piece = covered[max(0, top) : top + height, max(0, left) : left + width]
        own = own[max(0, -top) :, max(0, -left) :][: piece.shape[0], : piece.shape[1]]
        if own.sum() and (own & piece).sum() < _COVERED * own.sum():
            kept.append(corners)
    return kept


def _marked(net: Net, pixels: Pixels) -> Pixels:
    """How likely each pixel belongs to a line, of 255."""
    rows, columns = pixels.shape[:2]
    levels = padded(pixels)[:, :, ::-1].astype(np.float32) / 127.5 - 1.0
    (answer,) = net.run(levels.transpose(2, 0, 1)[None])
    return np.asarray(np.clip(answer[0, 0, :rows, :columns] * 255, 0, 255), np.uint8)


def _corners(likely: Pixels) -> list[Corners]:
    mask = (likely > _PIXEL * 255).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for contour in contours:
        left, top, width, height = cv2.boundingRect(contour)
        if likely[top : top + height, left : left + width].max() < _LINE * 255:
            continue
        (middle, sides, degrees) = cv2.minAreaRect(contour)
        thin = min(sides)
        if thin < _SMALLEST_PX:
            continue
        grown = (sides[0] + _BEYOND * thin, sides[1] + _BEYOND * thin)
        found.append(_clockwise(np.asarray(cv2.boxPoints((middle, grown, degrees)), np.float32)))
    return found


def _clockwise(points: NDArray[np.float32]) -> Corners:
    """From the corner where reading begins: a line runs along its longer side, rightwards or else downwards."""
    middle = points.mean(axis=0)
    order = np.argsort(np.arctan2(points[:, 1] - middle[1], points[:, 0] - middle[0]))
    around = points[order]
    # The first is the upper left one of a line that lies; of one that stands it is so as well.
    first = int(np.argmin(around.sum(axis=1)))
    return np.roll(around, -first, axis=0).astype(np.float32)
