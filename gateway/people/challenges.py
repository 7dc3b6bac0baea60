"""Challenges of passkeys: each bound to what it is for, good once and for five minutes.

Those for signing in are asked for by strangers: nothing is kept of them but, once one was answered well, that it was.
Those for approvals are the SHA-256 of the statement and cannot be made up by the gateway: they are kept as digests, a
few for each session. Both live in this process: after a restart people begin again.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from datetime import UTC, datetime, timedelta

from gateway.base.clock import Clock
from gateway.base.problems import Conflict

LIFETIME = timedelta(minutes=5)
OPEN_EACH = 16
_NONCE, _TIME, _TAG = 16, 8, 32


class ChallengeExpired(Conflict):
    """A challenge that is unknown, too old, or for something or somebody else."""

    slug = "challenge-expired"
    title = "This was asked too long ago, or for something else"


class ChallengeReplayed(Conflict):
    """A challenge that was answered before."""

    slug = "challenge-replayed"
    title = "This was used already"


class Challenges:
    """Makes challenges, and takes each back once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._open: dict[bytes, datetime] = {}
        self._spent: dict[bytes, datetime] = {}
        self._holders: dict[str, list[bytes]] = {}

    def fresh(self, purpose: str) -> bytes:
        """A random challenge for `purpose`, of which nothing is kept."""
        ends = int((self._clock.now() + LIFETIME).timestamp() * 1000)
        said = secrets.token_bytes(_NONCE) + ends.to_bytes(_TIME, "big")
        return said + self._tag(said, purpose)

    def spend(self, challenge: bytes, purpose: str) -> None:
        """Take a `fresh` challenge back, or raise: it is of this process, for `purpose`, young and not spent."""
        said, tag = challenge[: _NONCE + _TIME], challenge[_NONCE + _TIME :]
        if len(challenge) != _NONCE + _TIME + _TAG or not hmac.compare_digest(tag, self._tag(said, purpose)):
            raise _expired()
        ends = datetime.fromtimestamp(int.from_bytes(said[_NONCE:], "big") / 1000, UTC)
        self._spend(hashlib.sha256(challenge).digest(), ends)

    def hold(self, challenge: bytes, holder: str, purpose: str) -> datetime:
        """Keep a digest of `challenge` for `holder` and `purpose`; when it ends. The oldest of many is forgotten."""
        told = self._digest(challenge, holder, purpose)
        with self._lock:
            self._purge()
            ends = self._clock.now() + LIFETIME
            held = [one for one in self._holders.get(holder, []) if one in self._open and one != told]
            for old in held[: max(0, len(held) + 1 - OPEN_EACH)]:
                del self._open[old]
            self._holders[holder] = [*held[-(OPEN_EACH - 1) :], told]
            self._open[told] = ends
        return ends

    def release(self, challenge: bytes, holder: str, purpose: str) -> None:
        """Take a held challenge back, or raise."""
        told = self._digest(challenge, holder, purpose)
        with self._lock:
            ends = self._open.get(told)
        if ends is None:
            raise _expired()
        self._spend(told, ends)

    def _spend(self, told: bytes, ends: datetime) -> None:
        now = self._clock.now()
        with self._lock:
            self._purge()
            if told in self._spent:
                raise ChallengeReplayed("This was answered already; begin again.")
            if not now < ends <= now + LIFETIME:
                raise _expired()
            self._spent[told] = ends

    def _purge(self) -> None:
        now = self._clock.now()
        for kept in (self._open, self._spent):
            for told in [told for told, ends in kept.items() if ends <= now]:
                del kept[told]
        for holder in [holder for holder, held in self._holders.items() if not any(one in self._open for one in held)]:
            del self._holders[holder]

    def _tag(self, said: bytes, purpose: str) -> bytes:
        return hmac.digest(self._key, said + purpose.encode(), "sha256")

    @staticmethod
    def _digest(challenge: bytes, holder: str, purpose: str) -> bytes:
        return hashlib.sha256(b"\0".join((holder.encode(), purpose.encode(), challenge))).digest()


def _expired() -> ChallengeExpired:
    return ChallengeExpired("This was asked more than five minutes ago, or for something else; begin again.")
