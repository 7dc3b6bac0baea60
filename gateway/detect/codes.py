"""Printed codes: QR codes and bar codes, where they are and what they say. Runs in the child."""

from __future__ import annotations

import cv2
import numpy as np

from gateway.detect.lines import Corners
from gateway.detect.tiles import Pixels

MAX_CODES = 200


def codes(picture: Pixels) -> list[tuple[Corners, str]]:
    """The corners of every code, and its content where it could be read."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    found: list[tuple[Corners, str]] = []
    for detector in (cv2.QRCodeDetector(), cv2.barcode.BarcodeDetector()):
        try:
            seen, corners = detector.detectMulti(grey)
        except cv2.error:
            # It gives up on some pictures, with what it calls an assertion; then there is no answer from this one.
            continue
        if seen:
            found += [(one, "") for one in np.asarray(corners, np.float32).reshape(-1, 4, 2)[:MAX_CODES]]
    return found
