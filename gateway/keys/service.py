"""The key hierarchy: root provider → matter KEK → DEKs and the other keys of the matter."""

from __future__ import annotations

from collections.abc import Sequence
from secrets import token_bytes

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from gateway.base.canon import canonical
from gateway.base.clock import Clock
from gateway.base.ids import new_id
from gateway.base.problems import CheckFailed
from gateway.keys.cache import KeyCache
from gateway.keys.model import DEPLOYMENT, KEY_BYTES, MATTER_PREFIX, KeyMissing, KeyRole, KeyShredded, KeyTampered
from gateway.keys.ports import KeyProvider
from gateway.keys.tables import KeyRow, RootKeyRow
from gateway.seal.commitment import check_key_commitment, key_commitment
from gateway.seal.envelope import EnvelopeTampered, open_small, seal_small, unwrap, wrap

_MAX_DEPTH = 4
# These open one object, or sign what leaves: seldom used, and worth most to whoever reads this process's memory.
_NEVER_CACHED = frozenset({KeyRole.DEK.value, KeyRole.PACKAGE_SIGNING.value, KeyRole.DOCUMENT_SIGNING.value})
_ROWS = "gateway.keys.rows"
_NEWEST = "gateway.keys.newest"
_OPENED = "gateway.keys.opened"

# What most units need of a matter and of the deployment: whoever looks for one of them is soon asked for another.
_EVERYDAY = (KeyRole.MATTER_KEK.value, KeyRole.RECORD.value, KeyRole.AUDIT_BODY.value, KeyRole.LOG_SIGNING.value)

# Keys are on every change's way: the statement is built once.
_OF_OWNERS = (
    select(KeyRow)
    .where(KeyRow.role.in_(bindparam("roles", expanding=True)), KeyRow.owner.in_(bindparam("owners", expanding=True)))
    .order_by(KeyRow.version)
)
_NEWEST_OF = (
    select(KeyRow.id)
    .where(KeyRow.role == bindparam("role"), KeyRow.owner == bindparam("owner"))
    .order_by(KeyRow.version.desc())
    .limit(1)
    .with_for_update(read=True)
)
_NEWEST_ROOT = (
    select(RootKeyRow.number)
    .where(RootKeyRow.retired_at.is_(None))
    .order_by(RootKeyRow.number.desc())
    .limit(1)
    .with_for_update(read=True)
)


class Keyring:
    """Creates, finds, unwraps and shreds keys inside the caller's unit of work.

    What a key is wrapped with is bound to tenant, id, parent, role and owner, so that a row copied over another does
    not open. Keys that seal many texts stay unwrapped in a `KeyCache`; every use still reads the key's row.
    """

    def __init__(self, provider: KeyProvider, tenant: str, clock: Clock) -> None:
        self._provider = provider
        self._clock = clock
        self._cache = KeyCache()
        self.tenant = tenant

    def create(
        self, session: Session, *, role: str, owner: str, parent: str | None = None, key: bytes | None = None
    ) -> str:
        """Wrap a new random 256-bit key, or the given `key`, and return its id.

        Without a `parent` the key of a matter hangs under that matter's KEK and any other under the root; a parent
        that was rotated meanwhile stands for its newest version. A second key of the same role and owner is an
        `AlreadyThere` at the end of the unit.
        """
        kind = KeyRole(role)
        if parent is None and owner.startswith(MATTER_PREFIX) and kind is not KeyRole.MATTER_KEK:
            parent = self.ensure(session, role=KeyRole.MATTER_KEK, owner=owner)
        row = KeyRow(id=new_id("key"), role=kind.value, owner=owner, version=1, created_at=self._clock.now())
        self.write(session, row, fresh_key() if key is None else key, parent)
        return row.id

    def write(self, session: Session, row: KeyRow, key: bytes, parent: str | None) -> None:
        """Put `key` into the new `row`, wrapped under the newest version of `parent`, or under the newest root.

        What it is wrapped under stays locked until the unit ends, so that no rotation retires it before.
        """
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._wrap_into(session, row, key, *self._above(session, parent))
        session.add(row)
        session.flush()
        _remembered(session)[row.id] = row
        _newest(session).pop((row.role, row.owner), None)

    def rewrap(self, session: Session, rows: Sequence[KeyRow], parent: str | None) -> None:
        """Wrap the keys of `rows` anew under the newest version of `parent`, or under the newest root."""
        if rows:
            above = self._above(session, parent)
            for row in rows:
                self._wrap_into(session, row, self.unwrap(session, row.id), *above)
            session.flush()

    def find(self, session: Session, *, role: str, owner: str) -> str:
        """The id of the newest key of this role and owner, shredded or not; raises `KeyMissing`."""
        key_id = self._lookup(session, role, owner)
        if key_id is None:
            raise KeyMissing(f"There is no {KeyRole(role).value} key of {owner}; restore the key backup.")
        return key_id

    def version(self, session: Session, key_id: str) -> int:
        """How many keys of this role and owner there were up to this one."""
        return self._row(session, key_id).version

    def ensure(
        self, session: Session, *, role: str, owner: str, parent: str | None = None, key: bytes | None = None
    ) -> str:
        """The id of the newest key of this role and owner, created, from `key` if given, if there was never one."""
        key_id = self._lookup(session, role, owner)
        return key_id or self.create(session, role=role, owner=owner, parent=parent, key=key)

    def renew(self, session: Session, *, role: str, owner: str) -> tuple[str, str]:
        """A new key that takes the place of the newest of this role and owner; the ids of the old one and the new.

        The caller seals anew what is under the old one, then shreds it.
        """
        old = self._row(session, self.find(session, role=role, owner=owner))
        row = KeyRow(
            id=new_id("key"), role=old.role, owner=owner, version=old.version + 1, created_at=self._clock.now()
        )
        self.write(session, row, fresh_key(), old.parent_id)
        return old.id, row.id

    def unwrap(self, session: Session, key_id: str) -> bytes:
        """The key in clear, checked against its commitment.

        Raises `KeyMissing`, `KeyShredded` (it or a key above it was destroyed) or `KeyTampered`.
        """
        return self._unwrap(session, key_id, _MAX_DEPTH)

    def shred(self, session: Session, key_id: str) -> None:
        """Destroy the wrapped key: nothing sealed under it, or under a key below it, opens again."""
        row = self._row(session, key_id)
        if row.wrapped is not None:
            row.wrapped = None
            row.shredded_at = self._clock.now()
            session.flush()

    def seal_bytes(self, session: Session, *, owner: str, context: str, data: bytes) -> bytes:
        """`data` sealed under the owner's record key, which is created when first needed."""
        return seal_small(self.unwrap(session, self.ensure(session, role=KeyRole.RECORD, owner=owner)), context, data)

    def open_bytes(self, session: Session, *, owner: str, context: str, sealed: bytes) -> bytes:
        """The inverse of `seal_bytes`; raises `EnvelopeTampered` naming owner and context."""
        key = self.unwrap(session, self.find(session, role=KeyRole.RECORD, owner=owner))
        try:
            return open_small(key, context, sealed)
        except EnvelopeTampered as error:
            raise EnvelopeTampered(
                f"The sealed value {context} of {owner} differs from what was kept; restore it from a backup."
            ) from error

    def seal_text(self, session: Session, *, owner: str, context: str, text: str) -> bytes:
        """`seal_bytes` over UTF-8."""
        return self.seal_bytes(session, owner=owner, context=context, data=text.encode())

    def open_text(self, session: Session, *, owner: str, context: str, sealed: bytes) -> str:
        """The inverse of `seal_text`."""
        return self.open_bytes(session, owner=owner, context=context, sealed=sealed).decode()

    def _unwrap(self, session: Session, key_id: str, depth: int) -> bytes:
        row = self._row(session, key_id)
        if row.parent_id is not None and self._row(session, row.parent_id).wrapped is None:
            # The parent may have been rotated since this row was read: then the row names another one by now.
            session.refresh(row)
        if row.wrapped is None:
            raise KeyShredded(f"The key {key_id} was destroyed; what it sealed cannot be opened any more.")
        if depth == 0:
            raise KeyTampered(f"The key {key_id} hangs under too many others; restore the key backup.")
        above = None if row.parent_id is None else self._unwrap(session, row.parent_id, depth - 1)
        opened = _unwrapped(session)
        if (row.id, row.wrapped) in opened:
            return opened[row.id, row.wrapped]
        facts = self._facts(row)
        key = self._cache.get(facts, row.wrapped)
        if key is None:
            key = self._opened(row, row.wrapped, facts, above)
            if row.role not in _NEVER_CACHED:
                self._cache.put(facts, row.wrapped, key)
        if row.role not in _NEVER_CACHED:
            opened[row.id, row.wrapped] = key
        return key

    def _opened(self, row: KeyRow, wrapped: bytes, facts: bytes, above: bytes | None) -> bytes:
        try:
            if above is None:
                key = self._provider.unwrap(wrapped, facts, row.root or 1)
            else:
                key = unwrap(above, wrapped, facts)
            check_key_commitment(key, row.commitment, facts)
        except CheckFailed as error:
            raise KeyTampered(
                f"The key {row.id} differs from what was kept, or belongs to another root key; restore the key backup."
            ) from error
        return key

    def _above(self, session: Session, parent: str | None) -> tuple[str | None, int | None]:
        """Parent and root of what is wrapped from now on: one of the two."""
        return (None, self._newest_root(session)) if parent is None else (self._newest_of(session, parent), None)

    def _wrap_into(self, session: Session, row: KeyRow, key: bytes, parent: str | None, root: int | None) -> None:
        row.parent_id, row.root = parent, root
        facts = self._facts(row)
        row.commitment = key_commitment(key, facts)
        if root is not None:
            row.wrapped = self._provider.wrap(key, facts, root)
        elif parent is not None:
            row.wrapped = wrap(self.unwrap(session, parent), key, facts)

    def _facts(self, row: KeyRow) -> bytes:
        return canonical(
            {"tenant": self.tenant, "id": row.id, "parent": row.parent_id, "role": row.role, "owner": row.owner}
        )

    @staticmethod
    def _newest_root(session: Session) -> int:
        session.flush()
        number: int | None = session.connection().scalar(_NEWEST_ROOT)
        if number is None:
            raise KeyMissing("The database names no root key; restore it from a backup.")
        return number

    def _newest_of(self, session: Session, key_id: str) -> str:
        row = self._row(session, key_id)
        session.flush()
        newest: str = session.connection().execute(_NEWEST_OF, {"role": row.role, "owner": row.owner}).scalar_one()
        return newest

    @staticmethod
    def _row(session: Session, key_id: str) -> KeyRow:
        remembered = _remembered(session)
        row = remembered.get(key_id) or session.get(KeyRow, key_id)
        if row is None:
            raise KeyMissing(f"The key {key_id} is missing; restore the key backup.")
        remembered[key_id] = row
        return row

    @staticmethod
    def _lookup(session: Session, role: str, owner: str) -> str | None:
        """The newest key's id; the everyday keys of a matter are read with the deployment's, by one statement."""
        kind = KeyRole(role).value
        newest = _newest(session)
        if (kind, owner) not in newest:
            together = kind in _EVERYDAY and (owner == DEPLOYMENT or owner.startswith(MATTER_PREFIX))
            values = (
                {"roles": _EVERYDAY, "owners": (owner, DEPLOYMENT)}
                if together
                else {"roles": [kind], "owners": [owner]}
            )
            for row in session.scalars(_OF_OWNERS, values):
                _remembered(session)[row.id] = row
                newest[row.role, row.owner] = row.id
        return newest.get((kind, owner))


def fresh_key() -> bytes:
    """A random 256-bit key."""
    return token_bytes(KEY_BYTES)


def _remembered(session: Session) -> dict[str, KeyRow]:
    """The rows that this unit has read: one transaction reads a row once, and no later one believes it."""
    rows: dict[str, KeyRow] = session.info.setdefault(_ROWS, {})
    return rows


def _newest(session: Session) -> dict[tuple[str, str], str]:
    """Role and owner → the newest key's id, as far as this unit has looked."""
    found: dict[tuple[str, str], str] = session.info.setdefault(_NEWEST, {})
    return found


def _unwrapped(session: Session) -> dict[tuple[str, bytes], bytes]:
    """Keys by id and wrapped bytes, as far as this unit has unwrapped them: a list unseals many texts under one key."""
    keys: dict[tuple[str, bytes], bytes] = session.info.setdefault(_OPENED, {})
    return keys
