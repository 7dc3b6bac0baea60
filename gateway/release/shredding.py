"""Shredding one original: proposed by one person, signed by a second, and then gone for anybody with any key.

1. Neither person alone: the second signs `shredding_statement` with their own key, and is not the first.
2. No release that may still leave uses the original.
3. In one transaction the wrapped keys of its bytes, and of everything made of it that did not leave, are destroyed;
   what was sealed about it is overwritten, in rows and in bodies of the log; uploads that may hold its bytes are
   forgotten; `original.shredded` says so.
4. Then the ciphertext is removed, and the database's files are cleaned of what was overwritten.

What left stays: packages, the released renditions and their decisions, and every leaf of the log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.audit.model import ERASING, Act
from gateway.audit.service import Log
from gateway.base import clock as times
from gateway.base.canon import Json
from gateway.base.clock import Clock
from gateway.base.ids import new_id
from gateway.base.problems import NotFound, Refused
from gateway.base.text import clean_line
from gateway.db.unit import Units
from gateway.intake.model import Original
from gateway.intake.service import Intake
from gateway.intake.uploads import Uploads
from gateway.keys.service import Keyring
from gateway.people.model import (
    Actor,
    NothingProposed,
    NotPermitted,
    Permission,
    SecondPersonNeeded,
    SignatureRefused,
)
from gateway.people.refusals import refusals_logged
from gateway.people.rules import permissions_of
from gateway.people.service import People
from gateway.people.statements import shredding_statement
from gateway.release.model import State
from gateway.release.tables import ReleaseRow, ShreddingRow
from gateway.render.service import Renders
from gateway.seal.signature import SignatureInvalid, from_text
from gateway.vault.model import Shredded
from gateway.vault.service import Vault

_LEFT = (State.DISPATCHED, State.ACKNOWLEDGED, State.RECALLED)
_OVER = (*_LEFT, State.REFUSED)


class OriginalInUse(Refused):
    """A release that may still leave is made of this original."""

    slug = "original-in-use"
    title = "The original is in a release that is not over"


@dataclass(frozen=True, slots=True)
class Proposed:
    """A shredding that waits for a second person's signature over `statement`."""

    id: str
    original: str
    matter: str
    proposer: str
    reason: str
    proposed_at: datetime
    statement: bytes


class Shredding:
    """Destroys originals, on the word of two people."""

    def __init__(
        self,
        units: Units,
        keyring: Keyring,
        log: Log,
        clock: Clock,
        people: People,
        vault: Vault,
        intake: Intake,
        uploads: Uploads,
        renders: Renders,
    ) -> None:
        self._units = units
        self._keyring = keyring
        self._log = log
        self._clock = clock
        self._people = people
        self._vault = vault
        self._intake = intake
        self._uploads = uploads
        self._renders = renders

    def propose(self, actor: Actor, original_id: str, reason: str) -> Proposed:
        """Propose to destroy an original; a later proposal takes the place of one that waits."""
        actor.require(Permission.ORIGINAL_SHRED)
        text = clean_line(reason, what="reason", max_chars=500)
        with (
            refusals_logged(self._log, "shredding.refused", actor=actor.person_id, subject=original_id),
            self._units.change() as session,
        ):
            self._people.require_still(session, actor, Permission.ORIGINAL_SHRED)
            original = self._intake.require_whole(session, original_id)
            self._check_unused(session, original_id)
            waiting = self._waiting_row(session, original_id)
            if waiting is not None:
                session.delete(waiting)
                session.flush()
            row = ShreddingRow(
                id=new_id("shr"),
                original=original.id,
                matter=original.matter,
                object_id=original.object_id,
                proposer=actor.person_id,
                proposed_at=self._clock.now(),
            )
            row.reason = self._keyring.seal_text(session, owner=row.matter, context=f"shredding:{row.id}", text=text)
            session.add(row)
            self._enter(session, actor, row, "original.shredding_proposed", {"proposal": row.id}, {"reason": text})
            return self._proposed(session, row)

    def waiting(self, original_id: str) -> Proposed:
        """The proposal that waits for a second signature on this original, or `NothingProposed`."""
        with self._units.read() as session:
            return self._proposed(session, self._waiting(session, original_id))

    def countersign(self, actor: Actor, original_id: str, signature: bytes) -> Original:
        """Destroy the original by a second person's signature over the proposal's statement; see the module."""
        actor.require(Permission.ORIGINAL_SHRED)
        with (
            refusals_logged(self._log, "shredding.refused", actor=actor.person_id, subject=original_id),
            self._units.change() as session,
        ):
            staged = self._uploads.shred(session, self._intake.require_whole(session, original_id))
            row = self._waiting(session, original_id)
            statement = self._check_second(session, actor, row, signature)
            left = self._check_unused(session, original_id)
            made = self._renders.shred(session, original_id, keep=left)
            objects = [row.object_id, *made.objects]
            keys = [self._vault.shred(session, one) for one in objects]
            original = self._intake.shred(session, original_id)
            bodies = self._log.erase_bodies(session, [original_id, *made.renditions])
            row.countersigner = actor.person_id
            facts: dict[str, Json] = {
                "object": row.object_id,
                "objects": len(objects),
                "bodies": bodies,
                "proposer": row.proposer,
                "proposal": row.id,
                "at": times.to_text(row.proposed_at),
                "statement_sha256": hashlib.sha256(statement).hexdigest(),
                "signature": signature.hex(),
            }
            row.entry = self._enter(session, actor, row, ERASING, facts, {"objects": objects, "keys": keys})
        self._vault.remove(self._units, objects)
        self._uploads.remove(staged)
        self._units.scrub()
        return original

    def again(self, session: Session, original_id: str) -> list[str]:
        """Destroy once more what a database that was put back has of a shredded original; the ids of its objects.

        Whatever was made of it and had not left by then goes too. Their ciphertext, without its key, is swept later.
        """
        try:
            original = self._intake.require_whole(session, original_id)
        except (NotFound, Shredded):
            return []
        self._uploads.shred(session, original)
        states = {one: session.get(ReleaseRow, held) for one, held in self._renders.of_original(session, original_id)}
        left = frozenset(one for one, release in states.items() if release is not None and release.state in _LEFT)
        made = self._renders.shred(session, original_id, keep=left)
        objects = [original.object_id, *made.objects]
        for one in objects:
            self._vault.shred(session, one)
        self._intake.shred(session, original_id)
        self._log.erase_bodies(session, [original_id, *made.renditions])
        return objects

    def _check_second(self, session: Session, actor: Actor, row: ShreddingRow, signature: bytes) -> bytes:
        second = self._people.require_still(session, actor, Permission.ORIGINAL_SHRED)
        if second.person_id == row.proposer:
            raise SecondPersonNeeded("You proposed this yourself; ask a second person to sign.")
        if Permission.ORIGINAL_SHRED not in permissions_of(self._people.standing(session, row.proposer).roles):
            raise NotPermitted("Who proposed this may no longer do so; propose it again.")
        statement = self._proposed(session, row).statement
        try:
            from_text(second.public_key).verify(signature, statement)
        except SignatureInvalid as error:
            raise SignatureRefused("The signature was not made by this person's key over this statement.") from error
        return statement

    def _check_unused(self, session: Session, original_id: str) -> frozenset[str]:
        """The original's renditions that left; `OriginalInUse` where one is in a release that may still leave."""
        left = set()
        for rendition, release_id in self._renders.of_original(session, original_id):
            release = session.get(ReleaseRow, release_id)
            if release is None or release.state not in _OVER:
                raise OriginalInUse(
                    "A release that is not over uses this original; withdraw its rendition first.", release=release_id
                )
            if release.state in _LEFT:
                left.add(rendition)
        return frozenset(left)

    @staticmethod
    def _waiting_row(session: Session, original_id: str) -> ShreddingRow | None:
        return session.scalar(
            select(ShreddingRow).where(ShreddingRow.original == original_id, ShreddingRow.entry.is_(None))
        )

    def _waiting(self, session: Session, original_id: str) -> ShreddingRow:
        row = self._waiting_row(session, original_id)
        if row is None:
            raise NothingProposed("Nobody proposed to shred this original; propose it first.")
        return row

    def _proposed(self, session: Session, row: ShreddingRow) -> Proposed:
        return Proposed(
            id=row.id,
            original=row.original,
            matter=row.matter,
            proposer=row.proposer,
            reason=self._keyring.open_text(session, owner=row.matter, context=f"shredding:{row.id}", sealed=row.reason),
            proposed_at=row.proposed_at,
            statement=shredding_statement(
                proposal=row.id,
                original=row.original,
                object_id=row.object_id,
                matter=row.matter,
                proposer=row.proposer,
                at=row.proposed_at,
            ),
        )

    def _enter(
        self,
        session: Session,
        actor: Actor,
        row: ShreddingRow,
        kind: str,
        facts: Mapping[str, Json],
        body: Mapping[str, Json],
    ) -> int:
        return self._log.append(
            session,
            Act(type=kind, actor=actor.person_id, matter=row.matter, subject=row.original, facts=facts, body=body),
        )
