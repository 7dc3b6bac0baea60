"""A TIFF-structured EXIF block with camera, place and thumbnail, as phones and cameras write it (EXIF 2.32)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

_ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED = 2, 3, 4, 5, 7
_EXIF_IFD, _GPS_IFD, _THUMBNAIL_OFFSET, _THUMBNAIL_LENGTH = 0x8769, 0x8825, 0x0201, 0x0202
_HEADER = b"II*\x00\x08\x00\x00\x00"


@dataclass(frozen=True, slots=True)
class Camera:
    """What a careless camera tells about itself, its owner and the place."""

    make: str
    model: str
    serial: str
    owner: str
    copyright: str
    description: str
    software: str
    taken_at: str
    latitude: tuple[int, int, int]
    longitude: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Entry:
    tag: int
    kind: int
    count: int
    data: bytes


def exif_block(camera: Camera, thumbnail: bytes) -> bytes:
    """The `Exif` payload of a JPEG APP1 segment: main directory, camera directory, place, thumbnail of the whole."""
    main = [
        _text(0x010E, camera.description),
        _text(0x010F, camera.make),
        _text(0x0110, camera.model),
        _short(0x0112, 1),
        _text(0x0131, camera.software),
        _text(0x0132, camera.taken_at),
        _text(0x013B, camera.owner),
        _text(0x8298, camera.copyright),
        _long(_EXIF_IFD, 0),
        _long(_GPS_IFD, 0),
    ]
    details = [
        _text(0x9003, camera.taken_at),
        _Entry(0x9000, _UNDEFINED, 4, b"0232"),
        _text(0xA430, camera.owner),
        _text(0xA431, camera.serial),
    ]
    place = [
        _text(1, "N"),
        _degrees(2, camera.latitude),
        _text(3, "E"),
        _degrees(4, camera.longitude),
    ]
    small = [_short(0x0103, 6), _long(_THUMBNAIL_OFFSET, 0), _long(_THUMBNAIL_LENGTH, len(thumbnail))]
    at_details = len(_HEADER) + _size(main)
    at_place = at_details + _size(details)
    at_small = at_place + _size(place)
    at_thumbnail = at_small + _size(small)
    main[-2:] = [_long(_EXIF_IFD, at_details), _long(_GPS_IFD, at_place)]
    small[1] = _long(_THUMBNAIL_OFFSET, at_thumbnail)
    return b"".join(
        (
            b"Exif\x00\x00",
            _HEADER,
            _directory(main, len(_HEADER), following=at_small),
            _directory(details, at_details),
            _directory(place, at_place),
            _directory(small, at_small),
            thumbnail,
        )
    )


def _directory(entries: Sequence[_Entry], offset: int, following: int = 0) -> bytes:
    ordered = sorted(entries, key=lambda entry: entry.tag)
    head = struct.pack("<H", len(ordered))
    heap = b""
    heap_at = offset + 2 + 12 * len(ordered) + 4
    for entry in ordered:
        value = entry.data
        if len(value) > 4:
            value = struct.pack("<L", heap_at + len(heap))
            heap += entry.data + b"\x00" * (len(entry.data) % 2)
        head += struct.pack("<HHL", entry.tag, entry.kind, entry.count) + value.ljust(4, b"\x00")
    return head + struct.pack("<L", following) + heap


def _size(entries: Sequence[_Entry]) -> int:
    return len(_directory(entries, 0))


def _text(tag: int, text: str) -> _Entry:
    data = text.encode("utf-8") + b"\x00"
    return _Entry(tag, _ASCII, len(data), data)


def _short(tag: int, value: int) -> _Entry:
    return _Entry(tag, _SHORT, 1, struct.pack("<H", value))


def _long(tag: int, value: int) -> _Entry:
    return _Entry(tag, _LONG, 1, struct.pack("<L", value))


def _degrees(tag: int, value: tuple[int, int, int]) -> _Entry:
    degrees, minutes, hundredths = value
    return _Entry(tag, _RATIONAL, 3, struct.pack("<6L", degrees, 1, minutes, 1, hundredths, 100))
