"""The stored tree: complete subtrees in rows, checked before anything is signed over them."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import Connection, bindparam, func, insert, select, true
from sqlalchemy.orm import Session

from gateway.audit import rules
from gateway.audit.model import LogDamaged, LogForked, LogShrank, NoSuchEntry
from gateway.audit.tables import EntryRow, NodeRow
from gateway.base import clock
from gateway.db.direct import Direct
from gateway.seal import merkle
from gateway.seal.note import Checkpoint

PAGE = 1000

# Smaller subtrees are hashed again from their leaf hashes: of 256 entries one writes nodes, and a proof reads at most
# 255 leaf hashes more.
STORED_FROM_LEVEL = 8

# An entry is on every change's way: the statements of its own are sent past SQLAlchemy, so that little is added to what
# the database takes.
_newest = select(EntryRow.index, EntryRow.at).order_by(EntryRow.index.desc()).limit(1).subquery()
_in_matter = (
    select(EntryRow.seq, EntryRow.leaf_hash)
    .where(EntryRow.matter == bindparam("matter"))
    .order_by(EntryRow.seq.desc())
    .limit(1)
    .subquery()
)
_END = Direct(select(_newest, _in_matter).select_from(_newest).outerjoin(_in_matter, true()))
_LEAF_HASHES = (
    select(EntryRow.leaf_hash)
    .where(EntryRow.index >= bindparam("start"), EntryRow.index < bindparam("stop"))
    .order_by(EntryRow.index)
)
_LEAF = select(EntryRow.leaf, EntryRow.leaf_hash, EntryRow.mac).where(EntryRow.index == bindparam("index"))
_NODE = select(NodeRow.hash).where(NodeRow.level == bindparam("level"), NodeRow.index == bindparam("index"))
_INSERT_ENTRY = Direct(insert(EntryRow), [column.key for column in EntryRow.__table__.columns])
_INSERT_NODES = insert(NodeRow)


@dataclass(frozen=True, slots=True)
class End:
    """Where the next entry goes: how many there are, the newest's time, number and leaf hash of a matter's newest."""

    size: int
    at: datetime
    seq: int = 0
    previous: bytes | None = None


_EMPTY = End(0, datetime.min.replace(tzinfo=UTC))


def end(session: Session, matter: str | None) -> End:
    """The end of the log as the caller's transaction sees it, read anew each time."""
    row = _END(session.connection(), {"matter": matter}).first()
    if row is None:
        return _EMPTY
    index, at, seq, previous = tuple(row)
    return End(index + 1, clock.from_text(at), seq or 0, previous)


def size(session: Session) -> int:
    """How many entries the log has."""
    last = session.scalar(select(func.max(EntryRow.index)))
    return 0 if last is None else last + 1


def nodes(session: Session) -> merkle.Nodes:
    """A reader of the complete subtrees: the large ones are stored, the others made of the stored leaf hashes."""
    connection = session.connection()

    def read(level: int, index: int) -> bytes:
        if level >= STORED_FROM_LEVEL:
            hashed: bytes | None = connection.scalar(_NODE, {"level": level, "index": index})
        else:
            hashed = _small(connection, index << level, 1 << level)
        if hashed is None:
            raise LogDamaged(f"The log lacks the hash of subtree {index} at level {level}; restore it from a backup.")
        return hashed

    return read


def _small(connection: Connection, start: int, count: int) -> bytes | None:
    """The hash over `count` leaves, a power of two, from `start` on; None where one is missing."""
    peaks = merkle.Peaks()
    for hashed in connection.scalars(_LEAF_HASHES, {"start": start, "stop": start + count}):
        peaks.append(hashed)
    return peaks.root() if peaks.size == count else None


def block(session: Session, start: int, count: int) -> merkle.Tree:
    """The leaf hashes from `start` on, `count` at most, as a tree of their own."""
    return merkle.Tree(session.connection().scalars(_LEAF_HASHES, {"start": start, "stop": start + count}))


def add(session: Session, entries: Sequence[Mapping[str, object]]) -> None:
    """Store entries that follow one another and the newest one, and the large subtrees that they complete.

    An entry is its columns by name, the time as the database keeps it: as text.
    """
    _INSERT_ENTRY.many(session.connection(), entries)
    for entry in entries:
        behind = cast(int, entry["index"]) + 1
        if behind % (1 << STORED_FROM_LEVEL) == 0:
            _complete(session, (behind >> STORED_FROM_LEVEL) - 1)


def _complete(session: Session, place: int) -> None:
    """Store the subtree at `place` of the lowest stored level, whose leaves are there, and those it completes above."""
    connection, stored = session.connection(), nodes(session)
    hashed = _small(connection, place << STORED_FROM_LEVEL, 1 << STORED_FROM_LEVEL)
    if hashed is None:
        raise LogDamaged(f"The log lacks an entry before {place + 1 << STORED_FROM_LEVEL}; restore it from a backup.")
    above = merkle.completed(place, hashed, lambda level, index: stored(level + STORED_FROM_LEVEL, index))
    connection.execute(
        _INSERT_NODES,
        [
            {"level": level + STORED_FROM_LEVEL, "index": index, "hash": node}
            for level, index, node in ((0, place, hashed), *above)
        ],
    )


def leaves(session: Session, start: int, stop: int, key: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Leaf and its hash of the entries [start, stop), in order; `LogDamaged` where one is missing or not as written.

    `key` is that of `rules.entry_mac`.
    """
    for low in range(start, stop, PAGE):
        high = min(low + PAGE, stop)
        rows = session.execute(
            select(EntryRow.index, EntryRow.leaf, EntryRow.leaf_hash, EntryRow.mac)
            .where(EntryRow.index >= low, EntryRow.index < high)
            .order_by(EntryRow.index)
        ).all()
        for expected, (index, untrusted_leaf, hashed, mac) in zip(range(low, high), rows, strict=False):
            if index != expected:
                raise LogDamaged(f"Entry {expected} of the log is missing; restore it from a backup.")
            yield untrusted_leaf, _checked_hash(index, untrusted_leaf, hashed, mac, key)
        if len(rows) != high - low:
            raise LogDamaged(f"Entry {low + len(rows)} of the log is missing; restore it from a backup.")


def leaf(session: Session, index: int, key: bytes) -> bytes:
    """The leaf of entry `index`, or `NoSuchEntry`; `LogDamaged` where the gateway did not write it there."""
    row = session.connection().execute(_LEAF, {"index": index}).one_or_none()
    if row is None:
        raise NoSuchEntry(f"The log has no entry {index}.")
    leaf, hashed, mac = row
    _checked_hash(index, leaf, hashed, mac, key)
    return bytes(leaf)


def check_continues(session: Session, known: Checkpoint, current: int) -> None:
    """Raise `LogShrank` or `LogForked` unless the log of `current` entries begins with `known`."""
    if known.size > current:
        raise LogShrank(
            f"The log has {current} entries, but a checkpoint over {known.size} was signed; restore the lost entries."
        )
    if merkle.root_at(known.size, nodes(session)) != known.root:
        raise LogForked(
            f"The first {known.size} entries differ from the checkpoint signed over them; nothing is signed."
        )


def check_leaves(session: Session, start: int, stop: int, key: bytes) -> bytes:
    """The root over the first `stop` entries, those from `start` on hashed again from their leaves.

    Raises `LogDamaged` unless they hash to their stored hashes and the stored tree has the same root.
    """
    stored = nodes(session)
    peaks = merkle.Peaks.at(start, stored)
    for _leaf, hashed in leaves(session, start, stop, key):
        peaks.append(hashed)
    if peaks.root() != merkle.root_at(stop, stored):
        raise LogDamaged("The stored tree does not belong to the entries; nothing is signed over it.")
    return peaks.root()


def _checked_hash(index: int, untrusted_leaf: bytes, stored_hash: bytes, mac: bytes, key: bytes) -> bytes:
    hashed = merkle.leaf_hash(untrusted_leaf)
    if hashed != stored_hash or not hmac.compare_digest(mac, rules.entry_mac(key, index, hashed)):
        raise LogDamaged(f"Entry {index} of the log is not what was written; nothing is signed over it.")
    return hashed


def check_whole(
    session: Session, known: dict[int, bytes], stop: int, key: bytes, take: Callable[[bytes, bytes], object]
) -> bytes:
    """Hash the first `stop` leaves one by one, handing each with its hash to `take`; the root over them.

    `known` maps sizes to the roots that checkpoints were signed over; a difference is `LogForked`.
    """
    peaks = merkle.Peaks()
    for leaf_bytes, hashed in leaves(session, 0, stop, key):
        peaks.append(hashed)
        take(leaf_bytes, hashed)
        if peaks.size in known and peaks.root() != known[peaks.size]:
            raise LogForked(f"The first {peaks.size} entries differ from the checkpoint signed over them.")
    if any(size > stop for size in known):
        raise LogShrank(f"The log has {stop} entries, but a checkpoint over more was signed; restore the lost entries.")
    return peaks.root()
