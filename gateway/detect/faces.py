"""Faces, by a network that marks their middles and says how large each is. Runs in the child."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gateway.detect.nets import Floats, Net
from gateway.detect.tiles import Pixels, Tile, padded, tiles

FREED = ("input.1", "537", "538", "539", "540")
_SURE = 0.2
_SAME = 0.3
_STRIDE_PX = 4
_LARGEST_LOG = 6.0

# Left, top, right, bottom, and how sure the network is.
Boxes = NDArray[np.float64]


def faces(net: Net, picture: Pixels) -> Boxes:
    """Every face, the surest of those that lie over each other."""
    found = np.concatenate([_in_tile(net, tile) for tile in tiles(picture)])
    return _distinct(found)


def _in_tile(net: Net, tile: Tile) -> Boxes:
    heat, sizes, shifts, _ = net.run(padded(tile.pixels).astype(np.float32).transpose(2, 0, 1)[None])
    rows, columns = np.nonzero(heat[0, 0] > _SURE)
    tall, wide = (_STRIDE_PX * np.exp(np.minimum(_at(sizes, part, rows, columns), _LARGEST_LOG)) for part in (0, 1))
    middle_y, middle_x = (
        _STRIDE_PX * (place + _at(shifts, part, rows, columns) + 0.5) for part, place in ((0, rows), (1, columns))
    )
    boxes = np.stack([middle_x - wide / 2, middle_y - tall / 2, middle_x + wide / 2, middle_y + tall / 2], axis=1)
    boxes = boxes * tile.scale + np.array([tile.left_px, tile.top_px] * 2)
    return np.concatenate([boxes, heat[0, 0][rows, columns][:, None]], axis=1)


def _at(levels: Floats, part: int, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.asarray(levels[0, part][rows, columns], np.float64)


def _distinct(boxes: Boxes) -> Boxes:
    left = boxes[np.argsort(-boxes[:, 4], kind="stable")]
    kept = []
    while len(left):
        first, left = left[0], left[1:]
        kept.append(first)
        left = left[_overlap(first, left) < _SAME]
    return np.array(kept).reshape(-1, 5)


def _overlap(one: NDArray[np.float64], others: Boxes) -> NDArray[np.float64]:
    wide = np.minimum(one[2], others[:, 2]) - np.maximum(one[0], others[:, 0])
    tall = np.minimum(one[3], others[:, 3]) - np.maximum(one[1], others[:, 1])
    shared = np.maximum(0, wide) * np.maximum(0, tall)
    return np.asarray(shared / (_area(one[None]) + _area(others) - shared))


def _area(boxes: Boxes) -> NDArray[np.float64]:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
