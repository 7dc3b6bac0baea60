"""What a line of text says, as well as a network can read it. Runs in the child."""

from __future__ import annotations

import cv2
import numpy as np

from gateway.detect.lines import Corners
from gateway.detect.nets import Net
from gateway.detect.tiles import Pixels

_HEIGHT_PX, _NARROWEST_PX, _WIDEST_PX = 48, 64, 2_400
_STANDS = 1.5
_BLANK = 0


class Reader:
    """Reads straightened lines one by one, so that a line reads the same whatever is beside it."""

    def __init__(self, net: Net) -> None:
        self._net = net
        self._characters = ["", *net.note("character").splitlines(), " "]

    def read(self, picture: Pixels, corners: Corners) -> str:
        """The words of the line with these corners."""
        levels = _straight(picture, corners)[:, :, ::-1].astype(np.float32) / 127.5 - 1.0
        (answer,) = self._net.run(levels.transpose(2, 0, 1)[None])
        best = answer[0].argmax(axis=1)
        changed = np.concatenate([[True], best[1:] != best[:-1]])
        kept = best[changed & (best != _BLANK)]
        return "".join(self._characters[number] for number in kept if number < len(self._characters)).strip()


def _straight(picture: Pixels, corners: Corners) -> Pixels:
    """The line lying, 48 pixels high; a line that stands is turned to the left first."""
    wide = max(1.0, float(np.linalg.norm(corners[1] - corners[0])))
    tall = max(1.0, float(np.linalg.norm(corners[3] - corners[0])))
    if tall >= _STANDS * wide:
        corners, wide, tall = np.roll(corners, -1, axis=0), tall, wide
    width_px = int(np.clip(round(_HEIGHT_PX * wide / tall), _NARROWEST_PX, _WIDEST_PX))
    goal = np.array([[0, 0], [width_px, 0], [width_px, _HEIGHT_PX], [0, _HEIGHT_PX]], np.float32)
    turn = cv2.getPerspectiveTransform(corners, goal)
    flags = cv2.INTER_CUBIC
    line = cv2.warpPerspective(picture, turn, (width_px, _HEIGHT_PX), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(line, np.uint8)
