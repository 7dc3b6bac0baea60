"""A thief's search through a folder: what of the originals lies anywhere in clear, raw or one layer below.

What is looked for: every run of 16 bytes of every original, at every offset, unless a released file holds it too or it
says nothing (at most three different bytes, small numbers in a row, or the name of its own media type); and every given
value, in UTF-8 and in UTF-16.
Where: every byte of every file, and what zlib, gzip, base64, hexadecimal and UTF-16 would give away there; every value
of every row of an SQLite database; and the names of files themselves.
"""

from __future__ import annotations

import base64
import binascii
import re
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RUN_BYTES = 16
# Numbers below 256 in four bytes each, as in the tables of a video, are met in every database.
_MOST_ZEROS = 10
MAX_DEPTH = 3
LEAST_VALUE_CHARS = 6
# An OpenDocument file begins with the name of its type, which is kept for every original and tells nothing of this one.
_TYPE_NAMES = (b"application/vnd.oasis.opendocument.spreadsheet",)

_TABLE_BITS = 22
_SHIFT = np.uint64(64 - _TABLE_BITS)
_ONE = np.uint64(0x9E3779B97F4A7C15)
_OTHER = np.uint64(0xC2B2AE3D27D4EB4F)
_SQLITE = b"SQLite format 3\x00"
_INFLATED_MAX = 1 << 24
_REMEMBERED_BYTES = 1 << 14
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{20,}={0,2}")
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}){16,}")

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Leak:
    """Something of an original in clear: in which file, under which layers, and what it is (never the thing itself)."""

    place: str
    layers: tuple[str, ...]
    what: str


class Wanted:
    """What must not be found anywhere."""

    def __init__(self, originals: Mapping[str, bytes], *, released: Iterable[bytes], values: Iterable[str]) -> None:
        self._runs: dict[bytes, str] = {}
        for label, data in originals.items():
            for at in range(len(data) - RUN_BYTES + 1):
                self._runs.setdefault(data[at : at + RUN_BYTES], label)
        self._runs = {
            run: label for run, label in self._runs.items() if len(set(run)) > 3 and run.count(0) <= _MOST_ZEROS
        }
        self._table = _table_of(self._runs, RUN_BYTES)
        for data in (*released, *_TYPE_NAMES):
            for place in self._candidates(data):
                self._runs.pop(data[place : place + RUN_BYTES], None)
        self._table = _table_of(self._runs, RUN_BYTES)
        self._labels = frozenset(self._runs.values())
        self._values: dict[bytes, str] = {}
        for number, value in enumerate(values):
            if len(value) < LEAST_VALUE_CHARS:
                raise ValueError("a value this short is met by chance")
            for charset in ("utf-8", "utf-16-le", "utf-16-be"):
                self._values[value.encode(charset)] = f"value {number}"
        self._heads = _table_of({value[:LEAST_VALUE_CHARS] for value in self._values}, LEAST_VALUE_CHARS)
        self._by_head: dict[bytes, list[bytes]] = {}
        for sought in self._values:
            self._by_head.setdefault(sought[:LEAST_VALUE_CHARS], []).append(sought)
        self._clean: set[bytes] = set()

    @property
    def run_count(self) -> int:
        """How many different runs are searched."""
        return len(self._runs)

    def in_plain(self, data: bytes) -> set[str]:
        """What of it stands in `data` as it is."""
        found: set[str] = set()
        for place in _places(self._heads, data, LEAST_VALUE_CHARS) if self._values else ():
            for value in self._by_head.get(data[place : place + LEAST_VALUE_CHARS], ()):
                if data.startswith(value, place):
                    found.add(self._values[value])
        labels = set(self._labels)
        for place in self._candidates(data) if labels else ():
            label = self._runs.get(data[place : place + RUN_BYTES])
            if label is not None:
                found.add(f"a run of {label}")
                labels.discard(label)
                if not labels:
                    break
        return found

    def search(self, data: bytes, place: str, layers: tuple[str, ...] = ()) -> Iterator[Leak]:
        """What of it stands in `data` or below it."""
        if data in self._clean:
            return
        leaking = False
        for what in sorted(self.in_plain(data)):
            leaking = True
            yield Leak(place, layers, what)
        if len(layers) < MAX_DEPTH:
            for layer, below in _below(data):
                for leak in self.search(below, place, (*layers, layer)):
                    leaking = True
                    yield leak
        if layers and not leaking and len(data) <= _REMEMBERED_BYTES:
            self._clean.add(data)

    def _candidates(self, data: bytes) -> list[int]:
        return _places(self._table, data, RUN_BYTES)


def search_folders(folders: Iterable[Path], wanted: Wanted) -> list[Leak]:
    """Every leak in every file under `folders`, in files' names, and in the rows of databases."""
    leaks: list[Leak] = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            leaks += wanted.search(name.encode(), f"the name {len(leaks)}")
            if path.is_file() and not path.is_symlink():
                data = path.read_bytes()
                leaks += wanted.search(data, name)
                if data.startswith(_SQLITE):
                    leaks += _in_rows(path, name, wanted)
    return leaks


def search_streams(streams: Mapping[str, bytes], wanted: Wanted) -> list[Leak]:
    """Every leak in captured output."""
    return [leak for name, data in streams.items() for leak in wanted.search(data, name)]


def assert_nothing_in_clear(
    folders: Iterable[Path], wanted: Wanted, streams: Mapping[str, bytes] | None = None
) -> None:
    """Fail naming places and layers, never the values."""
    leaks = [*search_folders(folders, wanted), *search_streams(streams or {}, wanted)]
    told = [
        f"{leak.what} in {leak.place}{' under ' if leak.layers else ''}{' under '.join(leak.layers)}" for leak in leaks
    ]
    assert not leaks, f"{len(leaks)} in clear: " + "; ".join(told[:10])


def _in_rows(path: Path, name: str, wanted: Wanted) -> Iterator[Leak]:
    """Values that long rows hold may be scattered over pages: read as a database they are whole."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in database.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    data = value.encode() if isinstance(value, str) else value
                    if isinstance(data, bytes):
                        yield from wanted.search(data, f"{name}, table {table}")
    finally:
        database.close()


def _hashes(data: bytes, width: int) -> Hashes:
    """One hash for every run of `width` bytes in `data`, in order; `width` is 16 or at most 8."""
    octets = np.frombuffer(data, np.uint8)
    part = min(width, 8)
    words = np.zeros(len(octets) - part + 1, np.uint64)
    for place in range(part):
        words |= octets[place : place + len(words)].astype(np.uint64) << np.uint64(8 * place)
    with np.errstate(over="ignore"):
        hashes: Hashes = words * _ONE if width <= 8 else words[:-8] * _ONE ^ words[8:] * _OTHER
    return hashes


def _slots(hashes: Hashes) -> NDArray[np.int64]:
    with np.errstate(over="ignore"):
        return ((hashes * _ONE) >> _SHIFT).astype(np.int64)


def _table_of(keys: Collection[bytes], width: int) -> NDArray[np.bool_]:
    """Which hashes the keys, all `width` bytes long, have."""
    table = np.zeros(1 << _TABLE_BITS, np.bool_)
    if keys:
        table[_slots(_hashes(b"".join(keys), width)[::width])] = True
    return table


def _places(table: NDArray[np.bool_], data: bytes, width: int) -> list[int]:
    """Where in `data` a run has a hash that is in `table`."""
    if len(data) < width:
        return []
    places: list[int] = np.flatnonzero(table[_slots(_hashes(data, width))]).tolist()
    return places


def _below(data: bytes) -> Iterator[tuple[str, bytes]]:
    yield from _inflated(data)
    for match in _BASE64.finditer(data):
        run = match[0].rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
        for offset in range(4):
            piece = run[offset:]
            yield "base64", binascii.a2b_base64(piece[: len(piece) // 4 * 4])
    for match in _HEX.finditer(data):
        yield "hexadecimal", bytes.fromhex(match[0].decode())
    octets = np.frombuffer(data, np.uint8)
    if len(octets) >= 4 * RUN_BYTES and (octets == 0).mean() > 0.2:
        for start in (0, 1):
            yield "every other byte", octets[start::2].tobytes()


def _inflated(data: bytes) -> Iterator[tuple[str, bytes]]:
    octets = np.frombuffer(data, np.uint8).astype(np.uint16)
    if len(octets) < 8:
        return
    first, second = octets[:-1], octets[1:]
    heads = ((first & 15) == 8) & (first < 0x80) & ((first * 256 + second) % 31 == 0) & ((second & 0x20) == 0)
    places = [(place, "zlib", zlib.MAX_WBITS) for place in np.flatnonzero(heads).tolist()]
    places += [(match.start(), "gzip", 16 + zlib.MAX_WBITS) for match in re.finditer(b"\x1f\x8b\x08", data)]
    places += [(match.end(), "zip", -zlib.MAX_WBITS) for match in _zip_heads(data)]
    for place, layer, window in places:
        output = _pump(data, place, window)
        if len(output) >= RUN_BYTES:
            yield layer, output


def _zip_heads(data: bytes) -> Iterator[re.Match[bytes]]:
    for match in re.finditer(rb"PK\x03\x04", data):
        head = data[match.start() : match.start() + 30]
        skip = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        whole = re.compile(rb"(?s).{%d}" % (30 + skip)).match(data, match.start())
        if len(head) == 30 and head[8:10] == b"\x08\x00" and whole:
            yield whole


def _pump(data: bytes, place: int, window: int) -> bytes:
    """What inflates from `place` on, up to the first fault."""
    decoder = zlib.decompressobj(window)
    output = bytearray()
    view = memoryview(data)
    for start in range(place, len(data), 4096):
        try:
            output += decoder.decompress(view[start : start + 4096], _INFLATED_MAX - len(output) or 1)
        except zlib.error:
            break
        if decoder.eof or len(output) >= _INFLATED_MAX:
            break
    return bytes(output)


def encodings(value: bytes) -> dict[str, bytes]:
    """The same bytes as somebody could have left them lying about: for tests of the search itself."""
    deflate = zlib.compressobj(wbits=31)
    return {
        "raw": value,
        "zlib": zlib.compress(value),
        "gzip": deflate.compress(value) + deflate.flush(),
        "base64": base64.b64encode(value),
        "base64, shifted": b"xy" + base64.b64encode(b"a" + value),
        "hexadecimal": value.hex().encode(),
        "utf-16": value.decode("latin-1").encode("utf-16-le"),
        "zlib under base64": base64.b64encode(zlib.compress(value)),
    }
