"""Videos with something in every place beside their pictures."""

from __future__ import annotations

from functools import partial

from gateway.policy.answers import Answers
from tests.corpus.places import Hiding, Maker, Specimen
from tests.support import videos
from tests.support.originals import Planted

_ANSWERS = {"regions": [{"class": "work_area", "box": [0, 40, 640, 400]}], "confirmed": True}


def _box(kind: bytes, body: str) -> bytes:
    return (8 + len(body)).to_bytes(4) + kind + body.encode()


def _boxed(form: str, hide: Hiding) -> Specimen:
    """MP4 and MOV: tags of the file, a second track of each sort, boxes that nobody asks for, bytes behind them."""
    data = videos.video(
        form=form,
        frames=8,
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
