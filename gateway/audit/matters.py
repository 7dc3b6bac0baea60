"""How far every matter has got, and the map over all of them that an entry commits to.

1. It is counted from leaves that hash to what the gateway wrote, never from columns beside them.
2. What is stored of it spares time only: it counts where it has the root that the newest map's entry speaks of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from gateway.audit import tree
from gateway.audit.model import LogDamaged
from gateway.audit.tables import MapRow, MatterRow
from gateway.keys.model import DEPLOYMENT, KeyRole
from gateway.keys.service import Keyring
from gateway.seal.keyed_map import KeyedMap, name_of, value_of

# The entry whose facts are the root over all matters of the entries before it, and what its key is known by.
MAPPED = "matters.mapped"

_BATCH = 500


class Standing:
    """Number and leaf hash of each matter's newest entry among the first `size` entries."""

    def __init__(self) -> None:
        self.size = 0
        self.ends: dict[str, tuple[int, bytes]] = {}

    def take(self, leaf: bytes, hashed: bytes) -> None:
        """Count the next entry; `LogDamaged` where it does not follow the entry of its matter before it."""
        if b'"matter":' in leaf:
            entry = json.loads(leaf)
            if "matter" in entry:
                count, last = self.ends.get(entry["matter"], (0, None))
                if (entry["seq"], entry["prev"]) != (count + 1, last.hex() if last else None):
                    raise LogDamaged(f"Entry {self.size} does not follow the one of its matter before it.")
                self.ends[entry["matter"]] = (count + 1, hashed)
        self.size += 1

    def advance(self, session: Session, stop: int, mac_key: bytes) -> None:
        """Count the entries up to but without `stop`."""
        for leaf, hashed in tree.leaves(session, self.size, stop, mac_key):
            self.take(leaf, hashed)

    def map(self, key: bytes) -> KeyedMap:
        """The map over all matters under this key."""
        return KeyedMap({name_of(key, matter): value_of(*end) for matter, end in self.ends.items()})


def key_of_maps(session: Session, keyring: Keyring, size: int) -> bytes | None:
    """The key of the maps among the first `size` entries, None where there is none."""
    if session.scalar(select(MapRow.index).where(MapRow.index < size).limit(1)) is None:
        return None
    return keyring.unwrap(session, keyring.find(session, role=KeyRole.MATTER_MAP, owner=DEPLOYMENT))


def stored(session: Session, mac_key: bytes, map_key: bytes) -> Standing:
    """What was counted when the matters were last mapped, or nothing where it is not what the map's entry says."""
    standing = Standing()
    index = session.scalar(select(func.max(MapRow.index)))
    if index is None:
        return standing
    rows = session.execute(select(MatterRow.matter, MatterRow.seq, MatterRow.leaf_hash)).all()
    found = Standing()
    found.ends = {matter: (seq, leaf_hash) for matter, seq, leaf_hash in rows}
    entry = json.loads(tree.leaf(session, index, mac_key))
    if entry["type"] != MAPPED or entry["facts"]["root"] != found.map(map_key).root().hex():
        return standing
    # The map is over the entries before its own, which belongs to no matter.
    found.size = index + 1
    return found


def keep(session: Session, standing: Standing, index: int) -> None:
    """Store what entry `index` maps, for the next map to go on from."""
    rows = session.execute(select(MatterRow.matter, MatterRow.seq, MatterRow.leaf_hash)).all()
    old: Mapping[str, tuple[int, bytes]] = {matter: (seq, leaf_hash) for matter, seq, leaf_hash in rows}
    gone = [matter for matter, end in old.items() if standing.ends.get(matter) != end]
    new = [(matter, end) for matter, end in standing.ends.items() if old.get(matter) != end]
    for start in range(0, len(gone), _BATCH):
        session.execute(delete(MatterRow).where(MatterRow.matter.in_(gone[start : start + _BATCH])))
    if new:
        session.execute(
            insert(MatterRow), [{"matter": matter, "seq": seq, "leaf_hash": last} for matter, (seq, last) in new]
        )
    session.execute(insert(MapRow).values(index=index))
