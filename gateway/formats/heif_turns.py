"""How the boxes of a HEIF file turn its primary image (ISO/IEC 23008-12: `irot` and `imir`, in the order of `ipma`).

The decoder carries this out by itself and does not say what it did. Runs only in the sandbox's child.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from PIL import Image

Box = tuple[bytes, bytes]

_QUARTER_TURNS = (None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
_MIRRORED = (Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.FLIP_LEFT_RIGHT)


def orientation(untrusted: bytes, turns: Mapping[int, Image.Transpose]) -> int:
    """The orientation, as EXIF numbers them, that the boxes amount to. Raises `ValueError`, `struct.error` and such."""
    # Six pixels that all differ, so that no two of the eight orientations look the same.
    probe = Image.frombytes("L", (3, 2), bytes(range(6)))
    wanted = probe
    for kind, body in _properties(untrusted):
        turn = _QUARTER_TURNS[body[0] & 3] if kind == b"irot" else _MIRRORED[body[0] & 1] if kind == b"imir" else None
        wanted = wanted if turn is None else wanted.transpose(turn)
    shown = {1: probe, **{number: probe.transpose(turn) for number, turn in turns.items()}}
    return next(n for n, one in shown.items() if (one.size, one.tobytes()) == (wanted.size, wanted.tobytes()))


def _properties(untrusted: bytes) -> list[Box]:
    """The properties of the primary image, in order."""
    meta = dict(_boxes(dict(_boxes(untrusted))[b"meta"][4:]))
    wide = bool(meta[b"pitm"][0])
    (primary,) = struct.unpack_from(">I" if wide else ">H", meta[b"pitm"], 4)
    properties = dict(_boxes(meta[b"iprp"]))
    container = list(_boxes(properties[b"ipco"]))
    indices = _associated(properties[b"ipma"])[primary]
    return [container[index - 1] for index in indices if index]


def _associated(body: bytes) -> dict[int, list[int]]:
    """`ipma`: item → the numbers of its properties, counted from 1."""
    item, number = (">I" if body[0] else ">H"), (">H" if body[3] & 1 else ">B")
    most = 0x7FFF if body[3] & 1 else 0x7F
    (entries,) = struct.unpack_from(">I", body, 4)
    at, found = 8, {}
    for _ in range(entries):
        (name,) = struct.unpack_from(item, body, at)
        at += struct.calcsize(item) + 1
        width = struct.calcsize(number)
        found[name] = [struct.unpack_from(number, body, at + width * one)[0] & most for one in range(body[at - 1])]
        at += width * body[at - 1]
    return found


def _boxes(data: bytes) -> Iterator[Box]:
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        header = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, at + 8)
            header = 16
        end = at + length if length else len(data)
        if end < at + header:
            raise ValueError("a box shorter than its header")
        yield kind, data[at + header : end]
        at = end
