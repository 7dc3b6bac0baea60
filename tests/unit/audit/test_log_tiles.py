"""Tiles of the log are made of what this gateway wrote, and are there as soon as the tree has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader

from gateway.audit.model import LogDamaged
from gateway.audit.service import Log
from gateway.audit.tiles import entry_bundle, hash_tile
from gateway.db.unit import Units
from gateway.seal import merkle
from gateway.seal.tiles import NoSuchTile, Place, bundle
from gateway.verify import verify_export
from tests.support.second import Second

Fill = Callable[[int], None]


def test_a_tile_is_there_with_its_last_entry(log: Log, units: Units, fill: Fill) -> None:
    fill(300)
    leaves = list(log.entries(0, 301))
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
    assert hash_tile(units, log, 0, Place(0)) == b"".join(hashes[:256])
    assert hash_tile(units, log, 0, Place(1, 45)) == b"".join(hashes[256:])
    assert hash_tile(units, log, 1, Place(0, 1)) == merkle.root(leaves[:256])
    assert entry_bundle(log, Place(1, 45)) == bundle(leaves[256:])
    for level, place in ((0, Place(1, 46)), (0, Place(1)), (1, Place(0, 2)), (2, Place(0, 1)), (63, Place(10**15))):
        with pytest.raises(NoSuchTile):
            hash_tile(units, log, level, place)
    with pytest.raises(NoSuchTile):
        entry_bundle(log, Place(1, 46))


@pytest.mark.parametrize(
    "damage",
    [
        'UPDATE audit_entry SET leaf = leaf_hash WHERE "index" = 4',
        'UPDATE audit_entry SET leaf_hash = mac WHERE "index" = 4',
        'DELETE FROM audit_entry WHERE "index" = 4',
    ],
)
def test_nothing_is_told_of_an_entry_that_nobody_wrote(
    log: Log, units: Units, fill: Fill, engine: Engine, damage: str
) -> None:
    fill(6)
    with engine.begin() as connection:
        connection.exec_driver_sql(damage)
    with pytest.raises(LogDamaged):
        hash_tile(units, log, 0, Place(0, 6))
    with pytest.raises(LogDamaged):
        entry_bundle(log, Place(0, 6))


def test_a_subtree_that_is_missing_is_noticed(log: Log, units: Units, fill: Fill, engine: Engine) -> None:
    fill(256)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM audit_node")
    with pytest.raises(LogDamaged):
        hash_tile(units, log, 1, Place(0, 1))


def test_an_export_is_a_log_in_tiles_for_another_reader(second: Second, log: Log, fill: Fill, tmp_path: Path) -> None:
    fill(520)
    made = log.export(tmp_path / "export")
    reader = TilesReader(LocalBackend(made.folder))
    reader.set_size(made.checkpoint.size)
    assert reader.calculate_root_hash() == made.checkpoint.root
    assert verify_export(made.folder, log_key=log.vkey()).ok
    assert second.verify(made.folder, log_key=log.vkey()).code == 0


def removed(tile: Path) -> None:
    tile.unlink()


def changed(tile: Path) -> None:
    data = tile.read_bytes()
    tile.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def cut(tile: Path) -> None:
    tile.write_bytes(tile.read_bytes()[:-32])


def doubled(tile: Path) -> None:
    (tile.parent / "009").write_bytes(tile.read_bytes())


CASES: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "a tile is missing": ("tile/0/000", removed, "tile/0/000 is missing"),
    "a hash of a full tile": ("tile/0/000", changed, "tile/0/000 does not hold the hash of entry 255"),
    "a hash of a partial tile": ("tile/0/001.p/5", changed, "tile/0/001.p/5 does not hold the hash of entry 260"),
    "a hash above": ("tile/1/000.p/1", changed, "the hash that the entries lead to, number 0"),
    "a tile cut short": ("tile/0/001.p/5", cut, "tile/0/001.p/5 has not 160 bytes"),
    "a tile too many": ("tile/0/000", doubled, "tile/0/009 is no tile of this tree"),
}


def test_a_wrong_tile_is_named(second: Second, log: Log, fill: Fill, tmp_path: Path) -> None:
    fill(260)
    export = log.export(tmp_path / "export").folder
    for case, (name, attack, says) in CASES.items():
        tiles = {path: path.read_bytes() for path in (export / "tile").rglob("*") if path.is_file()}
        attack(export / name)
        failed = {step.title: step.detail for step in verify_export(export).steps if step.state == "failed"}
        assert failed.keys() == {"tiles", "index"}, case
        assert says in failed["tiles"], case
        assert second.verify(export).failed == "tiles", case
        for path in (export / "tile").rglob("*"):
            if path.is_file() and path not in tiles:
                path.unlink()
        for path, data in tiles.items():
            path.write_bytes(data)
