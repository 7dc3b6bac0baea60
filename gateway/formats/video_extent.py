"""Whether a container ends before what it says it holds: a copy that broke off plays like a shorter video.

MP4 and MOV: every top box lies in the file. Matroska: the segment does; where its length was not known when it was
written, every element does, clusters without length laid open. What is in them is not looked at.
"""

from __future__ import annotations

from gateway.formats import video_types

_BOX_HEAD, _LARGE_HEAD = 8, 16
_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_MAX_ID_BYTES, _MAX_SIZE_BYTES = 4, 8


def is_whole(data: bytes, media_type: str) -> bool:
    """Whether nothing is missing at its end, as far as its own lengths tell."""
    return _elements(data) if media_type == video_types.MKV else _boxes(data)


def _boxes(data: bytes) -> bool:
    at = 0
    # A box has a head; less than that is filling.
    while at + _BOX_HEAD <= len(data):
        length, least = int.from_bytes(data[at : at + 4]), _BOX_HEAD
        if length == 0:
            return True
        if length == 1:
            length, least = int.from_bytes(data[at + _BOX_HEAD : at + _LARGE_HEAD]), _LARGE_HEAD
        if length < least or at + length > len(data):
            return False
        at += length
    return True


def _elements(data: bytes) -> bool:
    at = 0
    while at < len(data):
        named = _number(data, at, _MAX_ID_BYTES)
        sized = _number(data, at + named, _MAX_SIZE_BYTES) if named else 0
        start = at + named + sized
        if not sized or start > len(data):
            return False
        kind = int.from_bytes(data[at : at + named])
        unknown = (1 << 7 * sized) - 1
        length = int.from_bytes(data[at + named : start]) & unknown
        if length != unknown:
            if start + length > len(data):
                return False
            if kind == _SEGMENT:
                return True
            start += length
        elif kind not in {_SEGMENT, _CLUSTER}:
            return False
        at = start
    return True


def _number(data: bytes, at: int, most: int) -> int:
    """How many bytes the number of variable length has that begins here; 0 for none."""
    length = 9 - data[at].bit_length() if at < len(data) else 9
    return length if length <= most else 0
