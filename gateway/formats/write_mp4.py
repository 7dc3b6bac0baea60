"""An MP4 (ISO/IEC 14496-12, -15) around one H.264 track, written from nothing: every time zero, every name empty."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from gateway.formats.h264 import SECONDS_PER_KEY

_UNITY = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
_UNDETERMINED = 0x55C4
_DPI_72 = 72 << 16


@dataclass(frozen=True, slots=True)
class Film:
    """What is written: size, frames a second, colours (as H.273 numbers them), parameter sets, a slice a frame."""

    size_px: tuple[int, int]
    fps: int
    matrix: int
    sps: bytes
    pps: bytes
    frames: tuple[bytes, ...]


def written(film: Film) -> bytes:
    """The file."""
    head = _box(b"ftyp", b"isom\0\0\2\0isomavc1")
    # Offsets are of one length, so the index is as long with the right one as with any.
    at = len(head) + len(_index(film, 0)) + 8
    samples = b"".join(len(frame).to_bytes(4) + frame for frame in film.frames)
    return head + _index(film, at) + _box(b"mdat", samples)


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _full(kind: bytes, flags: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", flags), *parts)


def _index(film: Film, at: int) -> bytes:
    count, (width, height) = len(film.frames), film.size_px
    movie = struct.pack(">4IIHH8x36s24xI", 0, 0, film.fps, count, 1 << 16, 1 << 8, 0, _UNITY, 2)
    track = struct.pack(">5I8xHHHH36sII", 0, 0, 1, 0, count, 0, 0, 0, 0, _UNITY, width << 16, height << 16)
    media = struct.pack(">4IHH", 0, 0, film.fps, count, _UNDETERMINED, 0)
    here = _full(b"dref", 0, struct.pack(">I", 1), _full(b"url ", 1))
    return _box(
        b"moov",
        _full(b"mvhd", 0, movie),
        _box(
            b"trak",
            _full(b"tkhd", 3, track),
            _box(
                b"mdia",
                _full(b"mdhd", 0, media),
                _full(b"hdlr", 0, b"\0\0\0\0vide", bytes(13)),
                _box(b"minf", _full(b"vmhd", 1, bytes(8)), _box(b"dinf", here), _samples(film, at)),
            ),
        ),
    )


def _samples(film: Film, at: int) -> bytes:
    """Where each frame is, how long it lasts, and which stand for themselves."""
    count = len(film.frames)
    keys = range(1, count + 1, SECONDS_PER_KEY * film.fps)
    sizes = [4 + len(frame) for frame in film.frames]
    return _box(
        b"stbl",
        _full(b"stsd", 0, struct.pack(">I", 1), _coding(film)),
        _full(b"stts", 0, struct.pack(">3I", 1, count, 1)),
        _full(b"stss", 0, struct.pack(f">{1 + len(keys)}I", len(keys), *keys)),
        _full(b"stsc", 0, struct.pack(">4I", 1, 1, count, 1)),
        _full(b"stsz", 0, struct.pack(f">{2 + count}I", 0, count, *sizes)),
        _full(b"stco", 0, struct.pack(">2I", 1, at)),
    )


def _coding(film: Film) -> bytes:
    lengths = (struct.pack(">H", len(unit)) for unit in (film.sps, film.pps))
    sets = b"\1%b\xff\xe1%b%b\1%b%b" % (film.sps[1:4], next(lengths), film.sps, next(lengths), film.pps)
    look = struct.pack(">6xH16xHHII4xH32xHh", 1, *film.size_px, _DPI_72, _DPI_72, 1, 24, -1)
    colour = struct.pack(">4s3HB", b"nclx", film.matrix, film.matrix, film.matrix, 0)
    return _box(b"avc1", look, _box(b"avcC", sets), _box(b"colr", colour))
