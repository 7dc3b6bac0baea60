"""Mutations of an honest file: a few small changes each, the same for the same seed.

An archive is changed inside a member and packed again, a PNG gets the checksums of its changed chunks: otherwise every
mutation would end at the first check.
"""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Sequence
from typing import Final

MAX_BYTES: Final = 1 << 20
_NUMBERS: Final = (0, 1, 2, 255, 256, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
_TOKENS: Final = (
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xff", b"\x80", b"\r", b"\n", b'"', b"'", b"<", b">", b"&#0;", b"]]>",
    b"<!--", b"<![CDATA[", b"<!DOCTYPE x>",
    b"[", b"{", b"}", b"]", b",", b";", b"\t", b"\\ud800", b"1e999", b"-0", b"NaN",
    b"=1+1", b"%", b"/", b"<<", b">>", b"(", b")", b" obj", b"endobj", b"stream\n", b"endstream", b" 0 R", b"null",
    b"/Kids", b"/Count", b"/Filter /FlateDecode", b"/Length 9", b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"IHDR",
    b"=?utf-8?q?=ff?=", b"--b\n", b"Content-Type: ", b"\n\n", b"=\n", b"\n  0\nINSERT\n", b"\n  0\nSEQEND\n",
    b"\n  2\n", b"1e308", b"M0 0A", b"url(#s)", b"nan", b"transform='", b"%%u", b"{\\H9;",
    b"\xff\xd8", b"\xff\xd9", b"\xff\xda", b"Exif\0\0", b"\xe2\x80\xae", b"9" * 400, b"A" * 40_000,
)  # fmt: skip
_PNG: Final = b"\x89PNG\r\n\x1a\n"


def mutated(specimen: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """The specimen with a few changes; `others` are what pieces are taken from."""
    if specimen.startswith(b"PK\x03\x04") and chance.random() < 0.8:
        return _in_archive(specimen, others, chance)
    data = bytearray(specimen)
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        _change(data, others, chance)
    changed = bytes(data[:MAX_BYTES])
    return _with_checksums(changed) if changed.startswith(_PNG) and chance.random() < 0.8 else changed


def _change(data: bytearray, others: Sequence[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    length = chance.choice((1, 1, 2, 4, 16, 200))
    match chance.randrange(9):
        case 0 if at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        case 1:
            data[at : at + length] = chance.randbytes(length)
        case 2:
            del data[at : at + length]
        case 3:
            data[at:at] = data[at : at + length] * chance.choice((1, 2, 50))
        case 4:
            data[at : at + chance.choice((0, 1, 4))] = chance.choice(_TOKENS)
        case 5:
            number = chance.choice(_NUMBERS)
            data[at : at + chance.choice((1, 4))] = str(number).encode()
        case 6:
            size = chance.choice((1, 2, 4, 8))
            number = chance.choice(_NUMBERS) & ((1 << 8 * size) - 1)
            data[at : at + size] = number.to_bytes(size, chance.choice(("big", "little")))
        case 7:
            other = chance.choice(others)
            start = chance.randrange(len(other) + 1)
            data[at:at] = other[start : start + chance.choice((8, 64, 1000))]
        case _:
            del data[at:]


def _in_archive(specimen: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    with zipfile.ZipFile(io.BytesIO(specimen)) as file:
        members = [(one.filename, file.read(one)) for one in file.infolist()]
    chosen = chance.randrange(len(members))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as file:
        for number, (name, data) in enumerate(members):
            file.writestr(
                name, mutated(data, [one for _, one in members] + [*others], chance) if number == chosen else data
            )
    return out.getvalue()


def _with_checksums(data: bytes) -> bytes:
    out, at = bytearray(_PNG), len(_PNG)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunk = data[at + 4 : at + 8 + length]
        if at + 12 + length > len(data):
            break
        out += data[at : at + 4] + chunk + struct.pack(">I", zlib.crc32(chunk))
        at += 12 + length
    return bytes(out) + data[at:]
