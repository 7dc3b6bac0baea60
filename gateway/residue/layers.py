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
from collections.abc import Callable, Iterator, Sequence
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
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:0[xX])?((?:[0-9A-Fa-f]{2}[ :,\-]?){4,}[0-9A-Fa-f]{2})(?![0-9A-Za-z])")
_NOT_HEX = re.compile(r"[ :,\-]")
_STRETCH = re.compile(rb"[\x20-\x7e\t\r\n]{12,}")
_BASE64_ONLY = re.compile(r"[A-Za-z0-9+/]+")
_PADS = ("", "AAA", "AA", "A")
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


def packed(text: str) -> list[str]:
    """Every distinct run of base64 or hexadecimal characters in `text`."""
    hexadecimal = (match[0] for match in _HEX.finditer(text))
    return list(dict.fromkeys((*_BASE64.findall(text), *hexadecimal)))


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
        for match in _STRETCH.finditer(self.data):
            yield self.unit(match.start()), match[0].decode("ascii")

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
        zero = octets == 0
        four = bool((zero[:-2] & zero[1:-1] & zero[2:]).any())
        buffer = octets.tobytes()
        for width in (2, 4) if four else (2,):
            for order, shift in product("<>", range(width)):
                count = (len(buffer) - shift) // width
                symbols = np.frombuffer(buffer, f"{order}u{width}", count, shift).astype(np.uint32)
                symbols[(symbols == _JOINT) | (symbols > 0x10FFFF)] = _GAP
                places = (self.ends - shift) // width
                symbols[places[(places >= 0) & (places < count)]] = _JOINT
                yield symbols


def unpacked(runs: list[str]) -> Iterator[tuple[list[int], Pool]]:
    """The bytes that the runs spell as base64, at each of its four alignments, and as hexadecimal.

    Yields pools, each with the indexes of the runs that its units come from.
    """
    flat = ["".join(run.split()).translate(_URL_SAFE) for run in runs]
    base64 = [index for index, run in enumerate(flat) if _BASE64_ONLY.fullmatch(run)]
    for offset in range(4) if base64 else ():
        pieces = [flat[index][offset:] for index in base64]
        text = "AAAA".join(piece + _PADS[len(piece) % 4] for piece in pieces) + "AAAA"
        sizes = np.fromiter((len(piece) for piece in pieces), dtype=np.int64, count=len(pieces))
        yield base64, Pool(binascii.a2b_base64(text), np.cumsum((sizes + 3) // 4 * 3 + 3) - 3)
    digits = {index: _NOT_HEX.sub("", match[1]) for index, run in enumerate(runs) if (match := _HEX.fullmatch(run))}
    spelled = {index: bytes.fromhex(run) for index, run in digits.items() if len(run) % 2 == 0}
    if spelled:
        yield list(spelled), Pool.of(list(spelled.values()))


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


def _zlib_heads() -> bytes:
    heads = [
        re.escape(bytes((first, second)))
        for first in range(0x08, 0x79, 0x10)
        for second in range(256)
        if (first * 256 + second) % 31 == 0 and not second & 0x20
    ]
    return b"|".join(heads)


_MAGIC = re.compile(
    rb"(?P<zip>PK\x03\x04)|(?P<gzip>\x1f\x8b\x08)|(?P<bzip2>BZh[1-9]1AY&SY)|(?P<xz>\xfd7zXZ\x00)|(?P<zlib>"
    + _zlib_heads()
    + rb")",
    re.DOTALL,
)
_PIECE = 4096
_LEAST = 8


def inflated(data: bytes, budget: Budget) -> Iterator[tuple[int, bytes, bool]]:
    """What zlib, gzip, zip, bzip2 or xz streams in `data` hold: place, content, and whether it ended properly."""
    position = 0
    while match := _MAGIC.search(data, position):
        position = match.start() + 1
        if not budget.another_try():
            return
        start, make = _opener(data, match)
        output, whole = _pump(data, start, make(), budget)
        if len(output) >= _LEAST:
            yield match.start(), output, whole


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _opener(data: bytes, match: re.Match[bytes]) -> tuple[int, Callable[[], _Decoder]]:
    start = match.start()
    if match.lastgroup == "zip":
        head = data[start : start + 30]
        skip = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        return start + 30 + skip, lambda: zlib.decompressobj(-zlib.MAX_WBITS)
    if match.lastgroup == "bzip2":
        return start, bz2.BZ2Decompressor
    if match.lastgroup == "xz":
        return start, lambda: lzma.LZMADecompressor(memlimit=64 * MIB)
    return start, lambda: zlib.decompressobj(zlib.MAX_WBITS | (16 if match.lastgroup == "gzip" else 0))


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
