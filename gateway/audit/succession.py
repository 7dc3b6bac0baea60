"""The log's keys changed on purpose: announced in the log by a statement that the old keys and the new ones sign."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from gateway.audit import lineage
from gateway.audit.model import Act, LogEmpty, PutBack
from gateway.audit.replay import Replayed, check, replay
from gateway.audit.service import Log
from gateway.base import clock as times
from gateway.base.clock import Clock
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.keys.twins import Signer, renew_twin
from gateway.seal.note import Checkpoint
from gateway.seal.succession import Named, Succession


@dataclass(frozen=True, slots=True)
class Succeeded:
    """A change of keys: its entry, and by what the log is known from then on."""

    entry: int
    name: str
    fingerprint: str


class Successions:
    """Gives the log other keys."""

    def __init__(self, units: Units, keyring: Keyring, log: Log, clock: Clock) -> None:
        self._units = units
        self._keyring = keyring
        self._log = log
        self._clock = clock

    def rotate(self) -> Succeeded:
        """Make new keys for the log and destroy the old ones, in one transaction with the entry that says so.

        Everybody who works meanwhile goes on; the next checkpoint is signed by the new keys.
        """
        with self._units.change() as session:
            signable = self._log.signable(session)
            if signable is None:
                raise LogEmpty("The log has no entry yet, so there are no keys to change.")
            done = self.succeed(session, signable, Act(lineage.ROTATED, "gateway", subject=lineage.SUBJECT))
        self._units.scrub()
        self._log.checkpoint()
        return done

    def continue_after(self, session: Session, put_back: PutBack, act: Act) -> Succeeded:
        """A new log, by new keys and under a new name, that begins with what is left; `act` becomes its first entry."""
        eras = self._log.lineage_in(session).eras
        name = f"{eras[0].log.name}~{2 + sum(era.known is not None for era in eras)}"
        return self.succeed(session, put_back.left, act, name=name, known=put_back.text)

    def check_replay(self, session: Session, put_back: PutBack, export: Path) -> None:
        """Raise `RestoreRefused` unless the export verifies whole and leads to what is known."""
        check(self._log.lineage_in(session), put_back, export)

    def replay(self, session: Session, put_back: PutBack, export: Path) -> Replayed:
        """Write the missing entries as a whole export has them, or `RestoreRefused`; see `gateway.audit.replay`."""
        return replay(session, self._keyring, self._log.lineage_in(session), put_back, export)

    def succeed(
        self, session: Session, end: Checkpoint, act: Act, *, name: str | None = None, known: str | None = None
    ) -> Succeeded:
        """New keys, under another `name` where one is given, for what follows `end`; `act` becomes the entry of it.

        The caller has checked that `end` may be signed, and with a new name that `known` is to be given up.
        """
        lineage.keep_mac_key(session, self._keyring)
        old, new = renew_twin(self._keyring, session, Signer.LOG)
        change = Succession(
            Named(end.origin, old.public),
            Named(name or end.origin, new.public),
            end.size,
            end.root,
            times.to_text(self._clock.now()),
            known,
        )
        facts = {**act.facts, **change.signed(old, new)}
        entry = self._log.append(session, Act(act.type, act.actor, subject=act.subject, facts=facts, body=act.body))
        return Succeeded(entry, change.after.name, change.after.key.fingerprint)
