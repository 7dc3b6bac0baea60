"""The detector of this gateway: networks over decoded pixels, in a sandbox of their own whose children inherit them."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from threading import Lock
from typing import Any

from gateway.base.canon import Json
from gateway.detect import models
from gateway.detect.model import MAX_FOUND, MAX_WORDS_CHARS, SORTS, Found
from gateway.detect.problems import DetectorUnclear
from gateway.detect.text import CLASSES
from gateway.sandbox.ports import Limits, Sandbox
from gateway.sandbox.problems import ParseRefused

TASK = "gateway.detect.look:look"
LIMITS = Limits(memory_bytes=4 << 30, cpu_s=1_200, wall_s=1_500, output_bytes=16 << 20)
# As many as a video has frames that are looked at, and some pictures beside it.
_REMEMBERED = 1_024
_UNCLEAR = DetectorUnclear("The detector's answer about this picture does not add up; have security look at the file.")
_CROWDED = DetectorUnclear(f"More than {MAX_FOUND} lines and faces were found; split the picture into smaller ones.")


class Networks:
    """Finds lines of text, faces and printed codes with the models of `gateway.detect.models`.

    What it found in the last pictures is remembered under a digest of their pixels, since a picture is looked at again
    for every recipient and after every answer. Words are not: they stay in the child that read them.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._lock = Lock()
        self._remembered: OrderedDict[bytes, tuple[Found, ...]] = OrderedDict()

    def version(self) -> str:
        """The models, the engines and the rules."""
        return models.version()

    def find(self, width_px: int, height_px: int, untrusted_rgb: bytes) -> tuple[Found, ...]:
        """As the port promises; the same pixels are looked at once, and no words come back."""
        key = hashlib.sha256(b"%d %d " % (width_px, height_px) + untrusted_rgb).digest()
        with self._lock:
            known = self._remembered.get(key)
        if known is None:
            known = self._looked(width_px, height_px, untrusted_rgb, words=False)
            with self._lock:
                self._remembered[key] = known
                while len(self._remembered) > _REMEMBERED:
                    self._remembered.popitem(last=False)
        return known

    def read(self, width_px: int, height_px: int, untrusted_rgb: bytes) -> tuple[Found, ...]:
        """The lines of text and the printed codes with the words that were read; nothing is remembered."""
        return self._looked(width_px, height_px, untrusted_rgb, words=True)

    def _looked(self, width_px: int, height_px: int, untrusted_rgb: bytes, *, words: bool) -> tuple[Found, ...]:
        models.version()
        request: dict[str, Json] = {"width_px": width_px, "height_px": height_px, "words": words}
        try:
            reply = self._sandbox.run(TASK, request, untrusted_rgb, LIMITS)
        except ParseRefused as refused:
            raise (_CROWDED if refused.code == "crowded" else refused) from refused
        if len(reply.blobs) != 1:
            raise _UNCLEAR
        return _checked(reply.blobs[0], width_px, height_px)


def _checked(blob: bytes, width_px: int, height_px: int) -> tuple[Found, ...]:
    """The reply as findings; nothing in it is believed before it is checked."""
    try:
        told: Any = json.loads(blob)
    except (ValueError, RecursionError) as error:
        raise _UNCLEAR from error
    if not isinstance(told, list) or len(told) > MAX_FOUND:
        raise _UNCLEAR
    return tuple(_found(one, width_px, height_px) for one in told)


def _found(untrusted: Any, width_px: int, height_px: int) -> Found:
    if not isinstance(untrusted, dict) or set(untrusted) != {"sort", "place", "words", "classes"}:
        raise _UNCLEAR
    sort, place, words, classes = (untrusted[name] for name in ("sort", "place", "words", "classes"))
    if sort not in SORTS or not isinstance(words, str) or len(words) > MAX_WORDS_CHARS:
        raise _UNCLEAR
    if not isinstance(place, list) or len(place) != 4 or not all(type(side) is int for side in place):
        raise _UNCLEAR
    left, top, width, height = place
    if not (0 <= left < left + width <= width_px and 0 <= top < top + height <= height_px):
        raise _UNCLEAR
    if not isinstance(classes, list) or not all(isinstance(name, str) and name in CLASSES for name in classes):
        raise _UNCLEAR
    return Found(sort, (left, top, width, height), words, frozenset(classes))
