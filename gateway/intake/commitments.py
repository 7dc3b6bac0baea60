"""Commitments to tables: made by a worker as soon as the original is there, logged before anything is made of it.

1. Whatever arrives as a table is due in the transaction that keeps it. A worker reads it in the sandbox, commits to
   every cell some times over (*slots*) and enters the roots, in one transaction, once. Nothing is rendered before.
2. What cannot be read as it came, or is too large, is entered as not committed; it can still be released, unproven.
3. A slot is opened for one release and no other: what two recipients of one slot were given could be laid side by side.
4. Salts and orders come from the key of the original's bytes: they are gone once it is shredded.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import choice

from sqlalchemy import ColumnElement, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base.canon import Json, canonical
from gateway.base.problems import CheckFailed, Problem, Unavailable
from gateway.db.unit import Units
from gateway.formats.committed import Slot, committed, opened, slots_for
from gateway.formats.model import Table
from gateway.formats.ports import Format
from gateway.intake.tables import CommitLeaseRow, CommitmentRow, OriginalRow
from gateway.keys.model import KeyShredded
from gateway.keys.service import Keyring
from gateway.sandbox.budget import Budgeted
from gateway.sandbox.ports import Sandbox
from gateway.sandbox.problems import SandboxDown
from gateway.seal.table_commitment import order_key, places, slot_secret
from gateway.vault.service import Vault

COMMITTED, NOT_COMMITTED = "original.committed", "original.not_committed"
MAX_ATTEMPTS = 5
_LEASE_S = 60.0
_RETRY_S = 5.0
_PURPOSE = b"table-commitment/v1"

# An upload's receipt keeps every other writer waiting: the statement is built once, and sent past the session.
_DUE = insert(CommitLeaseRow)


class CommitmentChanged(CheckFailed):
    """What is stored of a commitment is not what the log holds."""

    slug = "commitment-changed"
    title = "A commitment differs from the log"


class SlotTaken(Unavailable):
    """Two releases reached for one commitment; the later takes another one."""

    slug = "commitment-taken"
    title = "The commitment was opened for another release meanwhile"


@dataclass(frozen=True, slots=True)
class Opening:
    """One slot, ready to be opened for one release, and the entry of the log that holds its root."""

    number: int
    entry: int
    slot: Slot
    secret: bytes

    @property
    def order(self) -> bytes:
        """What keys the order of the rows."""
        return order_key(self.secret)

    def proof(self, columns: tuple[int, ...]) -> bytes:
        """What opens these columns, counted from 0, and no others."""
        return opened(self.slot, self.secret, columns)


class Commitments:
    """Commits to tables, and gives each release a commitment of its own."""

    def __init__(
        self,
        units: Units,
        keyring: Keyring,
        log: Log,
        vault: Vault,
        sandbox: Sandbox,
        forms: Mapping[str, Format],
        slots: int,
    ) -> None:
        self._units = units
        self._keyring = keyring
        self._log = log
        self._vault = vault
        self._sandbox = sandbox
        self._forms = forms
        self._slots = slots

    def enqueue(self, session: Session, original_id: str, form: Format) -> None:
        """Have the original committed to, if it is a table; in the transaction that keeps it."""
        if self._slots and form.name in self._forms:
            session.connection().execute(_DUE, {"original": original_id, "lease_until": 0.0, "attempt": 0})

    def step(self) -> bool:
        """Commit to the oldest original that is due and nobody is at, if there is one."""
        due = select(CommitLeaseRow.original).where(_run_out()).order_by(CommitLeaseRow.original).limit(1)
        with self._units.read() as session:
            original_id = session.scalar(due)
        return original_id is not None and self._carried_out(original_id, _run_out())

    def ensure(self, original_id: str) -> None:
        """Commit now where that is still due. Where two are at it, the first to end counts, and the other is idle."""
        with self._units.read() as session:
            due = session.get(CommitLeaseRow, original_id) is not None
        if due:
            self._carried_out(original_id)

    def opening(self, session: Session, original_id: str, release: str) -> Opening | None:
        """The slot of this release, or one that is free, drawn at random; None where there is none left."""
        rows = session.scalars(select(CommitmentRow).where(CommitmentRow.original == original_id)).all()
        fitting = [row for row in rows if row.release == release] or [row for row in rows if row.release is None]
        if not fitting:
            return None
        # Which number it is would say how many releases there were before.
        return self._opening(session, choice(fitting))

    @staticmethod
    def take(session: Session, original_id: str, number: int, release: str) -> None:
        """Keep the slot for this release, in the unit that keeps what is proven by it. Raises `SlotTaken`."""
        row = session.get(CommitmentRow, (original_id, number))
        if row is None or row.release not in (None, release):
            raise SlotTaken("Another release took this commitment; the rendition is made once more.")
        row.release = release
        session.flush()

    @staticmethod
    def shred(session: Session, original_id: str) -> None:
        """Forget what opens the commitments to an original, in the unit that destroys its key."""
        opening = update(CommitmentRow).where(CommitmentRow.original == original_id).values(sealed=b"")
        session.execute(opening.execution_options(synchronize_session=False))
        session.execute(delete(CommitLeaseRow).where(CommitLeaseRow.original == original_id))

    def _opening(self, session: Session, row: CommitmentRow) -> Opening:
        found = self._log.newest_of(session, types=(COMMITTED,), subject=row.original)
        roots = [] if found is None else found[1]["facts"]["commitments"]
        slot = Slot.from_json(json.loads(self._opened(session, row)))
        if found is None or row.slot >= len(roots) or roots[row.slot] != slot.root:
            raise CommitmentChanged("A stored commitment is not the one that was logged; restore it from a backup.")
        secret = self._secret(session, row.original, row.slot)
        if places(secret, len(slot.places)) != slot.places:
            raise CommitmentChanged("The key of an original is not the one that its commitments were made with.")
        return Opening(row.slot, found[0], slot, secret)

    def _opened(self, session: Session, row: CommitmentRow) -> str:
        return self._keyring.open_text(
            session, owner=self._matter(session, row.original), context=_context(row), sealed=row.sealed
        )

    def _secret(self, session: Session, original_id: str, number: int) -> bytes:
        original = session.get_one(OriginalRow, original_id)
        return slot_secret(self._vault.derived_key(session, original.object_id, _PURPOSE), number)

    @staticmethod
    def _matter(session: Session, original_id: str) -> str:
        return session.get_one(OriginalRow, original_id).matter

    def _carried_out(self, original_id: str, *unless: ColumnElement[bool]) -> bool:
        attempt = self._claim(original_id, *unless)
        if attempt is None:
            return False
        try:
            slots = self._made(original_id) if attempt <= MAX_ATTEMPTS else "given-up"
        except KeyShredded:
            self._forget(original_id)
            return True
        except Unavailable as problem:
            # No key, no disk space: that can be mended. What makes the sandbox die under it may be the original.
            self._give_back(original_id, attempt if isinstance(problem, SandboxDown) else attempt - 1)
            raise
        except Problem as problem:
            slots = problem.slug
        self._enter(original_id, slots)
        return True

    def _made(self, original_id: str) -> tuple[Slot, ...] | str:
        """A commitment for every slot; or, in a word, why there is none."""
        with self._units.read() as session:
            row = session.get_one(OriginalRow, original_id)
            media_type, object_id = row.media_type, row.object_id
            secrets = [self._secret(session, original_id, number) for number in range(self._slots)]
            with self._vault.open(session, object_id) as source:
                untrusted = source.read()
        form = next(one for one in self._forms.values() if media_type in one.media_types)
        table = form.read(untrusted, media_type, Budgeted(self._sandbox))
        if not isinstance(table, Table):
            raise TypeError("only tables are committed to")
        count = slots_for(table, self._slots)
        return tuple(committed(table, secret) for secret in secrets[:count]) or "too-large"

    def _enter(self, original_id: str, slots: tuple[Slot, ...] | str) -> None:
        """The roots and what opens them, in one transaction, once: the lease goes with it."""
        with self._units.change() as session:
            lease, original = session.get(CommitLeaseRow, original_id), session.get_one(OriginalRow, original_id)
            if lease is None or original.shredded_at is not None:
                return
            session.delete(lease)
            facts: dict[str, Json] = {"reason": slots} if isinstance(slots, str) else {}
            if not isinstance(slots, str):
                facts["commitments"] = [slot.root for slot in slots]
                for number, slot in enumerate(slots):
                    row = CommitmentRow(original=original_id, slot=number, release=None)
                    row.sealed = self._keyring.seal_text(
                        session,
                        owner=original.matter,
                        context=_context(row),
                        text=canonical(slot.to_json()).decode(),
                    )
                    session.add(row)
            kind = NOT_COMMITTED if isinstance(slots, str) else COMMITTED
            self._log.append(
                session, Act(type=kind, actor="worker", matter=original.matter, subject=original_id, facts=facts)
            )

    def _claim(self, original_id: str, *unless: ColumnElement[bool]) -> int | None:
        """Which attempt this is; None where it is done, or is not as it has to be."""
        taking = (
            update(CommitLeaseRow)
            .where(CommitLeaseRow.original == original_id, *unless)
            .values(lease_until=time.time() + _LEASE_S, attempt=CommitLeaseRow.attempt + 1)
            .returning(CommitLeaseRow.attempt)
            .execution_options(synchronize_session=False)
        )
        with self._units.bookkeeping() as session:
            return session.scalar(taking)

    def _give_back(self, original_id: str, attempt: int) -> None:
        giving = (
            update(CommitLeaseRow)
            .where(CommitLeaseRow.original == original_id)
            .values(lease_until=time.time() + _RETRY_S, attempt=attempt)
            .execution_options(synchronize_session=False)
        )
        with self._units.bookkeeping() as session:
            session.execute(giving)

    def _forget(self, original_id: str) -> None:
        with self._units.bookkeeping() as session:
            session.execute(delete(CommitLeaseRow).where(CommitLeaseRow.original == original_id))


def _context(row: CommitmentRow) -> str:
    return f"commitment:{row.original}:{row.slot}"


def _run_out() -> ColumnElement[bool]:
    """Held by nobody; a lease far in the future was written before the clock was set back, and holds nothing."""
    now = time.time()
    return or_(CommitLeaseRow.lease_until < now, CommitLeaseRow.lease_until > now + 2 * _LEASE_S)
