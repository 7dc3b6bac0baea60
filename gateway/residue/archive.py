"""A zip archive as the gateway writes it, walked byte by byte: what is not a member's own content has one form.

1. Members follow one another from the first byte on, each deflated, its header plain: no flag, no extra field, one
fixed time. 2. Each deflated stream ends exactly where its header says, and its content has the stated length and sum.
3. The directory names the same members in the same order and says nothing else. 4. The end record ends the file.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

from gateway.base.units import MIB
from gateway.residue.deflate import inflate
from gateway.residue.jpeg import Broken

MAX_MEMBERS = 64
MAX_TOTAL_BYTES = 1024 * MIB

_LOCAL = struct.Struct("<4s5H3I2H")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_VERSION, _DEFLATED, _TIME, _DAY, _RIGHTS = 20, 8, 0, 0x21, 0o600 << 16


def members(data: bytes) -> dict[str, bytes]:
    """Every member's content by its name, in order. Raises `Broken`."""
    found: dict[str, bytes] = {}
    entries: list[bytes] = []
    position = total = 0
    while data[position : position + 4] == b"PK\x03\x04":
        number = len(found) + 1
        head = _unpacked(_LOCAL, data, position, f"member {number}")
        _, *fixed, crc, packed_bytes, size_bytes, name_bytes, extra_bytes = head
        total += size_bytes
        if tuple(fixed) != (_VERSION, 0, _DEFLATED, _TIME, _DAY) or extra_bytes:
            raise Broken(f"the header of member {number}")
        if number > MAX_MEMBERS or total > MAX_TOTAL_BYTES:
            raise Broken("the size of the archive")
        body = position + _LOCAL.size + name_bytes
        name = data[position + _LOCAL.size : body]
        if name.decode("ascii", "replace") in found or not name.isascii():
            raise Broken(f"the name of member {number}")
        found[name.decode()] = _inflated(data[body : body + packed_bytes], size_bytes, crc, number)
        sizes = (crc, packed_bytes, size_bytes, name_bytes)
        entries.append(_ENTRY.pack(b"PK\x01\x02", _VERSION, *fixed, *sizes, 0, 0, 0, 0, _RIGHTS, position) + name)
        position = body + packed_bytes
    directory = b"".join(entries)
    count = len(entries)
    end = _END.pack(b"PK\x05\x06", 0, 0, count, count, len(directory), position, 0)
    for what, expected in (("the directory", directory), ("the end record", end)):
        if data[position : position + len(expected)] != expected:
            raise Broken(what)
        position += len(expected)
    if position != len(data) or not found:
        raise Broken("the end: bytes behind it")
    return found


def loose_members(data: bytes) -> Iterator[bytes]:
    """Whatever can be inflated of an archive that may be broken, in order, bounded; for searching only."""
    position, left = data.find(b"PK\x03\x04"), MAX_TOTAL_BYTES // 16
    while position >= 0 and left > 0:
        if position + _LOCAL.size <= len(data):
            head = _LOCAL.unpack_from(data, position)
            start = position + _LOCAL.size + head[-2] + head[-1]
            if head[3] == _DEFLATED:
                decoder = zlib.decompressobj(-zlib.MAX_WBITS)
                try:
                    content = decoder.decompress(data[start:], left)
                except zlib.error:
                    content = b""
            else:
                content = data[start : start + head[7]]
            left -= len(content)
            yield content
        position = data.find(b"PK\x03\x04", position + 4)


def _inflated(packed: bytes, size_bytes: int, crc: int, number: int) -> bytes:
    place = f"the stream of member {number}"
    content = inflate(packed, size_bytes, place, bare=True)
    if len(content) != size_bytes or zlib.crc32(content) != crc:
        raise Broken(place)
    return content


def _unpacked(form: struct.Struct, data: bytes, position: int, place: str) -> tuple[Any, ...]:
    if position + form.size > len(data):
        raise Broken(place)
    return form.unpack_from(data, position)
