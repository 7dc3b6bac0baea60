"""What an MP4 or MOV that somebody else made holds beside one track of pictures: counted by the gate's own walk.

Boxes are walked as far as their lengths go; nothing is decoded. What stands in no box, in boxes that hold anything, in
messages between the slices, or in bytes that no track names, is where something rides along unseen.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType

MEDIA_TYPES = frozenset({"video/mp4", "video/quicktime"})

_HEAD, _LARGE_HEAD = 8, 16
_HOLDING = frozenset(
    (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"udta", b"ilst", b"edts", b"tref", b"moof", b"traf")
)
_SORTS: Mapping[bytes, str] = MappingProxyType({b"vide": "picture tracks", b"soun": "sound tracks"})
_NAMED: Mapping[bytes, str] = MappingProxyType(
    {
        b"uuid": "boxes of private data",
        b"elst": "edit lists",
        b"chpl": "lists of chapters",
        b"chap": "lists of chapters",
    }
)
# Message units (SEI) by the sample entry: which bits of a unit's first byte name its sort, and which sorts they are.
_MESSAGES: Mapping[bytes, tuple[int, int, frozenset[int]]] = MappingProxyType(
    {
        **dict.fromkeys((b"avc1", b"avc3"), (0, 0x1F, frozenset({6}))),
        **dict.fromkeys((b"hvc1", b"hev1"), (1, 0x3F, frozenset({39, 40}))),
    }
)
_MOST_BOXES, _DEEPEST, _MOST_SAMPLES = 100_000, 16, 400_000


@dataclass(frozen=True, slots=True)
class _Box:
    """A box: what is in it lies from `start` to `end`, and `path` are the kinds that it is in, itself last."""

    path: tuple[bytes, ...]
    start: int
    end: int


def parts(data: bytes) -> dict[str, int]:
    """How much of what is in it, under names for people; of a file that is broken as much as can be told."""
    counts: Counter[str] = Counter()
    boxes = list(islice(_boxes(data, (), 0, len(data)), _MOST_BOXES))
    for box in boxes:
        kind, inside = box.path[-1], data[box.start : min(box.end, box.start + 64)]
        if box.path[-2:] == (b"mdia", b"hdlr"):
            counts[_SORTS.get(inside[8:12], "other tracks")] += 1
        elif box.path[-2:-1] == (b"ilst",):
            counts["tags"] += 1
        elif box.path[-2:-1] == (b"udta",) and kind not in {b"meta", b"chpl"}:
            counts["entries of user data"] += 1
        elif kind in _NAMED:
            counts[_NAMED[kind]] += 1
        elif kind in {b"free", b"skip", b"wide"}:
            counts["bytes of filling that are not empty"] += len(data[box.start : box.end].strip(b"\0"))
    tops = [box for box in boxes if len(box.path) == 1]
    counts["bytes behind the last box"] = len(data) - max((box.end for box in tops), default=0)
    counts += _media(data, boxes)
    return dict(sorted((+counts).items()))


def _boxes(data: bytes, path: tuple[bytes, ...], start: int, end: int) -> Iterator[_Box]:
    while start + _HEAD <= end:
        length, kind, head = int.from_bytes(data[start : start + 4]), data[start + 4 : start + 8], _HEAD
        if length == 1:
            length, head = int.from_bytes(data[start + _HEAD : start + _LARGE_HEAD]), _LARGE_HEAD
        if length == 0 and not path:
            length = end - start
        if length < head or start + length > end:
            return
        box = _Box((*path, kind), start + head, start + length)
        yield box
        if len(path) < _DEEPEST and (kind in _HOLDING or kind == b"meta"):
            # Of a `meta` box there are two forms, one with four bytes before what it holds.
            skipped = 4 if kind == b"meta" and data[box.start + 4 : box.start + 8] != b"hdlr" else 0
            yield from _boxes(data, box.path, box.start + skipped, box.end)
        start += length


def _media(data: bytes, boxes: list[_Box]) -> Counter[str]:
    """Messages between the slices, and bytes of media that belong to no track; of fragments neither is told."""
    counts: Counter[str] = Counter()
    if any(box.path == (b"moof",) for box in boxes):
        return counts
    named = 0
    for trak in (box for box in boxes if box.path == (b"moov", b"trak")):
        inside = {box.path[-1]: box for box in boxes if trak.start <= box.start and box.end <= trak.end}
        entry = _entry(data, inside)
        for start, end in islice(_samples(data, inside), _MOST_SAMPLES):
            named += max(0, end - start)
            if named > len(data):
                # Tables that name the same bytes again and again say nothing more.
                return counts
            counts["messages of the encoder (SEI)"] += _messages(data[start:end], entry)
    media = sum(box.end - box.start for box in boxes if box.path == (b"mdat",))
    counts["bytes of media that no track names"] = max(0, media - named)
    return counts


def _entry(data: bytes, inside: Mapping[bytes, _Box]) -> bytes:
    return data[inside[b"stsd"].start + 12 : inside[b"stsd"].start + 16] if b"stsd" in inside else b""


def _samples(data: bytes, inside: Mapping[bytes, _Box]) -> Iterator[tuple[int, int]]:
    """Where each sample of a track begins and ends in the file."""
    wide = b"co64" in inside
    if not {b"stsz", b"stsc"} <= inside.keys() or not (wide or b"stco" in inside):
        return
    one_size, count, *several = *_words(data, inside[b"stsz"], 4), 0, 0
    sizes = iter([one_size] * min(count, _MOST_SAMPLES) if one_size else several)
    chunks = _words(data, inside[b"co64"], 8, skipped=8) if wide else _words(data, inside[b"stco"], 4)[1:]
    runs = _words(data, inside[b"stsc"], 4)[1:]
    by_chunk = {runs[at]: runs[at + 1] for at in range(0, len(runs) - 2, 3)}
    each = 0
    for number, start in enumerate(chunks, start=1):
        each = by_chunk.get(number, each)
        at = start
        for size in islice(sizes, each):
            yield at, min(at + size, len(data))
            at += size


def _words(data: bytes, box: _Box, width: int, *, skipped: int = 4) -> tuple[int, ...]:
    """The numbers of a table, behind its version and flags."""
    body = data[box.start + skipped : box.end]
    count = len(body) // width
    return struct.unpack(f">{count}{'I' if width == 4 else 'Q'}", body[: width * count])


def _messages(sample: bytes, entry: bytes) -> int:
    """How many message units a sample holds, its units led by lengths of four bytes."""
    if entry not in _MESSAGES:
        return 0
    shift, mask, sorts = _MESSAGES[entry]
    found = at = 0
    while at + 5 <= len(sample):
        found += (sample[at + 4] >> shift & mask) in sorts
        at += 4 + int.from_bytes(sample[at : at + 4])
    return found
