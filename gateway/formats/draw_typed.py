"""The pixels of pages that were set by `typeset`. Runs only in the sandbox's child."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from PIL import Image, ImageDraw

from gateway.base.canon import Json
from gateway.formats.typed import PAGE_PX
from gateway.marks import lettering
from gateway.sandbox.task import Answer

_WHITE, _BLACK, _RULE = 255, 0, 170
lettering.load()
lettering.letter(ImageDraw.Draw(Image.new("L", (8, 8))), (0, 0), "a字", 8, bold=True)


def draw(_request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """One raster in 8-bit grey for each page of the JSON that the reader of typed documents wrote."""
    return {}, tuple(_page(one["words"], one["rules"]) for one in json.loads(untrusted))


def _page(words: list[Any], rules: list[list[int]]) -> bytes:
    image = Image.new("L", PAGE_PX, _WHITE)
    canvas = ImageDraw.Draw(image)
    for left, top, width, height in rules:
        canvas.rectangle((left, top, left + width - 1, top + height - 1), fill=_RULE)
    for text, left, top, width, height, size_px, bold, struck in words:
        lettering.letter(canvas, (left, top), text, size_px, bold=bold)
        if struck:
            middle = top + height * 3 // 5
            canvas.rectangle((left, middle, left + width - 1, middle + 1), fill=_BLACK)
    return image.tobytes()
