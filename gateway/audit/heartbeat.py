"""Signs of life: entries that say at a known interval that the log goes on, with somebody else's word for the time.

1. When nothing was heard for the interval, the tree is signed, and an authority (RFC 3161) stamps that checkpoint.
2. The entry `log.heartbeat` holds the checkpoint's size and the stamp's digest and time. What the checkpoint covers
existed at that time, and what stands behind the entry was written after it, because nobody knew the stamp before: a
bracket that needs no trust in the gateway's clock. 3. A gap of more than two intervals is a silence that a verifier
names.
"""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateway.audit.model import Act
from gateway.audit.ports import TimeStamper
from gateway.audit.service import Log
from gateway.audit.tables import StampRow
from gateway.base import clock
from gateway.base.canon import Json
from gateway.base.clock import Clock
from gateway.base.problems import Problem
from gateway.db.unit import Units
from gateway.seal.timestamp import TimeStamp

BEAT = "log.heartbeat"
# Whom the entries are about: there is one log.
_SUBJECT = "log"
_logger = logging.getLogger("gateway.audit")


class Heartbeat:
    """Beats every `every_s` seconds at most, whoever asks and however often; with no `authority` without stamps."""

    def __init__(self, units: Units, log: Log, clock_: Clock, authority: TimeStamper | None, every_s: int) -> None:
        self._units = units
        self._log = log
        self._clock = clock_
        self._authority = authority
        self._every_s = every_s

    def beat(self) -> bool:
        """Write a heartbeat if one is due; whether this call did. Without an answer of the authority, unstamped."""
        with self._units.read() as session:
            heard = self._heard(session)
        if heard is None or self._clock.now() - heard < timedelta(seconds=self._every_s):
            return False
        checkpoint = self._log.checkpoint()
        stamp = self._stamp(checkpoint.text.encode("utf-8"))
        facts: dict[str, Json] = {"size": checkpoint.size, "every_s": self._every_s}
        if stamp is not None:
            facts |= {"tsr_sha256": hashlib.sha256(stamp.response).hexdigest(), "stamped_at": clock.to_text(stamp.at)}
        with self._units.change() as session:
            if self._heard(session) != heard:
                return False  # Another worker was first.
            entry = self._log.append(session, Act(BEAT, "gateway", subject=_SUBJECT, facts=facts))
            if stamp is not None:
                session.add(StampRow(entry=entry, size=checkpoint.size, response=stamp.response))
        return True

    def _stamp(self, data: bytes) -> TimeStamp | None:
        if self._authority is None:
            return None
        try:
            return self._authority.stamp(data)
        except Problem as problem:
            _logger.warning("a heartbeat has no time stamp: %s", problem.slug)
            return None

    def _heard(self, session: Session) -> datetime | None:
        """When the log was last heard of: at its newest heartbeat, before the first one at its first entry."""
        newest = self._log.newest(session, type=BEAT, subject=_SUBJECT)
        if newest is None:
            if self._log.size_in(session) == 0:
                return None
            newest = json.loads(self._log.entry_in(session, 0))
        return clock.from_text(str(newest["at"]))
