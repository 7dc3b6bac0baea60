"""Large plain tables, read in parts by several children at once.

The head, a megabyte of whole rows, is read as a table of its own and says how the table is delimited and how wide it
is. The rest is cut behind line breaks; every part is marked up by a child of its own, then checked and split here while
others are being read. Whatever was cut where, parts that are each strict and plain make a strict and plain whole. Where
one is not, the whole table is for one reader.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import polars as pl

from gateway.base.canon import Json
from gateway.base.progress import Steps
from gateway.formats.cells import MAX_ROWS, PROBED_BYTES
from gateway.formats.model import Table
from gateway.formats.problems import TableRefused
from gateway.formats.table import SourceCheck, cells_of, table_of
from gateway.sandbox.ports import Limits, Sandbox
from gateway.sandbox.problems import ParseRefused

PART_BYTES = 8 << 20

_BYTE_ORDER_MARK_BYTES = 3
_AT_ONCE = min(4, (os.cpu_count() or 1) + 1)
# From so many parts on they are twice as large: what each child costs by itself is felt.
_MANY_PARTS = 16
# Line breaks inside quotes that are passed over before the table counts as one that cannot be cut.
_TRIES = 64


def read_in_parts(
    untrusted: bytes,
    task: str,
    sandbox: Sandbox,
    limits: Limits,
    source: SourceCheck,
    part_bytes: int,
    steps: Steps,
) -> Table | None:
    """The table made of head and parts, checked as `table_of` does; None where it must be read as one."""
    ends = _cuts(untrusted, part_bytes)
    if not ends:
        return None

    def part(start: int, end: int) -> tuple[bytes, pl.DataFrame]:
        reply = sandbox.run(task, {**plain, "last": end == len(untrusted)}, untrusted[start:end], limits)
        packed = b"".join(reply.blobs)
        return packed, cells_of(packed, width)

    try:
        reply = sandbox.run(task, {}, untrusted[: ends[0]], limits)
        head = table_of(reply, source)
        if head.source["encoding"] != "utf-8":
            return None
        plain: Mapping[str, Json] = {"delimiter": head.source["delimiter"]}
        width, frames, digest = len(head.headers), [head.frame], hashlib.sha256(b"".join(reply.blobs))
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for packed, frame in threads.map(part, ends, ends[1:]):
                digest.update(packed)
                frames.append(frame)
                steps(len(frames), len(ends))
    except (ParseRefused, TableRefused):
        return None
    frame = pl.concat(frames, rechunk=False)
    return Table(head.headers, frame, head.source, digest.digest()) if frame.height <= MAX_ROWS else None


def _cuts(untrusted: bytes, part_bytes: int) -> list[int]:
    """Where head and parts end; none where there would be no second part, or no place to cut."""
    ends: list[int] = []
    if len(untrusted) > _MANY_PARTS * part_bytes:
        part_bytes *= 2
    start, size = 0, PROBED_BYTES + _BYTE_ORDER_MARK_BYTES
    while start + size + part_bytes < len(untrusted):
        end = _row_end(untrusted, start, start + size)
        if end is None:
            return []
        ends.append(end)
        start, size = end, part_bytes
    return [*ends, len(untrusted)] if len(ends) > 1 else []


def _row_end(untrusted: bytes, start: int, least: int) -> int | None:
    """Behind the first line break from `least` on outside quotes; None where none is near, or the row is blank."""
    end, quotes = start, 0
    for _ in range(_TRIES):
        found = untrusted.find(b"\n", max(end, least)) + 1
        if not found:
            return None
        quotes += untrusted.count(b'"', end, found)
        end = found
        if quotes % 2 == 0:
            # A reader takes blank rows at the end of what it sees for nothing; here they are not at the end.
            return None if untrusted[end - 3 : end - 1].rstrip(b"\r")[-1:] in {b"", b"\n"} else end
    return None
