"""Table commitments: 32 bytes that bind every cell of a table and tell nothing of it, opened column by column.

Experimental: no one outside has reviewed the construction. `docs/formats/table-commitment.md` has it exactly.

1. Columns stand at keyed places among a power of two of them, rows in an order the caller keys, their count padded.
2. A cell's leaf is SHA-256(0x00 ‖ salt ‖ sort ‖ cell); a column is the RFC 6962 tree over its leaves, the table the
   tree over its columns.
3. Salts come from a GGM tree: a seed gives the salts below it, and nothing beside it. One seed opens a whole column.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Collection, Iterable, Sequence

SEED_BYTES = 32
SALT_BYTES = 16
BLOCK_ROWS = 64
MIN_PLACES = 8
LABEL = b"disclosure-gateway/table-commitment/v1"
CELL, HEADER, PADDING = b"c", b"h", b"p"


def slot_secret(key: bytes, slot: int) -> bytes:
    """The secret of one of several commitments to one table; they share nothing that can be seen."""
    return hmac.digest(key, LABEL + b"/slot" + struct.pack(">I", slot), "sha256")


def order_key(secret: bytes) -> bytes:
    """What keys the order of the rows."""
    return _derived(secret, b"rows")


def padded_rows(rows: int) -> int:
    """How many leaves a column of so many rows has: Padmé, at most an eighth more, in whole blocks of 64."""
    count = max(rows, BLOCK_ROWS)
    exponent = count.bit_length() - 1
    step = 1 << max(exponent - exponent.bit_length(), BLOCK_ROWS.bit_length() - 1)
    return -(-count // step) * step


def padded_columns(columns: int) -> int:
    """Among how many places so many columns stand: a power of two."""
    return 1 << (max(columns, MIN_PLACES) - 1).bit_length()


def places(secret: bytes, columns: int) -> tuple[int, ...]:
    """The place of every column, a keyed choice."""
    drawn = range(padded_columns(columns))
    return tuple(sorted(drawn, key=lambda place: _derived(secret, b"place" + struct.pack(">I", place)))[:columns])


def column_seeds(secret: bytes, count: int) -> list[bytes]:
    """The seed of every one of `count` places, a power of two."""
    return _leaves_of(_derived(secret, b"cells"), count)


def salts(seed: bytes, leaves: int) -> list[bytes]:
    """The salts of a column: 64 from every seed at the bottom of the tree under `seed`."""
    found: list[bytes] = []
    for block in _leaves_of(seed, leaves // BLOCK_ROWS):
        run = hashlib.shake_256(b"\x03" + block).digest(BLOCK_ROWS * SALT_BYTES)
        found += [run[at : at + SALT_BYTES] for at in range(0, BLOCK_ROWS * SALT_BYTES, SALT_BYTES)]
    return found


def column_leaves(seed: bytes, cells: Sequence[str], leaves: int) -> list[bytes]:
    """The leaf hashes of one column: its cells in committed order, then the padding."""
    sha256, salted, rows = hashlib.sha256, salts(seed, leaves), len(cells)
    shown = [sha256(b"\0" + salt + b"c" + cell.encode()).digest() for salt, cell in zip(salted, cells, strict=False)]
    return shown + [sha256(b"\0" + salt + PADDING).digest() for salt in salted[rows:]]


def header_root(secret: bytes, headers: Sequence[str], at: Sequence[int]) -> bytes:
    """The root over the headers, each at its column's place."""
    names = dict(zip(at, headers, strict=True))
    count = padded_columns(len(headers))
    leaves = []
    for place, seed in enumerate(_leaves_of(_derived(secret, b"headers"), count)):
        sort = HEADER + names[place].encode() if place in names else PADDING
        leaves.append(hashlib.sha256(b"\0" + seed[:SALT_BYTES] + sort).digest())
    return tree_root(leaves)


def padding_root(secret: bytes, place: int) -> bytes:
    """What stands where there is no column: told by nobody from a column that stays shut."""
    return _derived(secret, b"padding" + struct.pack(">I", place))


def tree_root(hashes: Sequence[bytes]) -> bytes:
    """The RFC 6962 tree over these hashes, which are leaves already; there is at least one."""
    level, sha256 = list(hashes), hashlib.sha256
    while len(level) > 1:
        pairs = iter(level)
        above = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=False)]
        level = above + level[-1:] if len(level) & 1 else above
    return level[0]


def commitment(places_count: int, leaves: int, headers: bytes, columns: bytes) -> bytes:
    """The 32 bytes that are logged."""
    return hashlib.sha256(LABEL + struct.pack(">II", places_count, leaves) + headers + columns).digest()


def opening(secret: bytes, headers: bytes, roots: Sequence[bytes], opened: Collection[int]) -> bytes:
    """The proof for the columns at these places: what of headers and other columns is needed, and their seeds.

    Blocks of 32 bytes: the headers' root, then from left to right every largest subtree that is opened whole, as its
    seed, or stays shut, as its hash. Which is which follows from `opened`.
    """
    wanted = set(opened)

    def walk(low: int, count: int, seed: bytes) -> Iterable[bytes]:
        inside = len(wanted.intersection(range(low, low + count)))
        if inside == count:
            return [seed]
        if inside == 0:
            return [tree_root(roots[low : low + count])]
        left, right = _children(seed)
        return [*walk(low, count // 2, left), *walk(low + count // 2, count // 2, right)]

    return b"".join([headers, *walk(0, len(roots), _derived(secret, b"cells"))])


def _derived(secret: bytes, word: bytes) -> bytes:
    return hmac.digest(secret, LABEL + b"/" + word, "sha256")


def _children(seed: bytes) -> tuple[bytes, bytes]:
    both = hashlib.sha512(b"\x02" + seed).digest()
    return both[:SEED_BYTES], both[SEED_BYTES:]


def _leaves_of(seed: bytes, count: int) -> list[bytes]:
    """The first `count` seeds at the bottom of the lowest GGM tree under `seed` that has as many."""
    level = [seed]
    for depth in range((count - 1).bit_length() - 1, -1, -1):
        level = [child for parent in level for child in _children(parent)][: -(-count >> depth)]
    return level
