"""A Merkle map from names to values that tells only what is asked: a binary trie over keyed names.

A *name* is HMAC-SHA-256 of a text under the map's key: who has the key and a text finds its only place, bit by bit from
the first, and nothing else of the map tells a text. A leaf stands where no other name begins with the same bits, and a
place where nothing stands is 32 zero bytes. Leaf: SHA-256(0x00 ‖ name ‖ value). Inner node: SHA-256(0x01 ‖ left ‖
right). The path of a name ends at its own leaf, at another leaf or at nothing; the last two prove that it is not there.
"""

from __future__ import annotations

import hashlib
import hmac
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.seal.merkle import ProofInvalid, node_hash

NOTHING = bytes(32)
_KEY_LABEL = b"disclosure-gateway/matter-map-key/v1"


@dataclass(frozen=True, slots=True)
class Path:
    """What stands beside a name's way down from the root, and another name's leaf where the way ends at one."""

    beside: tuple[bytes, ...]
    other: tuple[bytes, bytes] | None = None


def name_of(key: bytes, text: str) -> bytes:
    """Where `text` stands in the map of this key."""
    return hmac.digest(key, text.encode(), "sha256")


def value_of(count: int, last: bytes) -> bytes:
    """What the map says of a matter: how many entries it has and the leaf hash of the last."""
    return hashlib.sha256(b"\x02" + count.to_bytes(8, "big") + last).digest()


def key_commitment(key: bytes) -> bytes:
    """What ties a map's key to the entry that speaks of the map."""
    return hashlib.sha256(_KEY_LABEL + key).digest()


class KeyedMap:
    """A map as it stands: its root, and the path of any name."""

    def __init__(self, values: Mapping[bytes, bytes]) -> None:
        self._names = sorted(values)
        self._values = values
        self._inner: dict[tuple[int, int, int], bytes] = {}

    def root(self) -> bytes:
        """What a signer signs."""
        return self._hash(0, len(self._names), 0)

    def path(self, name: bytes) -> Path:
        """The way to `name`, in the map or not."""
        low, high, depth = 0, len(self._names), 0
        beside: list[bytes] = []
        while high - low > 1:
            middle = self._split(low, high, depth)
            right = _bit(name, depth)
            beside.append(self._hash(*((low, middle) if right else (middle, high)), depth + 1))
            low, high = (middle, high) if right else (low, middle)
            depth += 1
        found = self._names[low] if high > low else name
        return Path(tuple(beside), None if found == name else (found, self._values[found]))

    def _hash(self, low: int, high: int, depth: int) -> bytes:
        if high == low:
            return NOTHING
        if high - low == 1:
            return _leaf(self._names[low], self._values[self._names[low]])
        known = self._inner.get((low, high, depth))
        if known is None:
            middle = self._split(low, high, depth)
            known = node_hash(self._hash(low, middle, depth + 1), self._hash(middle, high, depth + 1))
            self._inner[low, high, depth] = known
        return known

    def _split(self, low: int, high: int, depth: int) -> int:
        """Where, among names that share their first `depth` bits, those begin whose next bit is 1."""
        first = int.from_bytes(self._names[low], "big") >> (256 - depth) if depth else 0
        border = ((first << 1) | 1) << (255 - depth)
        return bisect_left(self._names, border.to_bytes(32, "big"), low, high)


def check_path(root: bytes, name: bytes, value: bytes | None, path: Path) -> None:
    """Raise `ProofInvalid` unless the map under `root` gives `name` this value, or lacks it where that is None."""
    if value is not None and path.other is not None:
        raise ProofInvalid("The path of a name that is in the map ends at another name.")
    if value is not None:
        hashed = _leaf(name, value)
    elif path.other is None:
        hashed = NOTHING
    else:
        found, its_value = path.other
        depth = len(path.beside)
        if found == name or _prefix(found, depth) != _prefix(name, depth):
            raise ProofInvalid("The path ends at a name that stands elsewhere.")
        hashed = _leaf(found, its_value)
    if _climb(hashed, name, path.beside) != root:
        raise ProofInvalid("The path does not lead to the root of this map.")


def _climb(hashed: bytes, name: bytes, beside: Sequence[bytes]) -> bytes:
    if len(beside) > 256:
        raise ProofInvalid("The path is longer than a name.")
    for depth in range(len(beside) - 1, -1, -1):
        other = beside[depth]
        hashed = node_hash(other, hashed) if _bit(name, depth) else node_hash(hashed, other)
    return hashed


def _leaf(name: bytes, value: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + name + value).digest()


def _bit(name: bytes, depth: int) -> int:
    return name[depth >> 3] >> (7 - (depth & 7)) & 1


def _prefix(name: bytes, depth: int) -> int:
    return int.from_bytes(name, "big") >> (256 - depth)
