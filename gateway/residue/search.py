"""Many patterns searched at once in folded text.

Windows of 8, 4 or 2 symbols are hashed over the whole text with numpy and looked up in a bit table, then in the
sorted window hashes of the patterns; only what is left is compared symbol by symbol. Building is linear in the number
of patterns, searching in the length of the text, whatever the number of patterns, and memory stays at a few tens of
bytes per pattern, where an Aho-Corasick automaton in the same language needs a node per symbol.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.residue.fold import Symbols, to_symbols, to_text

_WINDOWS = (8, 4, 2)
_CHUNK = 1 << 20
# A table for few patterns stays in the processor's nearest cache; one slot in 64 is taken until it may not grow.
_LEAST_TABLE_BITS, _MOST_TABLE_BITS, _SLOTS_A_HASH = 12, 22, 64
_STEPS = ((1, np.uint32(0x9E3779B1)), (2, np.uint32(0xC2B2AE3D)), (4, np.uint32(0x27D4EB2F)))
_SPREAD = np.uint32(0x85EBCA6B)

Hashes = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class _Class:
    """All patterns whose first window has the same width."""

    width: int
    table: NDArray[np.bool_]
    hashes: Hashes
    buckets: dict[int, dict[int, frozenset[str]]]

    def may_hold(self, hashes: Hashes) -> NDArray[np.intp]:
        """Places of the hashes that could be among the class's own."""
        return np.flatnonzero(self.table.take(_slot(hashes, len(self.table))))


class Patterns:
    """A set of patterns of at least two symbols each, ready to be searched for."""

    def __init__(self, patterns: Iterable[str]) -> None:
        groups: dict[int, list[str]] = {width: [] for width in _WINDOWS}
        for pattern in dict.fromkeys(patterns):
            width = next((width for width in _WINDOWS if len(pattern) >= width), None)
            if width is not None:
                groups[width].append(pattern)
        self._classes = tuple(_build(width, group) for width, group in groups.items() if group)

    def find(self, symbols: Symbols) -> Iterator[tuple[int, int, str]]:
        """Every occurrence of every pattern: start, end, pattern."""
        if not self._classes:
            return
        for base in range(0, len(symbols), _CHUNK):
            chunk = symbols[base : base + _CHUNK + _WINDOWS[0] - 1]
            hashes = _windows(chunk)
            for group in self._classes:
                for offset, key in _candidates(group, hashes[group.width], min(_CHUNK, len(chunk))):
                    yield from _compare(group, symbols, base + offset, key)


def _build(width: int, patterns: list[str]) -> _Class:
    heads = to_symbols("".join(pattern[:width] for pattern in patterns))
    keys = _windows(heads)[width][::width]
    buckets: dict[int, dict[int, set[str]]] = {}
    for key, pattern in zip(keys.tolist(), patterns, strict=True):
        buckets.setdefault(key, {}).setdefault(len(pattern), set()).add(pattern)
    hashes = np.unique(keys)
    bits = min(max((_SLOTS_A_HASH * len(hashes)).bit_length(), _LEAST_TABLE_BITS), _MOST_TABLE_BITS)
    table = np.zeros(1 << bits, dtype=np.bool_)
    table[_slot(hashes, len(table))] = True
    frozen = {key: {n: frozenset(group) for n, group in lengths.items()} for key, lengths in buckets.items()}
    return _Class(width, table, hashes, frozen)


def _windows(symbols: Symbols) -> dict[int, Hashes]:
    current = symbols
    result: dict[int, Hashes] = {}
    for half, factor in _STEPS:
        current = current[:-half] * factor + current[half:] if len(current) > half else current[:0]
        result[2 * half] = current
    return result


def _slot(hashes: Hashes, slots: int) -> Hashes:
    """Where in a table of so many slots, a power of two, each hash has its own."""
    return (hashes * _SPREAD) >> np.uint32(33 - slots.bit_length())


def _candidates(group: _Class, hashes: Hashes, limit: int) -> Iterator[tuple[int, int]]:
    window = hashes[:limit]
    offsets = group.may_hold(window)
    if not len(offsets):
        return
    keys = window[offsets]
    ranks = np.minimum(np.searchsorted(group.hashes, keys), len(group.hashes) - 1)
    exact = group.hashes[ranks] == keys
    yield from zip(offsets[exact].tolist(), keys[exact].tolist(), strict=True)


def _compare(group: _Class, symbols: Symbols, start: int, key: int) -> Iterator[tuple[int, int, str]]:
    lengths = group.buckets[key]
    text = to_text(symbols[start : start + max(lengths)])
    for length, patterns in lengths.items():
        piece = text[:length]
        if piece in patterns:
            yield start, start + length, piece
