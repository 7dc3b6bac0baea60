"""A video that somebody else redacted: what rides along in it is counted, whatever state it is in."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from gateway.residue import gate
from gateway.residue.foreign_mp4 import parts
from gateway.residue.model import WithheldSet, WithheldValue
from tests.support import videos

OURS = next((Path(__file__).parents[2] / "vectors" / "video").glob("*.mp4")).read_bytes()
SECRET = "Kowalski-48211"


def box(kind: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4) + kind + body


def test_in_a_rendition_of_ours_there_is_nothing_but_its_track() -> None:
    assert parts(OURS) == {"picture tracks": 1}


def test_what_an_editor_leaves_in_a_file_is_counted() -> None:
    data = videos.video(frames=5, sound=True, subtitle=SECRET, chapter=SECRET, tags={"title": SECRET, "comment": "x"})
    told = parts(data)
    # The list of chapters is a track of its own as well.
    assert (told["picture tracks"], told["sound tracks"], told["other tracks"]) == (1, 1, 2)
    assert told["tags"] >= 3
    assert told["messages of the encoder (SEI)"] >= 1
    assert told["lists of chapters"] >= 1
    assert told["edit lists"] >= 1
    assert "bytes behind the last box" not in told
    assert "bytes of media that no track names" not in told


@pytest.mark.parametrize(
    ("behind", "name", "count"),
    [
        (b"hidden", "bytes behind the last box", 6),
        (box(b"free", b"\0\0hidden\0\0"), "bytes of filling that are not empty", 6),
        (box(b"uuid", bytes(16) + b"hidden"), "boxes of private data", 1),
        (box(b"mdat", b"hidden"), "bytes of media that no track names", 6),
    ],
    ids=["trailing", "filling", "private", "media"],
)
def test_what_hides_outside_of_tracks_is_counted(behind: bytes, name: str, count: int) -> None:
    assert parts(OURS + behind) == {"picture tracks": 1, name: count}


def test_the_walk_ends_whatever_the_file_says() -> None:
    chance = random.Random(20_260_407)
    for _ in range(300):
        data = bytearray(OURS[:4000])
        for _ in range(6):
            at = chance.randrange(len(data) - 4)
            data[at : at + 4] = chance.choice((b"\0\0\0\0", b"\0\0\0\1", b"\xff\xff\xff\xff", chance.randbytes(4)))
        assert all(count > 0 for count in parts(bytes(data)).values())
    deep = b""
    for _ in range(200):
        deep = box(b"moov", deep)
    assert parts(deep) == {}
    many = struct.pack(">III", 0, 1 << 30, 1 << 30)
    table = box(b"stsz", many) + box(b"stsc", bytes(4) + struct.pack(">IIII", 1, 1, 1 << 30, 1))
    table += box(b"stco", bytes(4) + struct.pack(">II", 1, 0))
    assert "messages of the encoder (SEI)" not in parts(box(b"moov", box(b"trak", table)))


def test_the_search_tells_them_beside_what_it_finds() -> None:
    data = videos.video(frames=3, sound=True, tags={"title": SECRET})
    report = gate.check_foreign(data, "video/mp4", WithheldSet((WithheldValue(SECRET, "metadata/1"),), frozenset()), {})
    assert not report.clean
    assert report.counts["sound tracks"] == 1
    assert report.counts["searched"] == 1
