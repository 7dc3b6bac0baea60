"""The detector's task. It runs only in the sandbox's child; the parent checks what it says.

The models are read when this module is imported, before the walls stand: the process that forks the children imports it
once, so that none of them loads anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from gateway.base.canon import Json
from gateway.detect import codes, models
from gateway.detect.faces import FREED, faces
from gateway.detect.letters import Reader
from gateway.detect.lines import Corners, lines
from gateway.detect.model import CODE, FACE, MAX_FOUND, MAX_WORDS_CHARS, TEXT
from gateway.detect.nets import Net
from gateway.detect.text import classes_seen
from gateway.detect.tiles import Pixels
from gateway.sandbox.task import Answer, TaskRefused

# Networks mark letters and faces tightly: a tail of a letter, an ear or a chin may stick out.
_ROUND_LINES, _ROUND_FACES, _LEAST_PX = 0.1, 0.15, 2

_LINES = Net(models.LINES)
_READER = Reader(Net(models.LETTERS))
_FACES = Net(models.FACES, freed=FREED)

Place = tuple[int, int, int, int]


def look(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """Header: nothing. Blob: a list of what was found, as JSON: sort, place, words, classes.

    Words only where they are wanted, and then no faces, which say nothing.

    Refuses a picture in which there is more than that: what is not looked at would be shown.
    """
    width_px, height_px = int(str(request["width_px"])), int(str(request["height_px"]))
    picture = np.frombuffer(untrusted, np.uint8).reshape(height_px, width_px, 3)
    reading = bool(request["words"])
    found = [*_lines(picture), *_codes(picture), *(() if reading else _faces(picture))]
    if len(found) > MAX_FOUND:
        raise TaskRefused("crowded")
    inside = [(sort, place, words) for sort, place, words in found if place[2] > 0 and place[3] > 0]
    inside.sort(key=lambda one: (one[1][1], one[1][0], one[1], one[0]))
    told: Json = [
        {
            "sort": sort,
            "place": list(place),
            "words": words if reading else "",
            "classes": sorted(classes_seen(words)),
        }
        for sort, place, words in inside
    ]
    return {}, (json.dumps(told).encode(),)


def _lines(picture: Pixels) -> Iterator[tuple[str, Place, str]]:
    found = lines(_LINES, picture)
    if len(found) > MAX_FOUND:
        raise TaskRefused("crowded")
    for corners in found:
        yield TEXT, _around(corners, picture), _READER.read(picture, corners)[:MAX_WORDS_CHARS]


def _codes(picture: Pixels) -> Iterator[tuple[str, Place, str]]:
    for corners, words in codes.codes(picture):
        yield CODE, _around(corners, picture), words[:MAX_WORDS_CHARS]


def _faces(picture: Pixels) -> Iterator[tuple[str, Place, str]]:
    for left, top, right, bottom, _ in faces(_FACES, picture).tolist():
        beside, below = _ROUND_FACES * (right - left), _ROUND_FACES * (bottom - top)
        yield FACE, _clipped((left - beside, top - below, right + beside, bottom + below), picture), ""


def _around(corners: Corners, picture: Pixels) -> Place:
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    more = max(_LEAST_PX, _ROUND_LINES * min(right - left, bottom - top))
    return _clipped((left - more, top - more, right + more, bottom + more), picture)


def _clipped(sides: Iterable[float], picture: Pixels) -> Place:
    """Whole pixels inside the picture: left, top, width, height."""
    height_px, width_px = picture.shape[:2]
    left, top, right, bottom = sides
    first = (min(max(0, int(np.floor(left))), width_px), min(max(0, int(np.floor(top))), height_px))
    last = (min(max(0, int(np.ceil(right))), width_px), min(max(0, int(np.ceil(bottom))), height_px))
    return first[0], first[1], last[0] - first[0], last[1] - first[1]
