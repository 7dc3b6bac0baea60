"""The log as C2SP tlog-tiles, for whoever follows it by its tree instead of by its lines.

1. What a tile says is fixed from the moment it is there: the tree only grows.
2. Leaves and their hashes are read as everywhere: those that this gateway did not write are `LogDamaged`. Hashes above
   them prove themselves under a checkpoint.
"""

from __future__ import annotations

from sqlalchemy import select

from gateway.audit.model import LogDamaged
from gateway.audit.service import Log
from gateway.audit.tables import NodeRow
from gateway.db.unit import Units
from gateway.seal import merkle, tiles
from gateway.seal.tiles import HEIGHT, WIDTH, Place


def hash_tile(units: Units, log: Log, level: int, place: Place) -> bytes:
    """The hashes of a tile one behind the other, or `NoSuchTile`."""
    tiles.check_there(level, place, log.size())
    first = place.index * WIDTH
    if level == 0:
        return b"".join(map(merkle.leaf_hash, log.entries(first, first + place.width)))
    query = select(NodeRow.hash).where(
        NodeRow.level == HEIGHT * level, NodeRow.index >= first, NodeRow.index < first + place.width
    )
    with units.read() as session:
        hashes = session.scalars(query.order_by(NodeRow.index)).all()
    if len(hashes) != place.width:
        raise LogDamaged(f"The log lacks hashes of subtrees at level {HEIGHT * level}; restore it from a backup.")
    return b"".join(hashes)


def entry_bundle(log: Log, place: Place) -> bytes:
    """The entries whose hashes the tile of level 0 at this place holds, or `NoSuchTile`."""
    tiles.check_there(0, place, log.size())
    first = place.index * WIDTH
    return tiles.bundle(log.entries(first, first + place.width))
