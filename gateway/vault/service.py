"""Keep, open, shred: every object under its own key, its bytes bound to what the row says of them."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict
from secrets import token_bytes, token_hex
from types import TracebackType
from typing import BinaryIO, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import insert, select, union_all
from sqlalchemy.orm import Session

from gateway.base.canon import Json, canonical
from gateway.base.clock import Clock
from gateway.base.ids import new_id
from gateway.base.problems import Unavailable
from gateway.db.unit import Units
from gateway.keys.model import KEY_BYTES, KeyRole, KeyTampered
from gateway.keys.service import Keyring
from gateway.seal.commitment import KeyCommitmentMismatch, check_key_commitment, key_commitment
from gateway.seal.stream import RangeReader, StreamTampered, StreamWriter
from gateway.vault.model import ObjectDamaged, ObjectMissing, Shredded, StoredObject
from gateway.vault.ports import BlobMissing, BlobStore
from gateway.vault.tables import StagedPartRow, StoredObjectRow

_VERSION = 1
_ROLE = re.compile(r"[a-z][a-z_]{0,31}")
_BATCH = 500
# Longer than the 32-byte salts of `stream`, so that no sealed file can make the two derivations meet.
_DERIVED = b"disclosure-gateway/vault/derived-key/v1"
_INSERT = insert(StoredObjectRow)


class Keeping:
    """One object on its way in. Leaving its `with` block without `finish` and `record` leaves nothing behind.

    Order: `write` … → `finish` (bytes durable and visible under a random name) → `Vault.record` in a unit of work.
    Memory: the two buffers of `StreamWriter`, whatever the size. The key exists only here until it is recorded.
    """

    def __init__(self, blobs: BlobStore, *, tenant: str, matter: str, role: str) -> None:
        if not _ROLE.fullmatch(role):
            raise ValueError("a role is a word in lower case")
        self.object_id = new_id("obj")
        self.matter = matter
        self.role = role
        self.blob_name = token_hex(16)
        self.key = token_bytes(KEY_BYTES)
        self.recorded = False
        self.finished = False
        self._aad = _facts(tenant, matter, self.object_id, role)
        self._blobs = blobs
        self._digest = hashlib.sha256()
        self._sink = blobs.create(self.blob_name)
        try:
            self._writer = StreamWriter(self.key, canonical(self._aad), self._sink.write)
        except BaseException:  # not held back: an unfinished blob goes
            self._sink.abort()
            raise

    @property
    def plaintext_bytes(self) -> int:
        """How many bytes have been written so far."""
        return self._writer.plaintext_bytes

    @property
    def ciphertext_bytes(self) -> int:
        """The size of the blob after `finish`."""
        return self._writer.ciphertext_bytes

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of what was written so far."""
        return self._digest.hexdigest()

    @property
    def commitment(self) -> bytes:
        """Binds key and length to the facts of the object; final after `finish`."""
        return key_commitment(self.key, _committed(self._aad, self.plaintext_bytes))

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Seal `chunk` after what came before. Raises `StorageFull` or `BlobStoreUnavailable`."""
        self._writer.write(chunk)
        self._digest.update(chunk)

    def as_file(self) -> KeepingFile:
        """This keeping for those who write to files."""
        return KeepingFile(self)

    def finish(self) -> None:
        """Seal the end and make the blob durable."""
        self._writer.close()
        self._sink.commit()
        self.finished = True

    def abort(self) -> None:
        """Leave nothing behind of bytes that no row speaks of."""
        if not self.finished:
            self._sink.abort()
        elif not self.recorded:
            self._blobs.delete(self.blob_name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self.finished:
            return
        # What cannot be removed now goes with the next sweep; the error on its way out matters more.
        with contextlib.suppress(Unavailable):
            self.abort()


class KeepingFile:
    """The writing half of a binary file over a `Keeping`; closing it stays with the keeping's `finish`."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Take all of `data`."""
        self._keeping.write(data)
        return memoryview(data).nbytes

    def flush(self) -> None:
        """Do nothing: bytes become durable with `finish`, all or none."""


class Opened:
    """An object opened for reading; every byte is authenticated before it is returned.

    Raises `ObjectDamaged` naming the object where a stored byte differs. Works after the unit of work has ended.
    """

    def __init__(self, object_id: str, source: BinaryIO, reader: RangeReader) -> None:
        self.object_id = object_id
        self.plaintext_bytes = reader.plaintext_bytes
        self._source = source
        self._reader = reader

    def chunks(self, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The range piece by piece, each at most 1 MiB."""
        pieces = self._reader.chunks(offset, length)
        try:
            yield from pieces
        except StreamTampered as error:
            raise _damaged(self.object_id, error.detail) from error

    def read_range(self, offset: int, length: int) -> bytes:
        """The bytes from `offset`, at most `length` of them, fewer at the end."""
        return b"".join(self.chunks(offset, length))

    def read(self) -> bytes:
        """All bytes, for objects known to be small enough."""
        return b"".join(self.chunks())

    def close(self) -> None:
        """Close the blob."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Vault:
    """Keeps bytes encrypted in a blob store, their keys in the key ring, their facts in the database."""

    def __init__(self, keyring: Keyring, blobs: BlobStore, clock: Clock) -> None:
        self._keyring = keyring
        self._blobs = blobs
        self._clock = clock

    def begin(self, *, matter: str, role: str) -> Keeping:
        """Start keeping an object of `matter` under a fresh key."""
        return Keeping(self._blobs, tenant=self._keyring.tenant, matter=matter, role=role)

    def keep(self, data: bytes | bytearray | memoryview, *, matter: str, role: str) -> Keeping:
        """`begin`, `write` and `finish` for bytes already in memory; `record` it next."""
        with self.begin(matter=matter, role=role) as keeping:
            keeping.write(data)
            keeping.finish()
        return keeping

    def record(self, session: Session, keeping: Keeping) -> StoredObject:
        """Write the object's row and wrapped key in the caller's unit of work, which adds the audit entry.

        The bytes are durable before: `finish` comes first. The matter's KEK must exist, or it is a `KeyMissing`.
        """
        if not keeping.finished or keeping.recorded:
            raise ValueError("an object is recorded once, after finish")
        kek = self._keyring.find(session, role=KeyRole.MATTER_KEK, owner=keeping.matter)
        key_id = self._keyring.create(session, role=KeyRole.DEK, owner=keeping.object_id, parent=kek, key=keeping.key)
        kept = StoredObject(
            id=keeping.object_id,
            matter=keeping.matter,
            role=keeping.role,
            key_id=key_id,
            blob_name=keeping.blob_name,
            plaintext_bytes=keeping.plaintext_bytes,
            ciphertext_bytes=keeping.ciphertext_bytes,
            commitment=keeping.commitment,
            created_at=self._clock.now(),
        )
        # Past the session, which would only add the making of an object that nobody asks for.
        session.connection().execute(_INSERT, asdict(kept))
        keeping.recorded = True
        return kept

    def object(self, session: Session, object_id: str) -> StoredObject:
        """What is known of the object; raises `ObjectMissing`."""
        return _stored(self._row(session, object_id))

    def open(self, session: Session, object_id: str) -> Opened:
        """Open the object for reading, for the caller to close.

        1. The key unwraps and fits its own commitment (`KeyShredded`, `KeyMissing`, `ObjectDamaged`).
        2. The object's commitment fits key, tenant, matter, id, role, version and length (`ObjectDamaged`).
        3. The blob is there, and as long as these facts say (`ObjectDamaged`).
        Only then is anything decrypted, each segment authenticated before its bytes are returned.
        """
        row = self._row(session, object_id)
        if row.shredded_at is not None:
            raise Shredded("This was shredded on purpose; nobody can open it again.")
        facts = _facts(self._keyring.tenant, row.matter, row.id, row.role)
        try:
            key = self._keyring.unwrap(session, row.key_id)
            check_key_commitment(key, row.commitment, _committed(facts, row.plaintext_bytes))
        except (KeyTampered, KeyCommitmentMismatch) as error:
            raise _damaged(object_id, error.detail) from error
        return self.open_with(
            key,
            object_id=row.id,
            matter=row.matter,
            role=row.role,
            blob_name=row.blob_name,
            plaintext_bytes=row.plaintext_bytes,
        )

    def derived_key(self, session: Session, object_id: str, purpose: bytes) -> bytes:
        """32 bytes for another purpose that go when the object is shredded; they tell nothing of its key."""
        row = self._row(session, object_id)
        if row.shredded_at is not None:
            raise Shredded("This was shredded on purpose; nobody can open it again.")
        key = self._keyring.unwrap(session, row.key_id)
        return HKDF(SHA256(), KEY_BYTES, salt=_DERIVED, info=purpose).derive(key)

    def open_with(
        self, key: bytes, *, object_id: str, matter: str, role: str, blob_name: str, plaintext_bytes: int
    ) -> Opened:
        """Open bytes whose key and facts, the length among them, the caller has authenticated."""
        facts = _facts(self._keyring.tenant, matter, object_id, role)
        try:
            source = self._blobs.open(blob_name)
        except BlobMissing as error:
            raise _damaged(object_id, error.detail) from error
        try:
            return Opened(object_id, source, RangeReader(key, canonical(facts), source, plaintext_bytes))
        except StreamTampered as error:
            source.close()
            raise _damaged(object_id, error.detail) from error

    def shred(self, session: Session, object_id: str) -> str:
        """Destroy the object's key and give its id; the bytes never open again. `remove` or a `sweep` takes them."""
        row = self._row(session, object_id)
        self._keyring.shred(session, row.key_id)
        if row.shredded_at is None:
            row.shredded_at = self._clock.now()
            session.flush()
        return row.key_id

    def remove(self, units: Units, object_ids: Collection[str]) -> None:
        """Remove the ciphertext of objects that are shredded; of no others."""
        gone = select(StoredObjectRow.blob_name).where(
            StoredObjectRow.id.in_(object_ids), StoredObjectRow.shredded_at.is_not(None)
        )
        with units.read() as session:
            names = session.scalars(gone).all()
        self.remove_blobs(names)

    def remove_blobs(self, blob_names: Iterable[str]) -> None:
        """Remove blobs that no row speaks of any more."""
        for name in blob_names:
            self._blobs.delete(name)

    def sweep(self, session: Session, older_than_s: float = 3600) -> int:
        """Remove what crashes and shredding left: dead writers' temporary files, and blobs without a living row.

        What is younger than `older_than_s` stays, because its row may be about to be committed; pass 0 only where
        nothing else is running. `session` only reads. Returns how many were removed.
        """
        removed = self._blobs.sweep_unfinished(older_than_s)
        names = list(self._blobs.names(older_than_s))
        for start in range(0, len(names), _BATCH):
            batch = names[start : start + _BATCH]
            living = union_all(
                select(StoredObjectRow.blob_name).where(
                    StoredObjectRow.blob_name.in_(batch), StoredObjectRow.shredded_at.is_(None)
                ),
                select(StagedPartRow.blob_name).where(StagedPartRow.blob_name.in_(batch)),
            )
            for name in set(batch) - set(session.scalars(living)):
                self._blobs.delete(name)
                removed += 1
        return removed

    @staticmethod
    def _row(session: Session, object_id: str) -> StoredObjectRow:
        row = session.get(StoredObjectRow, object_id)
        if row is None:
            raise ObjectMissing("There is no stored object with this id.")
        return row


def _facts(tenant: str, matter: str, object_id: str, role: str) -> dict[str, Json]:
    """What the bytes are bound to: a blob moved to another row, matter or role does not open."""
    return {"tenant": tenant, "matter": matter, "object": object_id, "version": _VERSION, "role": role}


def _committed(facts: dict[str, Json], plaintext_bytes: int) -> bytes:
    """The commitment's context: it authenticates the length, without which a range reader cannot see truncation."""
    return canonical({**facts, "plaintext_bytes": plaintext_bytes})


def _stored(row: StoredObjectRow) -> StoredObject:
    return StoredObject(
        id=row.id,
        matter=row.matter,
        role=row.role,
        key_id=row.key_id,
        blob_name=row.blob_name,
        plaintext_bytes=row.plaintext_bytes,
        ciphertext_bytes=row.ciphertext_bytes,
        commitment=row.commitment,
        created_at=row.created_at,
        shredded_at=row.shredded_at,
    )


def _damaged(object_id: str, what: str) -> ObjectDamaged:
    return ObjectDamaged(f"Object {object_id}: {what} Restore it from a backup.", object=object_id)
