"""Resumable uploads: bytes that arrive in several requests, encrypted on disk from the first to the last.

1. What `received_bytes` counts is durable and authenticated: staged parts, committed one by one.
2. An interruption loses nothing that had arrived; a crash at most the part being written, which nobody was told of.
3. Completion opens the parts and receives them as any other upload: same bounds, type, digest, entry. It can be
   repeated until it has succeeded, and keeps the bytes once.
4. An upload belongs to one person; for everybody else it does not exist. What is not finished in time is forgotten.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Self

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from gateway.base.canon import canonical
from gateway.base.clock import Clock
from gateway.base.ids import new_id
from gateway.base.problems import CheckFailed, NotFound, Problem, TooLarge, Unavailable, Unprocessable
from gateway.base.text import clean_line
from gateway.base.units import MIB
from gateway.db.unit import Units
from gateway.intake import rules
from gateway.intake.model import Original, Receipt, Upload, UploadBounds
from gateway.intake.service import Intake, KeyReused, token_of
from gateway.intake.tables import UploadRow
from gateway.keys.service import Keyring
from gateway.matter.service import Matters
from gateway.people.model import Actor, Permission
from gateway.vault.service import Keeping
from gateway.vault.staging import Staging

PART_BYTES = 16 * MIB


class Uploads:
    """Begins, carries on, completes and forgets resumable uploads."""

    def __init__(
        self,
        units: Units,
        keyring: Keyring,
        clock: Clock,
        staging: Staging,
        matters: Matters,
        intake: Intake,
        bounds: UploadBounds,
    ) -> None:
        self._units = units
        self._keyring = keyring
        self._clock = clock
        self._staging = staging
        self._matters = matters
        self._intake = intake
        self._bounds = bounds

    def begin(
        self,
        actor: Actor,
        matter_id: str,
        kind: str,
        *,
        length_bytes: int | None,
        file_name: str | None,
        digest: str | None,
        idempotency_key: str | None,
    ) -> Upload:
        """Open an upload; `digest` announces the whole (`Repr-Digest`). The same key again gives the same upload."""
        actor.require(Permission.ORIGINAL_UPLOAD)
        self._matters.require(matter_id)
        limit_bytes = self._intake.kind(kind).limit_bytes
        rules.check_size(length_bytes or 0, limit_bytes)
        name = clean_line(file_name, what="file name", max_chars=255) if file_name else None
        rules.announced_sha256(digest)
        told = canonical({"file_name": name, "digest": digest}).decode()
        self.expire()
        upload_id = new_id("upl")
        token = token_of(idempotency_key or upload_id)
        with self._units.bookkeeping() as session:
            earlier = session.scalar(
                select(UploadRow).where(
                    UploadRow.matter == matter_id, UploadRow.person == actor.person_id, UploadRow.token == token
                )
            )
            if earlier is not None:
                if (earlier.kind, earlier.length_bytes, self._told(session, earlier)) != (kind, length_bytes, told):
                    raise KeyReused("This Idempotency-Key was used for another upload; choose a new key.")
                return self._upload(session, earlier)
            self._check_room(session, actor.person_id, length_bytes or limit_bytes)
            row = UploadRow(
                id=upload_id,
                matter=matter_id,
                person=actor.person_id,
                token=token,
                kind=kind,
                sealed=self._keyring.seal_text(session, owner=matter_id, context=f"upload:{upload_id}", text=told),
                length_bytes=length_bytes,
                received_bytes=0,
                parts=0,
                original=None,
                expires_at=self._clock.now() + timedelta(seconds=self._bounds.lifetime_s),
            )
            session.add(row)
            return self._upload(session, row)

    def get(self, actor: Actor, upload_id: str) -> Upload:
        """An upload of this person, as far as it is durable, or `NotFound`."""
        with self._units.read() as session:
            return self._upload(session, self._row(session, actor, upload_id))

    def append(self, actor: Actor, upload_id: str, *, offset: int, length_bytes: int | None = None) -> Appending:
        """Go on at `offset`, which is where the upload stands; `length_bytes` is the whole, once it is known."""
        with self._units.bookkeeping() as session:
            row = self._row(session, actor, upload_id)
            if row.original is not None:
                raise rules.UploadCompleted("The upload is complete; begin another for other bytes.")
            rules.check_offset(offset, row.received_bytes)
            if length_bytes is not None:
                rules.check_length(row.length_bytes, length_bytes)
                rules.check_size(length_bytes, self._intake.kind(row.kind).limit_bytes)
                row.length_bytes = length_bytes
            return Appending(self, self._units, self._staging, self._intake, actor, self._upload(session, row))

    def complete(self, actor: Actor, upload_id: str) -> Receipt:
        """Receive the staged parts as one original. What can never become one is forgotten with its refusal."""
        with self._units.read() as session:
            row = self._row(session, actor, upload_id)
            upload, told = self._upload(session, row), json.loads(self._told(session, row))
            if upload.receipt is not None:
                return upload.receipt
            parts = tuple(self._staging.parts(session, upload=upload_id, matter=row.matter))
        rules.check_length(upload.length_bytes, upload.received_bytes)
        try:
            with self._intake.begin(actor, row.matter, row.kind, told["digest"]) as receiving:
                for part in parts:
                    with self._staging.open(part) as opened:
                        for chunk in opened.chunks():
                            receiving.write(chunk)
                receipt = self._intake.keep_once(
                    actor, row.matter, row.kind, receiving, file_name=told["file_name"], token=row.token
                )
        except (CheckFailed, KeyReused, TooLarge, Unprocessable):
            self._forget(upload_id)
            raise
        self._settle(upload_id, receipt)
        return receipt

    def cancel(self, actor: Actor, upload_id: str) -> None:
        """Forget an upload and remove what had arrived; an original that came of it stays."""
        with self._units.read() as session:
            self._row(session, actor, upload_id)
        self._forget(upload_id)

    def expire(self) -> int:
        """Forget what was not finished in time; how many uploads that were."""
        with self._units.read() as session:
            old = session.scalars(select(UploadRow.id).where(UploadRow.expires_at < self._clock.now())).all()
        for upload_id in old:
            self._forget(upload_id)
        return len(old)

    def shred(self, session: Session, original: Original) -> tuple[str, ...]:
        """Forget, in the unit that destroys an original, what uploads may hold of it; the blobs to `remove` afterwards.

        That is the upload it came by, and every unfinished one of its kind in its matter: an earlier attempt, or one
        that a crash left between receiving and settling, holds the same bytes.
        """
        suspects = or_(UploadRow.original == original.id, UploadRow.original.is_(None))
        query = select(UploadRow).where(UploadRow.matter == original.matter, UploadRow.kind == original.kind, suspects)
        names: list[str] = []
        for row in session.scalars(query).all():
            names += self._staging.forget(session, row.id)
            session.delete(row)
        session.flush()
        return tuple(names)

    def remove(self, blob_names: Iterable[str]) -> None:
        """Remove the blobs of forgotten parts."""
        self._staging.remove(blob_names)

    def advance(self, session: Session, actor: Actor, upload: Upload, keeping: Keeping) -> Upload:
        """Record a durable part behind those that are there."""
        row = self._row(session, actor, upload.id)
        rules.check_offset(upload.received_bytes, row.received_bytes)
        self._staging.record(session, keeping, upload=row.id, number=row.parts)
        row.parts += 1
        row.received_bytes += keeping.plaintext_bytes
        return self._upload(session, row)

    def _check_room(self, session: Session, person: str, wanted_bytes: int) -> None:
        mine = select(UploadRow).where(UploadRow.person == person, UploadRow.original.is_(None))
        rows = session.scalars(mine).all()
        promised = sum(row.length_bytes or self._intake.kind(row.kind).limit_bytes for row in rows)
        if len(rows) >= self._bounds.open_max or promised + wanted_bytes > self._bounds.staged_bytes:
            raise rules.TooManyUploads(
                f"One person may have {self._bounds.open_max} unfinished uploads of {self._bounds.staged_bytes} bytes "
                "together; finish or cancel one first."
            )

    def _settle(self, upload_id: str, receipt: Receipt) -> None:
        with self._units.bookkeeping() as session:
            row = session.get(UploadRow, upload_id)
            if row is not None:
                row.original = receipt.original
            names = self._staging.forget(session, upload_id)
        self._staging.remove(names)

    def _forget(self, upload_id: str) -> None:
        with self._units.bookkeeping() as session:
            row = session.get(UploadRow, upload_id)
            if row is not None:
                session.delete(row)
            names = self._staging.forget(session, upload_id)
        self._staging.remove(names)

    def _row(self, session: Session, actor: Actor, upload_id: str) -> UploadRow:
        actor.require(Permission.ORIGINAL_UPLOAD)
        row = session.get(UploadRow, upload_id)
        if row is None or row.person != actor.person_id or row.expires_at <= self._clock.now():
            raise NotFound("There is no upload with this id.")
        return row

    def _told(self, session: Session, row: UploadRow) -> str:
        return self._keyring.open_text(session, owner=row.matter, context=f"upload:{row.id}", sealed=row.sealed)

    def _upload(self, session: Session, row: UploadRow) -> Upload:
        return Upload(
            id=row.id,
            matter=row.matter,
            kind=row.kind,
            length_bytes=row.length_bytes,
            received_bytes=row.received_bytes,
            limit_bytes=self._intake.kind(row.kind).limit_bytes,
            expires_at=row.expires_at,
            receipt=None if row.original is None else self._intake.receipt(session, row.original),
        )


class Appending:
    """One request's bytes on their way into an upload. Leaving it keeps what arrived, also where the line broke."""

    def __init__(
        self, uploads: Uploads, units: Units, staging: Staging, intake: Intake, actor: Actor, upload: Upload
    ) -> None:
        self.upload = upload
        self._uploads = uploads
        self._units = units
        self._staging = staging
        self._intake = intake
        self._actor = actor
        self._part: Keeping | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        # A part that cannot be made durable now was never acknowledged; the sender is told where the upload stands.
        with contextlib.suppress(Problem):
            self.finish()

    def write(self, untrusted_chunk: bytes | bytearray | memoryview) -> None:
        """Take the next bytes. What is past a bound, or of no type the kind takes, ends the whole upload."""
        pending = self._part.plaintext_bytes if self._part else 0
        total = self.upload.received_bytes + pending + len(untrusted_chunk)
        try:
            rules.check_size(total, self.upload.limit_bytes)
            if self.upload.length_bytes is not None and total > self.upload.length_bytes:
                rules.check_length(self.upload.length_bytes, total)
            if total == len(untrusted_chunk) >= rules.HEAD_BYTES:
                head = bytes(untrusted_chunk[: rules.HEAD_BYTES])
                self._intake.kind(self.upload.kind).type_of(head, self.upload.kind)
        except Problem:
            self._drop()
            self._uploads.cancel(self._actor, self.upload.id)
            raise
        self._part = self._part or self._staging.begin(self.upload.matter)
        try:
            self._part.write(untrusted_chunk)
        except Problem:
            self._drop()
            raise
        if self._part.plaintext_bytes >= PART_BYTES:
            self.finish()

    def finish(self) -> Upload:
        """Make durable what has arrived; how far the upload stands now."""
        part = self._part
        if part is None:
            return self.upload
        try:
            part.finish()
            with self._units.bookkeeping() as session:
                advanced = self._uploads.advance(session, self._actor, self.upload, part)
        except BaseException:  # not held back: a part that no row speaks of goes; whether one does may not be known
            self._drop()
            raise
        self.upload, self._part = advanced, None
        return advanced

    def _drop(self) -> None:
        part, self._part = self._part, None
        if part is not None:
            with contextlib.suppress(Unavailable):
                part.abort()
