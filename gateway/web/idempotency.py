"""Same key and same request, same answer: a repeated write is not carried out again.

1. Inside the act's own transaction a record of its key is written, with the newest entry of the log.
2. After the commit the answer is sealed into the record, unless it is past `ANSWER_BYTES_MAX`.
3. A repetition gets the sealed answer. Where there is none, because a crash came between 1 and 2, the entry tells
   whether the act was completed: if so the answer is made again from what the act left behind, if not the act is
   carried out.

Refused and failed acts leave no lasting record; a repetition is judged anew.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import BigInteger, LargeBinary, String, delete, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from gateway.audit.service import Log
from gateway.base.canon import canonical
from gateway.base.clock import Clock
from gateway.base.problems import Conflict, Problem
from gateway.base.units import MIB
from gateway.db.metadata import Base, UtcTime
from gateway.db.unit import Units, riding
from gateway.intake.service import KeyReused
from gateway.keys.service import Keyring

KEPT_FOR: Final = timedelta(days=7)
DEPLOYMENT: Final = "deployment"
PATIENCE_S: Final = 20.0
ANSWER_BYTES_MAX: Final = MIB

_log = logging.getLogger("gateway.web")
_T = TypeVar("_T")


class StillRunning(Conflict):
    """The first request with this key has not been answered yet."""

    slug = "still-running"
    title = "The first request with this key is still running"


class IdempotencyRow(Base):
    """One write that was carried out under a key. Keys are kept as digests, `answer` is sealed under `owner`'s key."""

    __tablename__ = "idempotency"

    person: Mapped[str] = mapped_column(String(40), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    request: Mapped[str] = mapped_column(String(64))
    entry: Mapped[int] = mapped_column(BigInteger)
    owner: Mapped[str | None] = mapped_column(String(40))
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcTime, index=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a write answers; `owner` is the matter whose key seals it while it is kept, or the deployment."""

    status: int
    body: bytes
    location: str | None = None
    owner: str = DEPLOYMENT
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Work(Generic[_T]):
    """A write: the act, how its result is shown, the types of the entry it ends with, and how to find its result again
    by that entry.
    """

    act: Callable[[], _T]
    show: Callable[[_T], Answer]
    entries: frozenset[str]
    again: Callable[[Mapping[str, Any]], _T]


class Idempotency:
    """Carries writes out once."""

    def __init__(self, units: Units, keyring: Keyring, log: Log, clock: Clock) -> None:
        self._units = units
        self._keyring = keyring
        self._audit = log
        self._clock = clock
        self._running: set[tuple[str, str]] = set()
        self._ended = threading.Condition()

    def carry_out(self, person: str, key: str | None, request: str, work: Work[_T]) -> Answer:
        """The answer to `work`; `request` is a digest of everything the sender said."""
        if key is None:
            return work.show(work.act())
        name = hashlib.sha256(key.encode("ascii")).hexdigest()
        with self._alone(person, name):
            return self._earlier(person, name, request, work) or self._now(person, name, request, work)

    @staticmethod
    def forget_answers(owner: str) -> Callable[[Session], None]:
        """A rider that overwrites every kept answer sealed under `owner`'s key; their records stay."""

        def forget(session: Session) -> None:
            session.execute(update(IdempotencyRow).where(IdempotencyRow.owner == owner).values(answer=None))

        return forget

    def _now(self, person: str, name: str, request: str, work: Work[_T]) -> Answer:
        row = IdempotencyRow(person=person, key=name, request=request, created_at=self._clock.now())
        with riding(lambda session: self._ride(session, row)):
            done = work.act()
        answer = work.show(done)
        try:
            self._keep(person, name, answer)
        except Problem as problem:
            # The act is done and its record is there: a repetition finds the result by the entry.
            _log.warning("an answer was not kept for repetition: %s", problem.slug)
        return answer

    def _ride(self, session: Session, row: IdempotencyRow) -> None:
        """Inside the act's transaction; an act of several transactions moves the entry on with each."""
        entry = self._audit.size_in(session) - 1
        written = session.get(IdempotencyRow, (row.person, row.key))
        if written is None:
            session.add(
                IdempotencyRow(
                    person=row.person, key=row.key, request=row.request, entry=entry, created_at=row.created_at
                )
            )
        else:
            written.entry = entry

    def _earlier(self, person: str, name: str, request: str, work: Work[_T]) -> Answer | None:
        with self._units.read() as session:
            row = session.get(IdempotencyRow, (person, name))
            if row is None:
                return None
            kept = self._opened(session, row)
        if kept is None:
            entry = json.loads(self._audit.entry(row.entry))
            if entry["type"] not in work.entries or entry["actor"] != person:
                self._forget(person, name)
                return None
        if row.request != request:
            raise KeyReused("This Idempotency-Key was used for another request; choose a new key.")
        if kept is None:
            answer = work.show(work.again(entry))
            kept = Answer(answer.status, answer.body, answer.location, answer.owner, repeated=True)
        return kept

    def _keep(self, person: str, name: str, answer: Answer) -> None:
        told = {
            "status": answer.status,
            "location": answer.location,
            "body": base64.b64encode(answer.body).decode("ascii"),
        }
        with self._units.bookkeeping() as session:
            old = delete(IdempotencyRow).where(IdempotencyRow.created_at < self._clock.now() - KEPT_FOR)
            session.execute(old)
            row = session.get(IdempotencyRow, (person, name))
            if row is not None and len(answer.body) <= ANSWER_BYTES_MAX:
                row.owner = answer.owner
                row.answer = self._keyring.seal_bytes(
                    session, owner=answer.owner, context=_context(person, name), data=canonical(told)
                )

    def _forget(self, person: str, name: str) -> None:
        with self._units.bookkeeping() as session:
            session.execute(delete(IdempotencyRow).where(IdempotencyRow.person == person, IdempotencyRow.key == name))

    def _opened(self, session: Session, row: IdempotencyRow) -> Answer | None:
        if row.answer is None or row.owner is None:
            return None
        told = json.loads(
            self._keyring.open_bytes(session, owner=row.owner, context=_context(row.person, row.key), sealed=row.answer)
        )
        return Answer(told["status"], base64.b64decode(told["body"]), told["location"], row.owner, repeated=True)

    @contextmanager
    def _alone(self, person: str, name: str) -> Iterator[None]:
        """One request with this key at a time: a repetition waits for the first to end, within bounds."""
        with self._ended:
            if not self._ended.wait_for(lambda: (person, name) not in self._running, timeout=PATIENCE_S):
                raise StillRunning(
                    "The first request with this Idempotency-Key is still running; repeat it later.", retry_after_s=1
                )
            self._running.add((person, name))
        try:
            yield
        finally:
            with self._ended:
                self._running.discard((person, name))
                self._ended.notify_all()


def _context(person: str, name: str) -> str:
    return f"idempotency/{person}/{name}"
