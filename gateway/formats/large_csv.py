"""Large plain tables, read in parts by several children at once.

The head, a megabyte of whole rows, is read as a table of its own and says how the table is delimited and how wide it
is. The rest is cut behind line breaks; every part is proven plain by a child of its own. Whatever was cut where, parts
that are each strict and plain make a strict and plain whole. Where one is not, the whole table is for one reader.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from gateway.base.canon import Json
from gateway.formats.cells import PROBED_BYTES
from gateway.sandbox.ports import Limits, Reply, Sandbox
from gateway.sandbox.problems import ParseRefused

PART_BYTES = 8 << 20

_BYTE_ORDER_MARK_BYTES = 3
_AT_ONCE = min(4, os.cpu_count() or 1)
# Line breaks inside quotes that are passed over before the table counts as one that cannot be cut.
_TRIES = 64


def read_in_parts(untrusted: bytes, task: str, sandbox: Sandbox, limits: Limits, part_bytes: int) -> Reply | None:
    """One reply made of those for the head and the parts, a blob each; None where the table must be read as one."""
    ends = _cuts(untrusted, part_bytes)
    if not ends:
        return None

    def part(start: int, end: int) -> Reply:
        return sandbox.run(task, {**plain, "last": end == len(untrusted)}, untrusted[start:end], limits)

    try:
        head = sandbox.run(task, {}, untrusted[: ends[0]], limits)
        source = head.header.get("source")
        if not isinstance(source, dict) or source.get("encoding") != "utf-8":
            return None
        plain: Mapping[str, Json] = {"columns": head.header.get("columns"), "delimiter": source.get("delimiter")}
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            parts = list(threads.map(part, ends, ends[1:]))
    except ParseRefused:
        return None
    rows = [reply.header.get("rows") for reply in (head, *parts)]
    total = sum(one for one in rows if type(one) is int)
    return Reply({**head.header, "rows": total}, (*head.blobs, *(blob for reply in parts for blob in reply.blobs)))


def _cuts(untrusted: bytes, part_bytes: int) -> list[int]:
    """Where head and parts end; none where there would be no second part, or no place to cut."""
    ends: list[int] = []
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
