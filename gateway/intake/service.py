"""Receiving originals: bounded, typed, encrypted while they stream, acknowledged with their entry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base.canon import Json, canonical
from gateway.base.clock import Clock
from gateway.base.ids import new_id
from gateway.base.problems import CheckFailed, Conflict, NotFound
from gateway.base.text import clean_line, nearest
from gateway.db import keyset
from gateway.db.unit import Units
from gateway.formats.ports import Format
from gateway.intake import rules, unfit
from gateway.intake.commitments import Commitments
from gateway.intake.model import (
    Classification,
    DefenceNexus,
    ExportControl,
    Original,
    PersonalData,
    Receipt,
    ThirdParty,
)
from gateway.intake.tables import OriginalRow
from gateway.keys.service import Keyring
from gateway.matter.service import Matters
from gateway.people.model import Actor, Permission
from gateway.vault.model import Shredded
from gateway.vault.service import Keeping, Vault

# An upload's receipt keeps every other writer waiting: its statements are built once, and sent past the session.
_INSERT = insert(OriginalRow)
_EARLIER = select(OriginalRow.id).where(
    OriginalRow.matter == bindparam("matter"),
    OriginalRow.uploader == bindparam("uploader"),
    OriginalRow.idempotency_key == bindparam("token"),
)


class KeyReused(Conflict):
    """An idempotency key came back with other bytes."""

    slug = "idempotency-key-reused"
    title = "This Idempotency-Key was used for something else"


class AnswersChanged(CheckFailed):
    """What is stored of an original's classification is not what was answered last."""

    slug = "answers-changed"
    title = "An original's answers differ from the log"


@dataclass(frozen=True, slots=True)
class KindIntake:
    """What may arrive for one kind: the formats that take it and how large it may be."""

    formats: tuple[Format, ...]
    limit_bytes: int

    @property
    def media_types(self) -> frozenset[str]:
        """All media types that fit."""
        return frozenset(media for one in self.formats for media in one.media_types)

    def type_of(self, untrusted_head: bytes, kind: str) -> str:
        """The media type that the first bytes show, if `kind` takes it. Raises `UnsupportedFormat`."""
        refused = unfit.recognised(untrusted_head, self.media_types)
        if refused is not None:
            raise rules.UnsupportedFormat(refused.sentence, accepts=sorted(self.media_types))
        shown = next((media for one in self.formats if (media := one.sniff(untrusted_head))), None)
        return rules.check_type(shown, self.media_types, kind)


class Receiving:
    """One upload in flight. Use as a context manager: leaving it unfinished leaves no trace."""

    def __init__(self, keeping: Keeping, kind: str, intake: KindIntake, announced: str | None) -> None:
        self._keeping = keeping
        self._kind = kind
        self._intake = intake
        self._announced = announced
        self._head = bytearray()
        self._media_type: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._keeping.abort()

    def write(self, untrusted_chunk: bytes | bytearray | memoryview) -> None:
        """Take the next bytes; refuses as soon as size or type is out of bounds."""
        rules.check_size(self._keeping.plaintext_bytes + len(untrusted_chunk), self._intake.limit_bytes)
        missing = rules.HEAD_BYTES - len(self._head)
        if missing > 0:
            self._head += untrusted_chunk[:missing]
            if len(self._head) == rules.HEAD_BYTES:
                self._settle_type()
        self._keeping.write(untrusted_chunk)

    def finish(self) -> tuple[Keeping, str]:
        """Make the ciphertext durable; gives it back with the media type its content shows."""
        if self._keeping.plaintext_bytes == 0:
            raise rules.EmptyBody("The upload is empty; send the file's bytes as the request body.")
        media_type = self._media_type or self._settle_type()
        rules.check_digest(self._announced, self._keeping.sha256)
        self._keeping.finish()
        return self._keeping, media_type

    def _settle_type(self) -> str:
        self._media_type = self._intake.type_of(bytes(self._head), self._kind)
        return self._media_type


@dataclass(frozen=True, slots=True)
class Arrived:
    """One of several originals that came as one: durable, typed, and not yet recorded."""

    keeping: Keeping
    media_type: str
    file_name: str | None


class Intake:
    """Takes originals in and answers for what they are."""

    def __init__(
        self,
        units: Units,
        keyring: Keyring,
        log: Log,
        clock: Clock,
        vault: Vault,
        matters: Matters,
        kinds: Mapping[str, KindIntake],
        commitments: Commitments,
    ) -> None:
        self._units = units
        self._keyring = keyring
        self._log = log
        self._clock = clock
        self._vault = vault
        self._matters = matters
        self._kinds = kinds
        self._commitments = commitments

    def begin(self, actor: Actor, matter_id: str, kind: str, content_digest: str | None) -> Receiving:
        """Open an upload into a matter. The caller writes chunks, then calls `keep`."""
        intake = self.admit(actor, matter_id, kind)
        announced = rules.announced_sha256(content_digest)
        return Receiving(self._vault.begin(matter=matter_id, role="original"), kind, intake, announced)

    def admit(self, actor: Actor, matter_id: str, kind: str) -> KindIntake:
        """What this person may send into this matter as originals of a kind."""
        actor.require(Permission.ORIGINAL_UPLOAD)
        self._matters.require(matter_id)
        return self.kind(kind)

    def kind(self, kind: str) -> KindIntake:
        """What may arrive for a kind."""
        intake = self._kinds.get(kind)
        if intake is None:
            raise rules.UnsupportedFormat(
                f"There is no kind of that name; this gateway takes {nearest(kind, self._kinds)}.",
                kinds=sorted(self._kinds),
            )
        return intake

    def keep(
        self,
        actor: Actor,
        matter_id: str,
        kind: str,
        receiving: Receiving,
        *,
        file_name: str | None,
        idempotency_key: str | None,
    ) -> Receipt:
        """Finish an upload: the blob is durable first, then row, wrapped key and entry commit together."""
        token = None if idempotency_key is None else token_of(idempotency_key)
        return self.keep_once(actor, matter_id, kind, receiving, file_name=file_name, token=token)

    def keep_once(
        self, actor: Actor, matter_id: str, kind: str, receiving: Receiving, *, file_name: str | None, token: str | None
    ) -> Receipt:
        """`keep` under the digest of a key: what was kept under it before is not kept again."""
        name = clean_line(file_name, what="file name", max_chars=255) if file_name else None
        keeping, media_type = receiving.finish()
        with self._units.change() as session:
            earlier = self._earlier(session, matter_id, actor.person_id, token)
            if earlier is None:
                arrived = Arrived(keeping, media_type, name)
                return self._record(session, actor, matter_id, kind, (arrived,), (token,))[0]
        keeping.abort()
        if (earlier.sha256, earlier.kind) != (keeping.sha256, kind):
            raise KeyReused("This Idempotency-Key was used for another upload; choose a new key.")
        return earlier

    def keep_all(
        self, actor: Actor, matter_id: str, kind: str, arrived: Sequence[Arrived], *, idempotency_key: str | None
    ) -> tuple[Receipt, ...]:
        """Keep several originals that arrived as one: all of them or none, under one key."""
        tokens = tuple(_token_of_member(idempotency_key, number) for number in range(1, len(arrived) + 2))
        with self._units.change() as session:
            # One more than there are: under this key more may have been kept before.
            earlier = [self._earlier(session, matter_id, actor.person_id, token) for token in tokens]
            if not any(earlier):
                return self._record(session, actor, matter_id, kind, arrived, tokens[:-1])
        same = [None if one is None else (one.sha256, one.kind) for one in earlier]
        if same != [*((one.keeping.sha256, kind) for one in arrived), None]:
            raise KeyReused("This Idempotency-Key was used for another upload; choose a new key.")
        return tuple(one for one in earlier if one is not None)

    def classify(self, actor: Actor, original_id: str, answers: Classification) -> Original:
        """Record the four answers. A later answer replaces the earlier one; both stay in the log."""
        actor.require(Permission.ORIGINAL_CLASSIFY)
        if answers.licence_number is not None:
            clean_line(answers.licence_number, what="licence number")
        text = canonical(asdict(answers)).decode()
        with self._units.change() as session:
            row = self._whole(session, original_id)
            row.classification = self._keyring.seal_text(
                session, owner=row.matter, context=f"classification:{row.id}", text=text
            )
            self._log.append(
                session,
                Act(
                    type="original.classified",
                    actor=actor.person_id,
                    matter=row.matter,
                    subject=row.id,
                    body={"answers": json.loads(text)},
                ),
            )
            return self._original(session, row)

    def get(self, original_id: str) -> Original:
        """One original, or `NotFound`."""
        with self._units.read() as session:
            return self._original(session, self._row(session, original_id))

    def originals(
        self, matter_id: str, *, kind: str | None = None, after: str | None = None, limit: int | None = None
    ) -> tuple[Original, ...]:
        """At most `limit` originals of a matter, oldest first, from behind the one with the id `after` on."""
        mine = select(OriginalRow).where(OriginalRow.matter == matter_id)
        query = keyset.part(mine, OriginalRow.id, after=after, limit=limit)
        if kind is not None:
            query = query.where(OriginalRow.kind == kind)
        with self._units.read() as session:
            return tuple(self._original(session, row) for row in session.scalars(query).all())

    def unanswered(self, *, limit: int) -> tuple[Original, ...]:
        """At most `limit` originals of all matters whose four questions nobody has answered, oldest first."""
        open_ones = OriginalRow.classification.is_(None), OriginalRow.shredded_at.is_(None)
        query = select(OriginalRow).where(*open_ones).order_by(OriginalRow.id).limit(limit)
        with self._units.read() as session:
            return tuple(self._original(session, row) for row in session.scalars(query).all())

    def require_whole(self, session: Session, original_id: str) -> Original:
        """The original as the caller's unit sees it, or `Shredded`."""
        return self._original(session, self._whole(session, original_id))

    def check_entered(self, session: Session, original_id: str) -> None:
        """Raise `AnswersChanged` unless the four answers are those of the newest entry that records any."""
        newest = self._log.newest_of(session, types=("original.classified",), subject=original_id)
        body = None if newest is None else self._log.body(newest[0])
        answers = self._original(session, self._whole(session, original_id)).classification
        if body is None or answers is None or body["answers"] != json.loads(canonical(asdict(answers))):
            raise AnswersChanged("An original's answers are not those the log holds; answer the four questions again.")

    def shred(self, session: Session, original_id: str) -> Original:
        """Overwrite everything that is sealed about the original, in the unit that destroys its key."""
        row = self._row(session, original_id)
        row.sealed, row.classification, row.shredded_at = b"", None, self._clock.now()
        session.flush()
        self._commitments.shred(session, original_id)
        return self._original(session, row)

    def format_of(self, original: Original) -> Format:
        """The format that takes this original."""
        return self._form(original.kind, original.media_type)

    def _form(self, kind: str, media_type: str) -> Format:
        return next(one for one in self._kinds[kind].formats if media_type in one.media_types)

    def _record(
        self,
        session: Session,
        actor: Actor,
        matter_id: str,
        kind: str,
        arrived: Sequence[Arrived],
        tokens: Sequence[str | None],
    ) -> tuple[Receipt, ...]:
        """Row, wrapped key and entry of each, the entries written together."""
        kept = [(new_id("org"), self._vault.record(session, one.keeping).id) for one in arrived]
        acts = [_kept(actor, matter_id, kind, one, *ids) for one, ids in zip(arrived, kept, strict=True)]
        entries = self._log.append_all(session, acts)
        receipts = []
        for one, token, (original_id, object_id), index in zip(arrived, tokens, kept, entries, strict=True):
            told, context = canonical(_told(one)).decode(), f"original:{original_id}"
            sealed = self._keyring.seal_text(session, owner=matter_id, context=context, text=told)
            row = {
                "id": original_id,
                "matter": matter_id,
                "kind": kind,
                "media_type": one.media_type,
                "object_id": object_id,
                "size_bytes": one.keeping.plaintext_bytes,
                "uploader": actor.person_id,
                "idempotency_key": token,
                "audit_index": index,
                "sealed": sealed,
                "created_at": self._clock.now(),
            }
            session.connection().execute(_INSERT, row)
            self._commitments.enqueue(session, original_id, self._form(kind, one.media_type))
            size_bytes, sha256 = one.keeping.plaintext_bytes, one.keeping.sha256
            receipts.append(Receipt(original_id, kind, one.media_type, size_bytes, sha256, index))
        return tuple(receipts)

    def _earlier(self, session: Session, matter_id: str, uploader: str, token: str | None) -> Receipt | None:
        if token is None:
            return None
        told = {"matter": matter_id, "uploader": uploader, "token": token}
        earlier = session.connection().scalar(_EARLIER, told)
        return None if earlier is None else self.receipt(session, earlier)

    def receipt(self, session: Session, original_id: str) -> Receipt:
        """The receipt of an original, as it was first given."""
        row = self._row(session, original_id)
        original = self._original(session, row)
        if original.sha256 is None:
            raise Shredded("What was uploaded with this Idempotency-Key was shredded; choose a new key.")
        return Receipt(row.id, row.kind, row.media_type, row.size_bytes, original.sha256, row.audit_index)

    def _row(self, session: Session, original_id: str) -> OriginalRow:
        row = session.get(OriginalRow, original_id)
        if row is None:
            raise NotFound("There is no original with this id.")
        return row

    def _whole(self, session: Session, original_id: str) -> OriginalRow:
        row = self._row(session, original_id)
        if row.shredded_at is not None:
            raise Shredded("This original was shredded on purpose; upload it again if it is needed.")
        return row

    def _original(self, session: Session, row: OriginalRow) -> Original:
        told = {"sha256": None, "file_name": None}
        if row.shredded_at is None:
            told = json.loads(
                self._keyring.open_text(session, owner=row.matter, context=f"original:{row.id}", sealed=row.sealed)
            )
        answers = None
        if row.classification is not None:
            answers = _classification(
                json.loads(
                    self._keyring.open_text(
                        session,
                        owner=row.matter,
                        context=f"classification:{row.id}",
                        sealed=row.classification,
                    )
                )
            )
        return Original(
            id=row.id,
            matter=row.matter,
            kind=row.kind,
            media_type=row.media_type,
            object_id=row.object_id,
            size_bytes=row.size_bytes,
            sha256=told["sha256"],
            file_name=told["file_name"],
            uploader=row.uploader,
            classification=answers,
            created_at=row.created_at,
            shredded_at=row.shredded_at,
        )


def _told(arrived: Arrived) -> dict[str, Json]:
    """What is said of an original under a key alone."""
    return {"sha256": arrived.keeping.sha256, "file_name": arrived.file_name}


def _kept(actor: Actor, matter_id: str, kind: str, arrived: Arrived, original_id: str, object_id: str) -> Act:
    facts: dict[str, Json] = {
        "kind": kind,
        "media_type": arrived.media_type,
        "size_bytes": arrived.keeping.plaintext_bytes,
        "object": object_id,
    }
    return Act("original.kept", actor.person_id, matter_id, original_id, facts, _told(arrived))


def _classification(told: Mapping[str, Any]) -> Classification:
    return Classification(
        export_control=ExportControl(told["export_control"]),
        personal_data=PersonalData(told["personal_data"]),
        third_party=ThirdParty(told["third_party"]),
        defence_nexus=DefenceNexus(told["defence_nexus"]),
        licence_number=told["licence_number"],
    )


def token_of(idempotency_key: str) -> str:
    """Keys are kept as digests: what a client puts into one is its own business."""
    return hashlib.sha256(idempotency_key.encode()).hexdigest()


def _token_of_member(idempotency_key: str | None, number: int) -> str | None:
    """No key holds a blank, so that none is that of another key's member."""
    if idempotency_key is None:
        return None
    return token_of(idempotency_key if number == 1 else f"{idempotency_key} {number}")
