"""Tiles hold what C2SP says, under the names that it gives them, and another reader finds the tree in them."""

from __future__ import annotations

import pytest
from tlog_scales.reader import Tile, TilesReader
from tlog_scales.tiles import level_tiles, tile_path

from gateway.seal import merkle, tiles
from gateway.seal.tiles import NoSuchTile, Place, Tiling, bundle, check_there, parse_place


def tiled(size: int) -> dict[str, bytes]:
    kept: dict[str, bytes] = {}
    tiling = Tiling(kept.__setitem__)
    for number in range(size):
        tiling.append(merkle.leaf_hash(b"%d" % number))
    tiling.close()
    return kept


class Kept:
    """Tiles by their paths, as a server of files would have them."""

    def __init__(self, kept: dict[str, bytes]) -> None:
        self.kept = kept

    def get(self, *path: str) -> bytes | None:
        return self.kept.get("/".join(path))


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 513, pytest.param(65_537, marks=pytest.mark.nightly)])
def test_another_reader_finds_the_root_in_our_tiles_and_misses_none(size: int) -> None:
    kept = tiled(size)
    expected = set()
    for level in range(3):
        full, rest = level_tiles(size, level)
        expected |= {"/".join(tile_path(level, index)) for index in range(full)}
        expected |= {"/".join(tile_path(level, full, rest))} if rest else set()
    assert kept.keys() == expected
    if size:
        reader = TilesReader(Kept(kept))
        reader.set_size(size)
        assert reader.calculate_root_hash() == merkle.root(b"%d" % number for number in range(size))


@pytest.mark.parametrize("index", [0, 7, 999, 1000, 1_234_067, 999_999_999, 10**15])
@pytest.mark.parametrize("width", [1, 255, 256])
def test_names_are_those_of_c2sp_and_read_back(index: int, width: int) -> None:
    place = Place(index, width)
    assert tiles.path_of(3, place) == "/".join(tile_path(3, index, width % 256))
    assert parse_place(place.name) == place


@pytest.mark.parametrize(
    "name",
    ["", "7", "0007", "x000/007", "007/", "x001", "001/002", "007.p", "007.p/", "007.p/0", "007.p/256", "007.p/01",
     "007.p/1/2", "-01", "００７", "../007", "x001/x002/x003/x004/x005/x006/007"],
)  # fmt: skip
def test_another_spelling_is_no_tile(name: str) -> None:
    with pytest.raises(NoSuchTile):
        parse_place(name)


def test_what_the_tree_does_not_have_yet_is_not_there() -> None:
    check_there(0, Place(1, 44), 300)
    check_there(1, Place(0, 1), 300)
    for level, place in ((0, Place(1, 45)), (0, Place(1)), (1, Place(0, 2)), (2, Place(0, 1)), (64, Place(0, 1))):
        with pytest.raises(NoSuchTile):
            check_there(level, place, 300)


def test_a_bundle_is_read_by_another_reader() -> None:
    leaves = [b"", b"x", b"y" * 65_535]
    assert Tile.from_entries_bytes(bundle(leaves)).entries == leaves
    with pytest.raises(OverflowError):
        bundle([b"z" * 65_536])
