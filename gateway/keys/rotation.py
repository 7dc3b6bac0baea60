"""Rotation by rewrapping, while others read and write: what was encrypted stays as it is, only keys are wrapped anew.

1. The new key is made, beside the old one; from this entry on whatever is new hangs under it (`key.rotation_begun`).
2. Batch by batch, the keys under the old one are wrapped under the new one (`key.rewrapped`).
3. When nothing hangs under the old one any more, it is retired (`key.rotated`) and destroyed.

Each step is a unit of work of its own and both keys open until the last. A rotation that was cut short is taken up
where it ended by the next one; nothing is begun twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from gateway.base.canon import Json
from gateway.base.clock import Clock
from gateway.base.ids import new_id
from gateway.base.problems import CheckFailed
from gateway.db.unit import Units
from gateway.keys.model import KeyFileUnfit, KeyMissing, KeyRole, KeyShredded
from gateway.keys.ports import RootStore
from gateway.keys.service import Keyring, fresh_key
from gateway.keys.tables import KeyRow, RootKeyRow

BATCH = 200

# Writes an entry in the caller's unit: its type, the matter it belongs to, its facts.
Note = Callable[[Session, str, str | None, Mapping[str, Json]], object]


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation came to: the new root's number or the new KEK's id, and how many keys were wrapped anew."""

    to: str
    rewrapped: int
    resumed: bool


@dataclass(frozen=True, slots=True)
class KeyState:
    """How the keys stand: the roots in use, how many keys hang under each role, what was shredded."""

    provider: str
    roots: tuple[int, ...]
    living: Mapping[str, int]
    shredded: int
    rotating: bool


class Rotation:
    """Renews the root key and the KEKs of matters."""

    def __init__(self, units: Units, keyring: Keyring, store: RootStore, clock: Clock, note: Note) -> None:
        self._units = units
        self._keyring = keyring
        self._store = store
        self._clock = clock
        self._note = note

    def rotate_root(self) -> Rotated:
        """Make a new root key, wrap every KEK under it, and drop the old root from the key file."""
        number, resumed = self._root_begun()
        count = 0
        while batch := self._rewrap(KeyRow.root < number, None, {"root": number}, None):
            count += batch
        with self._units.read() as session:
            retired = self._root(session, number - 1).retired_at is not None
        if not retired:
            count += self._root_retired(number)
        self._store.drop_roots(below=number)
        self._units.scrub()
        return Rotated(str(number), count, resumed)

    def rotate_matter(self, matter: str) -> Rotated:
        """Make a new KEK for `matter`, wrap every key of the matter under it, and destroy the old KEK."""
        old, new, resumed = self._kek_begun(matter)
        facts: dict[str, Json] = {"key": new, "from": old}
        count = 0
        while batch := self._rewrap(KeyRow.parent_id == old, new, facts, matter):
            count += batch
        count += self._kek_retired(matter, old, new, facts)
        self._units.scrub()
        return Rotated(new, count, resumed)

    def enter_passphrase_change(self) -> None:
        """Write the entry of a change that is made next; nothing is wrapped anew for that."""
        with self._units.change() as session:
            self._note(session, "key.passphrase_change", None, {"provider": self._store.name})

    def check_fit(self) -> None:
        """Raise `KeyFileUnfit`, naming which of the two is the wrong one, unless key file and database fit."""
        held = self._store.roots()
        with self._units.read() as session:
            rows = session.scalars(select(RootKeyRow).order_by(RootKeyRow.number)).all()
            sample = session.scalar(
                select(KeyRow.id).where(KeyRow.root.in_(list(held)), KeyRow.wrapped.is_not(None)).limit(1)
            )
            foreign = any(row.commitment not in (None, held.get(row.number, row.commitment)) for row in rows)
            try:
                if sample is not None and not foreign:
                    self._keyring.unwrap(session, sample)
            except CheckFailed:
                foreign = True
        needed = {row.number for row in rows if row.retired_at is None}
        if foreign:
            raise KeyFileUnfit(
                "The key file belongs to another deployment; put back the one that was made with this data folder."
            )
        if needed and max(held) < max(needed):
            raise KeyFileUnfit("The key file is older than the last rotation of the root key; restore the newest one.")
        if needed - held.keys():
            raise KeyFileUnfit(
                "The database is older than the last rotation of the root key; restore the newest database, or the key "
                "file that was kept with this one."
            )

    def state(self) -> KeyState:
        """How the keys stand now."""
        with self._units.read() as session:
            roots = session.scalars(
                select(RootKeyRow.number).where(RootKeyRow.retired_at.is_(None)).order_by(RootKeyRow.number)
            ).all()
            living = session.execute(
                select(KeyRow.role, func.count()).where(KeyRow.wrapped.is_not(None)).group_by(KeyRow.role)
            ).all()
            keks = session.execute(
                select(KeyRow.owner)
                .where(KeyRow.role == KeyRole.MATTER_KEK, KeyRow.wrapped.is_not(None))
                .group_by(KeyRow.owner)
                .having(func.count() > 1)
            ).all()
            shredded = session.scalar(select(func.count()).where(KeyRow.wrapped.is_(None))) or 0
        return KeyState(
            provider=self._store.name,
            roots=tuple(roots),
            living=dict(sorted((role, count) for role, count in living)),
            shredded=shredded,
            rotating=len(roots) > 1 or bool(keks) or len(self._store.roots()) > 1,
        )

    def _root_begun(self) -> tuple[int, bool]:
        """The root to rotate to: the one that was begun, or a new one that is in the file before the database."""
        with self._units.read() as session:
            rows = session.scalars(select(RootKeyRow).order_by(RootKeyRow.number)).all()
        newest, held = rows[-1].number, self._store.roots()
        # The last steps of a rotation are to retire the old root in the database, then to drop it from the file.
        if len([row for row in rows if row.retired_at is None]) > 1 or any(one < newest for one in held):
            return newest, True
        number = newest + 1
        self._store.add_root(number)
        held = self._store.roots()
        with self._units.change() as session:
            self._root(session, newest).commitment = held[newest]
            session.add(RootKeyRow(number=number, commitment=held[number]))
            self._note(session, "key.rotation_begun", None, {"root": number, "from": newest})
        return number, False

    def _root_retired(self, number: int) -> int:
        """Retire the root before `number`, after what was wrapped under it at the last moment."""
        with self._units.change() as session:
            row = self._root(session, number - 1, lock=True)
            count = self._rewrap_in(session, KeyRow.root < number, None, limit=None)
            row.retired_at = self._clock.now()
            self._note(session, "key.rotated", None, {"root": number, "from": number - 1, "last": count})
        return count

    def _kek_begun(self, matter: str) -> tuple[str, str, bool]:
        with self._units.change() as session:
            query = select(KeyRow).where(KeyRow.role == KeyRole.MATTER_KEK, KeyRow.owner == matter)
            rows = session.scalars(query.order_by(KeyRow.version.desc()).limit(2).with_for_update()).all()
            if not rows:
                raise KeyMissing("There is no KEK of this matter; check the matter's id.")
            if rows[0].wrapped is None:
                raise KeyShredded("The KEK of this matter was destroyed; there is nothing to rotate.")
            if len(rows) == 2 and rows[1].wrapped is not None:
                return rows[1].id, rows[0].id, True
            row = KeyRow(
                id=new_id("key"),
                role=KeyRole.MATTER_KEK.value,
                owner=matter,
                version=rows[0].version + 1,
                created_at=self._clock.now(),
            )
            self._keyring.write(session, row, fresh_key(), None)
            self._note(session, "key.rotation_begun", matter, {"key": row.id, "from": rows[0].id})
            return rows[0].id, row.id, False

    def _kek_retired(self, matter: str, old: str, new: str, facts: Mapping[str, Json]) -> int:
        with self._units.change() as session:
            session.get(KeyRow, old, with_for_update=True)
            count = self._rewrap_in(session, KeyRow.parent_id == old, new, limit=None)
            self._keyring.shred(session, old)
            self._note(session, "key.rotated", matter, {**facts, "last": count})
        return count

    def _rewrap(
        self, which: ColumnElement[bool], parent: str | None, facts: Mapping[str, Json], matter: str | None
    ) -> int:
        with self._units.read() as session:
            if session.scalar(select(KeyRow.id).where(which, KeyRow.wrapped.is_not(None)).limit(1)) is None:
                return 0
        with self._units.change() as session:
            count = self._rewrap_in(session, which, parent, limit=BATCH)
            self._note(session, "key.rewrapped", matter, {**facts, "count": count})
        return count

    def _rewrap_in(self, session: Session, which: ColumnElement[bool], parent: str | None, *, limit: int | None) -> int:
        query = select(KeyRow).where(which, KeyRow.wrapped.is_not(None)).order_by(KeyRow.id).limit(limit)
        rows = session.scalars(query.with_for_update()).all()
        self._keyring.rewrap(session, rows, parent)
        return len(rows)

    @staticmethod
    def _root(session: Session, number: int, *, lock: bool = False) -> RootKeyRow:
        row = session.get(RootKeyRow, number, with_for_update=lock)
        if row is None:
            raise KeyMissing("The database lacks a root key that it speaks of; restore it from a backup.")
        return row
