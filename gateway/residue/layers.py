"""What may lie under a text or under bytes: escapes, base64, hexadecimal, other character sets, compressed streams.

Nothing here decides; every function only lays open what a reader with common tools would see one layer below.
"""

from __future__ import annotations

import binascii
import bz2
import html
import lzma
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Protocol
from urllib.parse import unquote_to_bytes

import numpy as np
from numpy.typing import NDArray

from gateway.base.units import MIB
from gateway.residue.fold import JOINT, Symbols, to_symbols

MAX_DEPTH = 4
_GAP = 0x20
_JOINT = ord(JOINT)

_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_QUOTED = re.compile(r"(?:=[0-9A-F]{2})+")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,31});")
_BACKSLASH = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|U([0-9A-Fa-f]{8})|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2}))")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{6,}(?:\r?\n[A-Za-z0-9+/_-]{2,})*")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:0[xX])?(?:[0-9A-Fa-f]{2}[ :,\-]?){4,}[0-9A-Fa-f]{2}(?![0-9A-Za-z])")
_NOT_HEX = re.compile(r"[ :,\-]")
# Printable passages: from one character to two, to four, to eight, to twelve in a row.
_STRETCH_STEPS = (1, 2, 4, 4)
_BETWEEN = "AAAAAA"  # zero bits; at every alignment at least three whole bytes of them
_URL_SAFE = str.maketrans("-_", "+/")


def unescaped(text: str) -> Iterator[str]:
    """`text` with its escapes resolved, once for each sort of escape that is in it."""
    if "%" in text and _PERCENT.search(text):
        yield _PERCENT.sub(lambda match: _octets(unquote_to_bytes(match[0])), text)
    if "=" in text and _QUOTED.search(text):
        yield _QUOTED.sub(lambda match: _octets(bytes.fromhex(match[0].replace("=", ""))), text)
    if "&" in text and _ENTITY.search(text):
        yield html.unescape(text)
    if "\\" in text and _BACKSLASH.search(text):
        resolved = _BACKSLASH.sub(_resolve, text)
        yield resolved.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def has_escape(text: str) -> bool:
    """Whether `unescaped` can have anything to say about `text`."""
    return "%" in text or "=" in text or "&" in text or "\\" in text


def _octets(data: bytes) -> str:
    for charset in ("utf-8", "gb18030", "big5"):
        try:
            return data.decode(charset)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _resolve(match: re.Match[str]) -> str:
    point = int(next(group for group in match.groups() if group), 16)
    return chr(point) if point < 0x110000 else "\ufffd"


def packed(text: str) -> tuple[list[str], list[str]]:
    """Every distinct run of base64 characters in `text`, and every run of hexadecimal digits in pairs."""
    return list(dict.fromkeys(_BASE64.findall(text))), list(dict.fromkeys(match[0] for match in _HEX.finditer(text)))


def runs(inside: NDArray[np.bool_], steps: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Begin and end of each stretch of at least 1 + `sum(steps)` in a row; no step is longer than what is before it."""
    whole = inside
    for step in steps:
        whole = whole[:-step] & whole[step:]
    starts = np.flatnonzero(whole)
    if len(starts):
        apart = np.flatnonzero(np.diff(starts) > 1)
        begins = starts[np.append(0, apart + 1)]
        ends = starts[np.append(apart, -1)] + 1 + sum(steps)
        yield from zip(begins.tolist(), ends.tolist(), strict=True)


@dataclass(frozen=True, slots=True)
class Pool:
    """Many byte strings (units) as one buffer, three NUL bytes behind each; `ends` are their ends in order."""

    data: bytes
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, units: Sequence[bytes]) -> Pool:
        """The pool of these units."""
        ends = np.cumsum(np.fromiter((len(unit) + 3 for unit in units), dtype=np.int64, count=len(units))) - 3
        return cls(b"\0\0\0".join(units) + b"\0\0\0", ends)

    def unit(self, position: int) -> int:
        """The unit that this byte of `data` belongs to."""
        return int(np.searchsorted(self.ends, position, side="right"))

    def stretches(self) -> Iterator[tuple[int, str]]:
        """Printable passages of at least twelve characters, each with its unit."""
        octets = np.frombuffer(self.data, np.uint8)
        printable = ((octets - 0x20) <= 0x5E) | (octets == 0x09) | (octets == 0x0A) | (octets == 0x0D)
        for begin, end in runs(printable, _STRETCH_STEPS):
            yield self.unit(begin), self.data[begin:end].decode("ascii")

    def inflated(self, budget: Budget) -> Iterator[tuple[int, bytes, bool]]:
        """What compressed streams in the units hold: unit, content, and whether the stream came to its proper end."""
        for position, content, whole in inflated(self.data, budget):
            yield self.unit(position), content, whole

    def views(self) -> Iterator[Symbols]:
        """The units joined by `JOINT` as code points, under each character set that a value could be written in."""
        octets = np.frombuffer(self.data, dtype=np.uint8).copy()
        octets[octets == _JOINT] = _GAP
        for offset in range(3):
            octets[self.ends + offset] = _GAP
        yield from self._wide(octets)
        octets[self.ends] = _JOINT
        yield octets.astype(np.uint32)
        joined = octets.tobytes()
        if not joined.isascii():
            for charset in ("utf-8", "gb18030", "big5"):
                yield to_symbols(joined.decode(charset, "replace"))

    def _wide(self, octets: NDArray[np.uint8]) -> Iterator[Symbols]:
        """UTF-16 in both orders at both alignments; UTF-32 with it, whose other half is zeros and folds away."""
        buffer = octets.tobytes()
        for order, shift in product("<>", range(2)):
            count = (len(buffer) - shift) // 2
            symbols = np.frombuffer(buffer, f"{order}u2", count, shift).astype(np.uint32)
            symbols[symbols == _JOINT] = _GAP
            places = (self.ends - shift) // 2
            symbols[places[(places >= 0) & (places < count)]] = _JOINT
            yield symbols


def from_base64(runs: list[str]) -> Iterator[Pool]:
    """The bytes that the runs spell at each alignment, a unit for each run; bytes at a run's ends may be cut."""
    flat = [run if run.isalnum() else "".join(run.split()) for run in runs]
    text = (_BETWEEN.join(flat) + 2 * _BETWEEN).translate(_URL_SAFE).encode("ascii")
    sizes = np.fromiter(map(len, flat), dtype=np.int64, count=len(flat))
    ends = np.cumsum(sizes + len(_BETWEEN)) - len(_BETWEEN)
    for offset in range(4):
        piece = text[offset : offset + (len(text) - offset) // 4 * 4]
        yield Pool(binascii.a2b_base64(piece), ((ends - offset) * 3 + 3) // 4)


def from_hex(runs: list[str]) -> Pool:
    """The bytes that the runs spell."""
    digits = [_NOT_HEX.sub("", run.removeprefix("0x").removeprefix("0X")) for run in runs]
    return Pool.of([bytes.fromhex(run) for run in digits])


@dataclass(slots=True)
class Budget:
    """How much a search may inflate; once exhausted, nothing is proven and the rendition is blocked."""

    bytes_left: int = 64 * MIB
    tries_left: int = 1 << 18
    exhausted: bool = False

    def take(self, size_bytes: int) -> None:
        """Account for inflated bytes."""
        self.bytes_left -= size_bytes
        self.exhausted = self.exhausted or self.bytes_left < 0

    def another_try(self) -> bool:
        """Account for a try; false once there are none left."""
        self.tries_left -= 1
        self.exhausted = self.exhausted or self.tries_left < 0
        return not self.exhausted


_MAGICS = {b"PK\x03\x04": "zip", b"\x1f\x8b\x08": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz"}
_PIECE = 4096
_LEAST = 8


def _heads(data: bytes) -> list[tuple[int, str]]:
    """Places where a compressed stream could begin, and its sort."""
    octets = np.frombuffer(data, np.uint8)
    # A zlib stream without dictionary begins with a pair of bytes that is divisible by 31.
    places = np.flatnonzero((octets[:-1] & 0x8F) == 8)
    first, second = octets[places].astype(np.uint16), octets[places + 1]
    places = places[((first << 8 | second) % 31 == 0) & ((second & 0x20) == 0)]
    heads = [(place, "zlib") for place in places.tolist()]
    for magic, sort in _MAGICS.items():
        place = data.find(magic)
        while place >= 0:
            heads.append((place, sort))
            place = data.find(magic, place + 1)
    return heads


def inflated(data: bytes, budget: Budget) -> Iterator[tuple[int, bytes, bool]]:
    """What zlib, gzip, zip, bzip2 or xz streams in `data` hold: place, content, and whether it ended properly."""
    for place, sort in _heads(data):
        if not budget.another_try():
            return
        start, decoder = _opened(data, place, sort)
        output, whole = _pump(data, start, decoder, budget)
        if len(output) >= _LEAST:
            yield place, output, whole


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _opened(data: bytes, place: int, sort: str) -> tuple[int, _Decoder]:
    if sort == "zip":
        head = data[place : place + 30]
        skip = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        return place + 30 + skip, zlib.decompressobj(-zlib.MAX_WBITS)
    if sort == "bzip2":
        return place, bz2.BZ2Decompressor()
    if sort == "xz":
        return place, lzma.LZMADecompressor(memlimit=64 * MIB)
    return place, zlib.decompressobj(zlib.MAX_WBITS | (16 if sort == "gzip" else 0))


def _pump(data: bytes, start: int, decoder: _Decoder, budget: Budget) -> tuple[bytes, bool]:
    """Inflate piece by piece, so that what came before a fault is kept and no bomb goes off."""
    output = bytearray()
    limit = budget.bytes_left + 1
    position = start
    feed: bytes = b""
    try:
        while not decoder.eof and len(output) < limit:
            feed = getattr(decoder, "unconsumed_tail", b"")
            if not feed:
                feed = data[position : position + _PIECE]
                position += len(feed)
                if not feed and getattr(decoder, "needs_input", True):
                    break
            output += decoder.decompress(feed, limit - len(output))
    except (zlib.error, OSError, EOFError, ValueError, lzma.LZMAError):
        whole = False
    else:
        whole = bool(decoder.eof)
    budget.take(len(output))
    return bytes(output), whole
