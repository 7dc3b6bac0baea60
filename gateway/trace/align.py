"""Lays a leaked picture over grounds and says what it differs from them by. Runs only in a sandbox's child.

Nothing here knows a key or a code: whoever takes this process over can make a copy untraceable, and accuse nobody.

1. The leak is found in a ground by features that survive scaling and turning (SIFT), also mirrored, and brought over it
   by a homography. 2. What paper, lenses and screens bend is bent back by a smoothed flow; both results are kept, since
   flow can also do harm. 3. Brightness and contrast are fitted around every place and the ground is subtracted. 4. What
   is then far off, such as a mark, a box or a logo, is left out, and the fit made anew. 5. What remains is weighed by
   how much the fingerprint may change there and by how loud its surroundings are, and summed for each cell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import cv2 as _cv2
import numpy as np
from numpy.typing import NDArray

from gateway.base.canon import Json
from gateway.marks.fingerprint import CELL_PX, strengths_of
from gateway.sandbox.task import Answer

# Its types know neither its features nor its flow.
cv2: Any = _cv2
# A second thread would stand outside the walls.
cv2.setNumThreads(1)
cv2.ocl.setUseOpenCL(False)

FEATURES = 2500
_LOOKED_AT_PX = 1000
_LEAST_CONTRAST = 0.02
_RATIO = 0.75
_LEAST_SCALE = 0.02
_LEAST_MATCHES, _SURE_MATCHES = 12, 60
_WINDOW_PX, _SMOOTH_PX, _LOUD_PX, _FLOW_PX = 24.0, 8.0, 6.0, 16.0
_FLOW_MOST_PX = 6.0
_FAR_LEVELS, _FAR_TIMES = 14.0, 3.5

Grey = NDArray[np.uint8]
Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Features:
    """Places in pixels, and what is seen around each."""

    places: Plane
    seen: Plane | None


def align(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """Header: for each ground in which the leak was found its number, how many features fit, and if it was mirrored.

    Blobs: for each of these the leak as it lies over the ground, in grey, and twice the differences, cell by cell, as
    little-endian floats: without flow and with.
    """
    width_px, height_px = cast(list[int], request["leak_px"])
    leak = np.frombuffer(untrusted[: 3 * width_px * height_px], np.uint8).reshape(height_px, width_px, 3)
    grey = cv2.cvtColor(leak, cv2.COLOR_RGB2GRAY)
    views = Views(grey)
    found: list[Json] = []
    blobs: list[bytes] = []
    at = 3 * width_px * height_px
    for number, (across, down) in enumerate(cast(list[list[int]], request["grounds_px"])):
        ground = np.frombuffer(untrusted[at : at + across * down], np.uint8).reshape(down, across)
        at += across * down
        fitting = placed(views, features_of(ground))
        if fitting is None:
            continue
        matches, way, mirrored = fitting
        over, planes = differences_of(views.shown(mirrored=mirrored), way, ground)
        found.append([number, matches, mirrored])
        blobs += [over.tobytes(), *(plane.astype("<f4").tobytes() for plane in planes)]
    return {"found": found}, blobs


class Views:
    """The leak as it is and mirrored, with its features; mirrored only where somebody asks."""

    def __init__(self, grey: Grey) -> None:
        self._shown: dict[bool, Grey] = {False: grey}
        self._features: dict[bool, Features] = {}

    def shown(self, *, mirrored: bool) -> Grey:
        """Its pixels."""
        if mirrored not in self._shown:
            self._shown[mirrored] = np.ascontiguousarray(self._shown[False][:, ::-1])
        return self._shown[mirrored]

    def features(self, *, mirrored: bool) -> Features:
        """Its features."""
        if mirrored not in self._features:
            self._features[mirrored] = features_of(self.shown(mirrored=mirrored))
        return self._features[mirrored]


def features_of(grey: Grey) -> Features:
    """Up to `FEATURES` of a picture that is looked at with at most a thousand pixels along its longer side."""
    longest = max(grey.shape)
    factor = min(1.0, _LOOKED_AT_PX / longest) if longest >= _LOOKED_AT_PX / 2 else 2.0
    if factor != 1.0:
        size_px = tuple(max(1, round(side * factor)) for side in reversed(grey.shape))
        grey = cv2.resize(grey, size_px, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    points, seen = cv2.SIFT_create(FEATURES, contrastThreshold=_LEAST_CONTRAST).detectAndCompute(grey, None)
    places = np.array([point.pt for point in points], np.float32).reshape(-1, 2)
    return Features(places / np.float32(factor), seen)


def placed(views: Views, of_ground: Features) -> tuple[int, NDArray[np.float64], bool] | None:
    """How many features fit, the way from the leak's pixels to the ground's, and whether it must be mirrored first."""
    best: tuple[int, NDArray[np.float64], bool] | None = None
    for mirrored in (False, True):
        one = _way(views.features(mirrored=mirrored), of_ground)
        if one is not None and (best is None or one[0] > best[0]):
            best = (*one, mirrored)
        if best is not None and best[0] >= _SURE_MATCHES:
            break
    return best


def _way(leak: Features, ground: Features) -> tuple[int, NDArray[np.float64]] | None:
    if leak.seen is None or ground.seen is None or len(leak.seen) < _LEAST_MATCHES or len(ground.seen) < _LEAST_MATCHES:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(leak.seen, ground.seen, k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < _RATIO * pair[1].distance]
    if len(good) < _LEAST_MATCHES:
        return None
    there = leak.places[[one.queryIdx for one in good]]
    here = ground.places[[one.trainIdx for one in good]]
    way, fits = cv2.findHomography(there, here, cv2.USAC_MAGSAC, 2.0, maxIters=2000, confidence=0.999)
    if way is None or int(fits.sum()) < _LEAST_MATCHES or not _is_plausible(way, leak.places):
        return None
    return int(fits.sum()), np.asarray(way, np.float64)


def _is_plausible(way: NDArray[np.float64], places: Plane) -> bool:
    """Whether a camera could have done this: nothing lies behind it, and nothing became a point or a continent."""
    if not np.isfinite(way).all() or abs(way[2, 2]) < 1e-9:
        return False
    depth = places @ way[2, :2] + way[2, 2]
    return bool((depth / way[2, 2] > 0.05).all() and _LEAST_SCALE <= _scale(way) <= 1 / _LEAST_SCALE)


def _scale(way: NDArray[np.float64]) -> float:
    """How much larger things are in the ground than in the leak, at the leak's corner."""
    return math.sqrt(abs(float(np.linalg.det(way[:2, :2] / way[2, 2]))))


def differences_of(leak: Grey, way: NDArray[np.float64], ground: Grey) -> tuple[Grey, list[Plane]]:
    """The leak as it lies over the ground, and what it differs by in each cell, without flow and with."""
    size_px = (ground.shape[1], ground.shape[0])
    levels = leak.astype(np.float32)
    # Both sides count pixels from their middles.
    scale = _scale(way)
    if scale < 0.7:
        levels = cv2.GaussianBlur(levels, (0, 0), 0.45 / scale)
    over = cv2.warpPerspective(levels, way, size_px, flags=cv2.INTER_CUBIC)
    inside = cv2.warpPerspective(np.ones(leak.shape, np.float32), way, size_px) > 0.999
    inside = cv2.erode(inside.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(np.float32)
    cover = ground.astype(np.float32)
    planes = [_remainder(cover, one, inside, ground) for one in (over, _bent(cover, over))]
    return np.clip(np.rint(over), 0, 255).astype(np.uint8), planes


def _bent(cover: Plane, over: Plane) -> Plane:
    """The leak with the small shifts taken back that a smooth flow finds between it and the ground."""
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(_evened(cover), _evened(over), None)
    shifts = [_blurred(np.ascontiguousarray(flow[..., axis]), _FLOW_PX) for axis in (0, 1)]
    far = np.maximum(np.abs(shifts[0]), np.abs(shifts[1])) > _FLOW_MOST_PX
    rows, columns = np.mgrid[: cover.shape[0], : cover.shape[1]].astype(np.float32)
    for shift in shifts:
        shift[far] = 0
    return cast(Plane, cv2.remap(over, columns + shifts[0], rows + shifts[1], cv2.INTER_CUBIC))


def _evened(levels: Plane) -> Grey:
    """The same with brightness and contrast alike everywhere."""
    away = levels - _blurred(levels, 20)
    return np.clip(away / np.sqrt(_blurred(away * away, 20) + 20) * 40 + 128, 0, 255).astype(np.uint8)


def _remainder(cover: Plane, over: Plane, inside: Plane, ground: Grey) -> Plane:
    left = _fitted(cover, over, inside)
    known = left[inside > 0]
    if not known.size:
        return np.zeros((cover.shape[0] // CELL_PX, cover.shape[1] // CELL_PX), np.float32)
    far = max(_FAR_LEVELS, _FAR_TIMES * _middle(np.abs(known)) / 0.6745)
    odd = (np.abs(left) > far).astype(np.uint8)
    trusted = inside * (1 - cv2.dilate(odd, np.ones((5, 5), np.uint8)).astype(np.float32))
    left = _fitted(cover, over, trusted)
    loud = _blurred(left * left, _LOUD_PX) / np.maximum(_blurred(trusted, _LOUD_PX), 0.05) + 0.3
    strengths = np.repeat(np.repeat(strengths_of(ground), CELL_PX, axis=0), CELL_PX, axis=1)
    weighed = left * strengths * trusted / loud
    cells = weighed.reshape(cover.shape[0] // CELL_PX, CELL_PX, cover.shape[1] // CELL_PX, CELL_PX)
    summed: Plane = cells.sum(axis=(1, 3), dtype=np.float32)
    return summed


def _middle(levels: Plane) -> float:
    """The median; numpy's own would load a module that it does not find behind the walls."""
    half = levels.size // 2
    return float(np.partition(levels, half)[half])


def _fitted(cover: Plane, over: Plane, trusted: Plane) -> Plane:
    """What differs where the ground, at the brightness and contrast that fit best around each place, is taken away."""
    share = _blurred(trusted, _WINDOW_PX) + 1e-6

    def mean(levels: Plane) -> Plane:
        return cast(Plane, _blurred(levels * trusted, _WINDOW_PX) / share)

    of_cover, of_over = mean(cover), mean(over)
    contrast = (mean(cover * over) - of_cover * of_over) / (mean(cover * cover) - of_cover**2 + 25)
    left = (over - of_over - contrast * (cover - of_cover)) * trusted
    slow = _blurred(left, _SMOOTH_PX) / np.maximum(_blurred(trusted, _SMOOTH_PX), 0.05)
    return cast(Plane, (left - slow) * trusted)


def _blurred(levels: Plane, deviation_px: float) -> Plane:
    """Gaussian; a wide one at a lower resolution, which looks the same."""
    if deviation_px < 6:
        return cast(Plane, cv2.GaussianBlur(levels, (0, 0), deviation_px))
    step = 4 if deviation_px < 16 else 8
    small_px = max(1, levels.shape[1] // step), max(1, levels.shape[0] // step)
    small = cv2.resize(levels, small_px, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), deviation_px / step)
    return cast(Plane, cv2.resize(small, (levels.shape[1], levels.shape[0]), interpolation=cv2.INTER_LINEAR))
