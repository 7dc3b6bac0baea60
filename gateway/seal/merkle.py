"""The Merkle tree of RFC 6962 (RFC 9162 section 2.1) over SHA-256.

A *leaf hash* is SHA-256(0x00 ‖ leaf), a node SHA-256(0x01 ‖ left ‖ right), the root of no leaves SHA-256 of nothing.
Roots and proofs are computed from *complete subtrees* alone: a `Nodes` reader gives the hash of the complete subtree
of 2^level leaves at `index`, so that a log of n entries answers with O(log n) reads and stores each hash once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

from gateway.base.problems import CheckFailed

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Nodes = Callable[[int, int], bytes]


class ProofInvalid(CheckFailed):
    """A proof that does not lead from what it starts with to the root."""

    slug = "proof-invalid"
    title = "A Merkle proof does not hold"


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of one leaf's bytes."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node over its two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """The complete subtrees of a growing tree, in memory: give it leaf hashes, read it as `Nodes`."""

    def __init__(self, hashes: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for hashed in hashes:
            self.append(hashed)

    def __len__(self) -> int:
        return len(self._levels[0])

    def __call__(self, level: int, index: int) -> bytes:
        """The complete subtree of 2^level leaves at `index`."""
        return self._levels[level][index]

    def append(self, hashed_leaf: bytes) -> None:
        """Add the next leaf by its hash."""
        self._levels[0].append(hashed_leaf)
        for level, _index, hashed in completed(len(self) - 1, hashed_leaf, self):
            if level == len(self._levels):
                self._levels.append([])
            self._levels[level].append(hashed)


class Peaks:
    """The root of a growing tree with O(log n) memory: for streams of leaves that are read once."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    @classmethod
    def at(cls, size: int, nodes: Nodes) -> Peaks:
        """The tree of the first `size` leaves, to be continued."""
        peaks = cls()
        peaks.size = size
        for level in range(size.bit_length() - 1, -1, -1):
            if size >> level & 1:
                peaks._peaks.append(nodes(level, (size >> level) - 1))
        return peaks

    def append(self, hashed_leaf: bytes) -> None:
        """Add the next leaf by its hash."""
        carry, size = hashed_leaf, self.size
        while size & 1:
            carry = node_hash(self._peaks.pop(), carry)
            size >>= 1
        self._peaks.append(carry)
        self.size += 1

    def root(self) -> bytes:
        """The root of all leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        hashed = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            hashed = node_hash(peak, hashed)
        return hashed


def root(leaves: Iterable[bytes]) -> bytes:
    """The root over these leaves' bytes."""
    peaks = Peaks()
    for leaf in leaves:
        peaks.append(leaf_hash(leaf))
    return peaks.root()


def completed(index: int, hashed_leaf: bytes, nodes: Nodes) -> list[tuple[int, int, bytes]]:
    """The inner nodes `(level ≥ 1, index, hash)` that the leaf at `index` completes, lowest first."""
    result: list[tuple[int, int, bytes]] = []
    level, hashed = 0, hashed_leaf
    while index & 1:
        hashed = node_hash(nodes(level, index - 1), hashed)
        level, index = level + 1, index >> 1
        result.append((level, index, hashed))
    return result


def root_at(size: int, nodes: Nodes) -> bytes:
    """The root of the first `size` leaves."""
    return _range_hash(0, size, nodes) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """The audit path of leaf `index` in the tree of `size` leaves, from the leaf's sibling up (RFC 6962, 2.1.1)."""
    if not 0 <= index < size:
        raise ProofInvalid(f"There is no entry {index} in a tree of {size}.")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        split = low + _split(high - low)
        if index < split:
            path.append(_range_hash(split, high, nodes))
            high = split
        else:
            path.append(_range_hash(low, split, nodes))
            low = split
    path.reverse()
    return path


def consistency_proof(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """The proof that the tree of `old` leaves is the beginning of the tree of `new` (RFC 6962, 2.1.2)."""
    if not 0 <= old <= new:
        raise ProofInvalid(f"A tree of {new} entries cannot continue one of {old}.")
    if old in (0, new):
        return []
    path: list[bytes] = []
    low, high = 0, new
    while high != old:
        split = low + _split(high - low)
        if old <= split:
            path.append(_range_hash(split, high, nodes))
            high = split
        else:
            path.append(_range_hash(low, split, nodes))
            low = split
    if low:
        path.append(_range_hash(low, high, nodes))
    path.reverse()
    return path


def check_inclusion(index: int, size: int, hashed_leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Raise `ProofInvalid` unless the leaf with this hash is entry `index` under `root` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        raise ProofInvalid(f"The proof speaks of entry {index}, the tree has {size}.")
    node, last, hashed = index, size - 1, hashed_leaf
    for sibling in proof:
        if last == 0:
            raise ProofInvalid("The inclusion proof is longer than the tree is high.")
        if node & 1 or node == last:
            hashed = node_hash(sibling, hashed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            hashed = node_hash(hashed, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofInvalid("The inclusion proof is shorter than the tree is high.")
    if hashed != root:
        raise ProofInvalid(f"Entry {index} is not under this root: entry, proof or root differs.")


def check_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raise `ProofInvalid` unless the tree of `new` leaves begins with that of `old` (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= new:
        raise ProofInvalid(f"A tree of {new} entries cannot continue one of {old}.")
    if old in (0, new):
        if proof or old_root != (new_root if old else EMPTY_ROOT):
            raise ProofInvalid(f"The tree of {new} entries does not begin with this tree of {old}.")
        return
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    was, now = _climb(old, new, path)
    if was != old_root or now != new_root:
        raise ProofInvalid(f"The tree of {new} entries does not begin with this tree of {old}.")


def _climb(old: int, new: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The two roots, old and new, that this consistency path leads to."""
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    if not path:
        raise ProofInvalid("The consistency proof is empty.")
    was = now = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofInvalid("The consistency proof is longer than the tree is high.")
        if node & 1 or node == last:
            was, now = node_hash(sibling, was), node_hash(sibling, now)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            now = node_hash(now, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofInvalid("The consistency proof is shorter than the tree is high.")
    return was, now


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def _range_hash(low: int, high: int, nodes: Nodes) -> bytes:
    """The subtree over leaves [low, high); `low` is a multiple of the power of two that covers the range."""
    count = high - low
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return nodes(level, low >> level)
    split = low + _split(count)
    return node_hash(_range_hash(low, split, nodes), _range_hash(split, high, nodes))
