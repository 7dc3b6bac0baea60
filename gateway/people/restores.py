"""A database that was put back behind its log, declared by two people: what is missing is replayed, or given up.

1. Nothing is restored that the log itself would go on with, and nothing whose entries were changed.
2. An administrator and a second person, who may countersign, sign one statement of what is left and what was known.
3. With an export that has the missing entries the log is made whole again; the rows of those acts are not.
4. Without one a new log continues what is left (`gateway.seal.succession`), and says that it does.

Everything is one transaction: killed in between, the gateway refuses to start as before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from gateway.audit import replay
from gateway.audit.lineage import CONTINUED, SUBJECT
from gateway.audit.model import Act, PutBack, RestoreRefused
from gateway.audit.service import Log
from gateway.audit.succession import Successions
from gateway.base import clock as times
from gateway.base.canon import Json, canonical, parse_canonical
from gateway.base.clock import Clock
from gateway.base.problems import Usage
from gateway.base.text import clean_line
from gateway.db.unit import Units
from gateway.people import register, rules
from gateway.people.model import Permission, SecondPersonNeeded, SignatureRefused, StatementMalformed
from gateway.people.statements import STATEMENT_BYTES_MAX
from gateway.seal.signature import SignatureInvalid, from_text

RESTORE_TYPE = "disclosure-gateway/restore/v1"
REPLAYED = "log.replayed"
_REASON_CHARS = 500

# Destroys in the caller's unit what an original, shredded by an entry that is replayed, left in the database.
ShredAgain = Callable[[Session, str], object]


@dataclass(frozen=True, slots=True)
class Restored:
    """The entry of a restore, the log's name from then on, and which entries are still without their rows or gone."""

    entry: int
    name: str
    start: int
    stop: int
    shredded: tuple[str, ...] = ()


class Restores:
    """Declares that a database was put back, on the word of two people."""

    def __init__(
        self, units: Units, log: Log, successions: Successions, clock: Clock, deployment: str, again: ShredAgain
    ) -> None:
        self._units = units
        self._log = log
        self._successions = successions
        self._clock = clock
        self._deployment = deployment
        self._again = again

    def statement(self, export: Path | None = None) -> bytes:
        """What the two people sign: what is left, what was known, and whether entries are replayed from `export`."""
        with self._units.read() as session:
            put_back = self._log.put_back(session)
            if export is not None:
                self._successions.check_replay(session, put_back, export)
            return self._statement(put_back, export, self._clock.now())

    def declare(
        self, statement: bytes, signatures: Mapping[str, bytes], reason: str, export: Path | None = None
    ) -> Restored:
        """Restore as `statement` says, signed by both; `signatures` are by the people's ids. See the module."""
        reason = clean_line(reason, what="reason", max_chars=_REASON_CHARS)
        at = _time_of(statement)
        rules.check_founding_time(at, self._clock.now())
        if export is not None:
            with self._units.read() as session:
                self._successions.check_replay(session, self._log.put_back(session), export)
        with self._units.change() as session:
            put_back = self._log.put_back(session)
            if statement != self._statement(put_back, export, at):
                raise RestoreRefused(
                    "The signed statement is of another state of this log, or of another export; write a new one."
                )
            admin, declared = self._declared(session, statement, signatures)
            body: Mapping[str, Json] = {"reason": reason}
            if export is None:
                act = Act(CONTINUED, admin, subject=SUBJECT, facts={"declared": declared}, body=body)
                done = self._successions.continue_after(session, put_back, act)
                restored = Restored(done.entry, done.name, put_back.left.size, put_back.known.size)
            else:
                found = self._successions.replay(session, put_back, export)
                for original in found.shredded:
                    self._again(session, original)
                facts: Mapping[str, Json] = {"from": found.start, "to": found.stop, "declared": declared}
                entry = self._log.append(session, Act(REPLAYED, admin, subject=SUBJECT, facts=facts, body=body))
                restored = Restored(entry, put_back.left.origin, found.start, found.stop, tuple(found.shredded))
        self._units.scrub()
        self._log.checkpoint()
        return restored

    def _statement(self, put_back: PutBack, export: Path | None, at: datetime) -> bytes:
        left, known = put_back.left, put_back.known
        replayed: Json = None
        if export is not None:
            replayed = hashlib.sha256(replay.checkpoint_in(export).encode("utf-8")).hexdigest()
        return canonical(
            {
                "type": RESTORE_TYPE,
                "deployment": self._deployment,
                "log": left.origin,
                "left": {"size": left.size, "root": left.root.hex()},
                "known": {"size": known.size, "root": known.root.hex()},
                "replayed_checkpoint_sha256": replayed,
                "at": times.to_text(at),
            }
        )

    def _declared(
        self, session: Session, statement: bytes, signatures: Mapping[str, bytes]
    ) -> tuple[str, Mapping[str, Json]]:
        """Who declares it, and what the entry says of both; the log gave them key and roles, or they are refused."""
        if len(signatures) != len(("administrator", "second person")):
            raise SecondPersonNeeded("A restore is declared by two people: an administrator, and one who countersigns.")
        granted: dict[str, frozenset[Permission]] = {}
        said: list[Json] = []
        for person, signature in sorted(signatures.items()):
            held = register.standing(session, person)
            held.require_active()
            register.check_granted(session, held, self._log.entry_in)
            try:
                from_text(held.public_key).verify(signature, statement)
            except SignatureInvalid as error:
                raise SignatureRefused(
                    "A signature was not made by this person's key over this statement; sign the file again."
                ) from error
            granted[person] = rules.permissions_of(held.roles)
            said.append({"person": person, "key": held.public_key, "signature": signature.hex()})
        return _declarer(granted), {"statement": parse_canonical(statement), "signatures": said}


def _declarer(granted: Mapping[str, frozenset[Permission]]) -> str:
    """Which of the two declares it, the other one countersigning."""
    people: Sequence[str] = sorted(granted)
    for one, other in (people, people[::-1]):
        if Permission.PEOPLE_PROPOSE in granted[one] and Permission.PEOPLE_COUNTERSIGN in granted[other]:
            return one
    raise SecondPersonNeeded(
        "One of the two is an administrator, and the other legal, privacy, auditor or a second one."
    )


def _time_of(statement: bytes) -> datetime:
    try:
        told = parse_canonical(statement[:STATEMENT_BYTES_MAX])
        return times.from_text(told["at"])
    except (TypeError, KeyError, ValueError, Usage) as error:
        raise StatementMalformed(
            "This is no statement of a restore; write one with `gateway audit restore`."
        ) from error
