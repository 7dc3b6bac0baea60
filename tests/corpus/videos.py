"""Videos with something in every place beside their pictures, and words in these that may not be seen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gateway.formats.model import Box
from gateway.policy.answers import Answers
from tests.corpus.pictures import FONTS
from tests.corpus.places import Hiding, Maker, Specimen
from tests.support import videos
from tests.support.originals import Planted

_OUTSIDE, _SCREEN = Box(300, 2, 330, 36), Box(290, 330, 340, 50)
_ANSWERS = {
    "regions": [
        {"class": "work_area", "box": [0, 40, 640, 400]},
        {"class": "screen", "box": [_SCREEN.left_px, _SCREEN.top_px, _SCREEN.width_px, _SCREEN.height_px]},
    ],
    "confirmed": True,
}


def _painted(hide: Hiding) -> Callable[[int], videos.Pixels]:
    """Frames with words above what leaves, and on a screen that is covered."""
    words = {_OUTSIDE: hide("words outside of the work area"), _SCREEN: hide("words on a covered screen")}

    def paint(number: int) -> videos.Pixels:
        picture = Image.fromarray(videos.scene(number))
        for box, said in words.items():
            font = ImageFont.truetype(FONTS / "DejaVuSans.ttf", 28)
            ImageDraw.Draw(picture).text((box.left_px + 8, box.top_px + 2), said, (255, 255, 255), font)
        return np.asarray(picture)

    return paint


def _box(kind: bytes, body: str) -> bytes:
    return (8 + len(body)).to_bytes(4) + kind + body.encode()


def _boxed(form: str, hide: Hiding) -> Specimen:
    """MP4 and MOV: tags of the file, a second track of each sort, boxes that nobody asks for, bytes behind them."""
    data = videos.video(
        form=form,
        frames=8,
        painted=_painted(hide),
        tags={"title": hide("title"), "comment": hide("comment"), "artist": hide("artist")},
        sound=True,
        subtitle=hide("subtitle"),
        chapter=hide("chapter"),
        data=hide("track of data").encode() if form == "mp4" else None,
    )
    beside = _box(b"free", hide("free box")) + _box(b"uuid", "0123456789abcdef" + hide("uuid box"))
    return _specimen(form, data + beside + _box(b"skip", hide("skipped box")), hide)


def _matroska(hide: Hiding) -> Specimen:
    data = videos.video(
        form="matroska",
        frames=8,
        painted=_painted(hide),
        tags={"title": hide("title"), "comment": hide("comment"), "X-PLANT": hide("tag of its own")},
        sound=True,
        subtitle=hide("subtitle"),
        chapter=hide("chapter"),
        attachment=hide("attachment").encode(),
    )
    return _specimen("mkv", data, hide)


def _specimen(label: str, data: bytes, hide: Hiding) -> Specimen:
    name = f"{hide('name of the file')}.{label}"
    media_type = {"mp4": "video/mp4", "mov": "video/quicktime", "mkv": "video/x-matroska"}[label]
    secrets = tuple(hide.secrets.values())
    answers = Answers.from_json(_ANSWERS)
    return Specimen(Planted(label, "line_video", media_type, name, data, secrets, answers), dict(hide.secrets))


VIDEOS: dict[str, Maker] = {"mp4": partial(_boxed, "mp4"), "mov": partial(_boxed, "mov"), "mkv": _matroska}
