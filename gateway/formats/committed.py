"""A table committed to cell by cell, and what of a commitment opens for a rendition. Experimental.

A *slot* is one commitment of several to the same table, each with its own salts, row order and column places, so that
two recipients who get one slot each find nothing in their proofs by which to lay their rows side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gateway.base.canon import Json
from gateway.formats.keyed import row_order
from gateway.formats.model import Table
from gateway.seal import table_commitment as sealed

# Leaves over all slots of one table: some 40 s of a processor.
MAX_LEAVES = 1 << 24
_PRIME = (1 << 31) - 1
_LOCATORS = 4


@dataclass(frozen=True, slots=True)
class Slot:
    """One commitment: its root, the roots under it by place, and for every column where it stands and its locator.

    `digest` is the committed table's own. Nothing here opens a cell: that takes the slot's secret.
    """

    root: str
    digest: str
    rows: int
    headers: str
    columns: tuple[str, ...]
    places: tuple[int, ...]
    locators: tuple[str, ...]

    def to_json(self) -> dict[str, Json]:
        """Canonical."""
        return {
            "root": self.root,
            "digest": self.digest,
            "rows": self.rows,
            "headers": self.headers,
            "columns": list(self.columns),
            "places": list(self.places),
            "locators": list(self.locators),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Slot:
        """The inverse of `to_json`."""
        lists = {name: tuple(told[name]) for name in ("columns", "places", "locators")}
        return cls(root=told["root"], digest=told["digest"], rows=told["rows"], headers=told["headers"], **lists)


def slots_for(table: Table, most: int) -> int:
    """How many commitments to this table are made: `most`, fewer for a large one, none for one past the bound."""
    leaves = sealed.padded_rows(table.row_count) * len(table.headers)
    return min(most, MAX_LEAVES // leaves)


def committed(table: Table, secret: bytes) -> Slot:
    """The commitment to `table` under the secret of one slot."""
    at, leaves = sealed.places(secret, len(table.headers)), sealed.padded_rows(table.row_count)
    order = row_order(sealed.order_key(secret), table.digest, table.row_count)
    count = sealed.padded_columns(len(table.headers))
    seeds = sealed.column_seeds(secret, count)
    roots = [sealed.padding_root(secret, place) for place in range(count)]
    locators = []
    for place, cells in zip(at, table.frame, strict=True):
        hashes = sealed.column_leaves(seeds[place], cells.gather(order).to_list(), leaves)
        roots[place] = sealed.tree_root(hashes)
        locators.append(_locator(hashes))
    headers = sealed.header_root(secret, table.headers, at)
    return Slot(
        root=sealed.commitment(count, leaves, headers, sealed.tree_root(roots)).hex(),
        digest=table.digest.hex(),
        rows=table.row_count,
        headers=headers.hex(),
        columns=tuple(root.hex() for root in roots),
        places=at,
        locators=tuple(locators),
    )


def opened(slot: Slot, secret: bytes, columns: Sequence[int]) -> bytes:
    """The proof that opens these columns (counted from 0) and no others."""
    roots = [bytes.fromhex(root) for root in slot.columns]
    return sealed.opening(secret, bytes.fromhex(slot.headers), roots, [slot.places[column] for column in columns])


def _locator(hashes: Sequence[bytes]) -> str:
    """Power sums over the leaves, by which a verifier names the one or two rows that differ; they prove nothing."""
    words = np.frombuffer(b"".join([hashed[:4] for hashed in hashes]), ">u4").astype(np.uint64) & np.uint64(_PRIME)
    places = np.arange(1, len(hashes) + 1, dtype=np.uint64)
    sums = []
    for _ in range(_LOCATORS):
        sums.append(int(words.sum() % np.uint64(_PRIME)))
        words = words * places % np.uint64(_PRIME)
    return "".join(f"{one:08x}" for one in sums)
