"""Archives made to break whoever inflates, lists or writes out what is in them."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from functools import cache
from typing import Final

from tests.support import workbooks

MIB: Final = 1 << 20
GIB: Final = 1 << 30
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHEET = "xl/worksheets/sheet1.xml"
ROWS = (("Customer", "Country"), ("Kowalski AG", "PL"), ("Brandl KG", "AT"))
HEAD = f'<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="{MAIN}"><sheetData>'.encode()
TAIL = b"</sheetData></worksheet>"


@cache
def workbook() -> Mapping[str, bytes]:
    """The members of an honest workbook."""
    with zipfile.ZipFile(io.BytesIO(workbooks.xlsx(ROWS))) as file:
        return {name: file.read(name) for name in file.namelist()}


@cache
def zeros(count_mib: int, filler: bytes = b" ") -> bytes:
    """So many MiB of one character, deflated: the same block again and again, so that it is made in no time."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(filler * MIB) + packer.flush(zlib.Z_FULL_FLUSH)
    end = zlib.compressobj(9, zlib.DEFLATED, -15)
    return block * count_mib + end.flush()


def crc_of(count_mib: int, filler: bytes = b" ") -> int:
    """The checksum of so many MiB of one character."""
    crc, block = 0, filler * MIB
    for _ in range(count_mib):
        crc = zlib.crc32(block, crc)
    return crc


class Member:
    """A member as its headers claim it to be."""

    def __init__(self, name: bytes, packed: bytes, size: int, crc: int, *, method: int = 8, flags: int = 0) -> None:
        self.name = name
        self.packed = packed
        self._told = (method, 0, 0x5A21, crc & 0xFFFFFFFF, len(packed), size)
        self._flags = flags

    def local(self) -> bytes:
        """Its own header, then its bytes."""
        head = struct.pack("<4s2H5H", b"PK\x03\x04", 20, self._flags, *self._told[:3], 0, 0)[:-4]
        return head + struct.pack("<3I2H", *self._told[3:], len(self.name), 0) + self.name + self.packed

    def central(self, at: int, attributes: int = 0) -> bytes:
        """Its line in the directory."""
        head = struct.pack("<4s4H2H", b"PK\x01\x02", 0x0314, 20, self._flags, *self._told[:3])
        head += struct.pack("<3I3H2HII", *self._told[3:], len(self.name), 0, 0, 0, 0, attributes, at)
        return head + self.name


def stored(name: bytes, data: bytes, flags: int = 0) -> Member:
    """A member as it is."""
    return Member(name, data, len(data), zlib.crc32(data), method=0, flags=flags)


def packed(*members: Member, attributes: int = 0, places: Mapping[int, int] | None = None) -> bytes:
    """An archive of these members; `places` are false places in its directory."""
    body, lines = bytearray(), []
    for number, member in enumerate(members):
        lines.append(member.central((places or {}).get(number, len(body)), attributes))
        if number not in (places or {}):
            body += member.local()
    directory = b"".join(lines)
    count = len(members) & 0xFFFF
    return (
        bytes(body)
        + directory
        + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)
    )


def honest(**changed: bytes) -> list[Member]:
    """The members of a workbook, some of them changed."""
    return [stored(name.encode(), changed.get(name, data)) for name, data in workbook().items()]


def xlsx(sheet: bytes | Member | None = None, *more: Member, **changed: bytes) -> bytes:
    """A workbook with another sheet."""
    members = honest(**changed)
    if isinstance(sheet, bytes):
        sheet = stored(SHEET.encode(), sheet)
    if sheet is not None:
        members = [sheet if member.name == SHEET.encode() else member for member in members]
    return packed(*members, *more)


def text_cells(text: str) -> bytes:
    """A sheet of one cell that says this."""
    return HEAD + f'<row r="1"><c r="A1" t="inlineStr"><is><t>{text}</t></is></c></row>'.encode() + TAIL


def nested(depth: int) -> bytes:
    """An archive that holds sixteen times an archive that holds sixteen times …"""
    inner = packed(Member(b"0.txt", zeros(16), 16 * MIB, crc_of(16)))
    for _ in range(depth):
        with io.BytesIO() as out:
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
                for number in range(16):
                    file.writestr(f"{number}.zip", inner)
            inner = out.getvalue()
    return inner


def overlapping(count: int) -> bytes:
    """A directory of a thousand names for the same few bytes."""
    one = Member(b"0.csv", zeros(1), MIB, crc_of(1))
    others = [Member(f"{number}.csv".encode(), one.packed, MIB, crc_of(1)) for number in range(1, count)]
    return packed(one, *others, places=dict.fromkeys(range(1, count), 0))
