"""A tree as files of 256 hashes each, and its leaves in bundles: C2SP tlog-tiles.

1. Hash `i` of level L is that of the complete subtree over the leaves from i·256^L to (i+1)·256^L.
2. Tile N of a level holds its hashes from 256·N on: 256 of them, or fewer, which its name then says behind `.p/`.
3. A bundle holds the leaves that a tile of level 0 holds the hashes of, each behind its length in two bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.base.problems import NotFound
from gateway.seal import merkle

WIDTH = 256
HEIGHT = 8
LEVELS = 64
ENTRIES = "entries"

_PLACE = re.compile(r"((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


class NoSuchTile(NotFound):
    """A tile that this tree does not have."""

    slug = "no-such-tile"
    title = "The tree has no such tile"


@dataclass(frozen=True, slots=True)
class Place:
    """Which tile of its level, and how many hashes or leaves of it."""

    index: int
    width: int = WIDTH

    @property
    def name(self) -> str:
        """The end of its path, such as `x001/x234/067.p/8`."""
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        parts = [*(f"x{group}" for group in groups[:-1]), groups[-1]]
        return "/".join(parts) + ("" if self.width == WIDTH else f".p/{self.width}")


def parse_place(untrusted_name: str) -> Place:
    """The place of this name in its only spelling, or `NoSuchTile`."""
    match = _PLACE.fullmatch(untrusted_name)
    if match is not None:
        place = Place(int(match[1].replace("x", "").replace("/", "")), int(match[2] or WIDTH))
        if place.name == untrusted_name:
            return place
    raise NoSuchTile("A tile is named as in C2SP tlog-tiles: such as 007, x001/234 or x001/234.p/56.")


def check_there(level: int, place: Place, size: int) -> None:
    """Raise `NoSuchTile` unless the tree of `size` leaves has it."""
    if not 0 <= level < LEVELS or place.index * WIDTH + place.width > size >> HEIGHT * level:
        raise NoSuchTile(f"The log of {size} entries has no such tile; ask for those of a checkpoint that it signed.")


def path_of(level: int, place: Place) -> str:
    """The path of a tile of hashes."""
    return f"tile/{level}/{place.name}"


def bundle(leaves: Iterable[bytes]) -> bytes:
    """Leaves, each of at most 65,535 bytes, as `tile/entries/` has them."""
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


class Tiling:
    """Hands every tile of a growing tree to `keep`, by path, once it is full; `close` hands over the partial ones."""

    def __init__(self, keep: Callable[[str, bytes], object]) -> None:
        self._keep = keep
        self._levels: list[list[bytes]] = []
        self._full: list[int] = []

    def append(self, hashed: bytes, level: int = 0) -> None:
        """Add the next hash of a level: of a leaf, where none is named."""
        if level == len(self._levels):
            self._levels.append([])
            self._full.append(0)
        tile = self._levels[level]
        tile.append(hashed)
        if len(tile) == WIDTH:
            self._put(level)
            peaks = merkle.Peaks()
            for one in tile:
                peaks.append(one)
            tile.clear()
            self._full[level] += 1
            self.append(peaks.root(), level + 1)

    def close(self) -> None:
        """Hand over what no further leaf completes."""
        for level, tile in enumerate(self._levels):
            if tile:
                self._put(level)

    def _put(self, level: int) -> None:
        tile = self._levels[level]
        self._keep(path_of(level, Place(self._full[level], len(tile))), b"".join(tile))
