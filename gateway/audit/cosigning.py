"""Checkpoints that witnesses cosigned: asked outside every transaction, bounded in time, each answer checked.

1. The tree is signed as always; what was written is written, whatever a witness says.
2. Every witness that has not cosigned this checkpoint is asked, all at once; one that cosigned another size last is
   asked once more with the proof from there.
3. An answer counts if the policy's key made it over this very checkpoint at a time between its signing and now.
4. What counts is kept beside the checkpoint, once for each key; the policy says whether it is a quorum.
5. Whoever acts on it asks for the quorum: `require`.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from gateway.audit.model import Export, SignedCheckpoint
from gateway.audit.ports import WitnessCaller, WitnessRefused
from gateway.audit.service import Log
from gateway.audit.tables import CheckpointRow, CosignatureRow
from gateway.base.canon import Json
from gateway.base.clock import Clock
from gateway.base.problems import CheckFailed, Problem, Unavailable
from gateway.db.unit import Units
from gateway.seal.add_checkpoint import request
from gateway.seal.cosignature import Cosignature, CosignatureInvalid, Cosigner, cosignatures
from gateway.seal.note import Checkpoint
from gateway.seal.trust_policy import TrustPolicy, parse_policy

_CLOCK_TOLERANCE = timedelta(minutes=5)
_ROUNDS = 2
_GRACE_S = 2.0
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,15})\n")
_SIZES_LOOKED_AT = 64


class QuorumMissing(Unavailable):
    """Too few witnesses cosigned, and this deployment asks for them."""

    slug = "witness-quorum-missing"
    title = "Too few witnesses cosigned the log"


class NothingCollected(CheckFailed):
    """What a courier brought holds no cosignature that counts."""

    slug = "no-cosignature-counts"
    title = "Nothing of what the courier brought counts"


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint with the lines of whoever cosigned it, whether they are a quorum, and what kept others from it."""

    checkpoint: SignedCheckpoint
    keys: tuple[Cosigner, ...] = ()
    met: bool = True
    refusals: Mapping[str, str] = field(default_factory=dict)

    @property
    def facts(self) -> Json:
        """What an entry says of it."""
        return {"cosigned_by": sorted({key.name for key in self.keys}), "keys": len(self.keys), "quorum": self.met}


class _Ahead(WitnessRefused):
    """The witness cosigned a larger tree than this checkpoint's."""


class Cosigning:
    """The witnesses of one deployment; with no `policy` nobody is asked and nothing is missing."""

    def __init__(
        self, units: Units, log: Log, clock: Clock, policy: bytes | None, caller: WitnessCaller, *, required: bool
    ) -> None:
        self._units = units
        self._log = log
        self._clock = clock
        self._text = policy
        self.policy: TrustPolicy | None = None if policy is None else parse_policy(policy)
        self._caller = caller
        self._required = required
        self._gathering = threading.Lock()

    def checkpoint(self) -> Cosigned:
        """A checkpoint over the log as it stands, cosigned by whoever answers in time."""
        if self.policy is None:
            return Cosigned(self._log.checkpoint())
        # One at a time: two that ask the same witnesses with different sizes would only be in each other's way.
        patience_s = 2 * (self._caller.deadline_s + _GRACE_S)
        waited = self._gathering.acquire(timeout=patience_s)
        try:
            return self._gathered()
        finally:
            if waited:
                self._gathering.release()

    def require(self, cosigned: Cosigned) -> None:
        """Raise `QuorumMissing` where the deployment insists on witnesses and too few cosigned."""
        if self._required and not cosigned.met:
            told = "; ".join(f"{who}: {why}" for who, why in sorted(cosigned.refusals.items()))
            raise QuorumMissing(
                "Too few witnesses cosigned the log, so nothing leaves: ask them again, or carry a request to them "
                f"(`gateway audit courier`){f'. {told}' if told else ''}."
            )

    def kept(self, signed: SignedCheckpoint) -> Cosigned:
        """The same checkpoint with the cosignatures that are kept; nobody is asked."""
        with self._units.read() as session:
            return self._with_kept(session, signed)

    def covering(self, session: Session, index: int) -> Cosigned | None:
        """The newest kept checkpoint over entry `index` that a quorum cosigned; None where there is none."""
        if self.policy is None:
            return None
        sizes = select(CosignatureRow.size).where(CosignatureRow.size > index).distinct()
        for size in session.scalars(sizes.order_by(CosignatureRow.size.desc()).limit(_SIZES_LOOKED_AT)).all():
            text = session.scalar(select(CheckpointRow.text).where(CheckpointRow.size == size))
            if text is not None and (found := self._with_kept(session, self._log.opened(session, text))).met:
                return found
        return None

    def tlog_proof(self, index: int) -> str:
        """Entry `index` with its proof as C2SP tlog-proof, under the newest checkpoint over it that a quorum cosigned;
        where there is none, under one over the log as it stands, with the lines that are kept.
        """
        with self._units.read() as session:
            self._log.entry_in(session, index)
            cosigned = self.covering(session, index)
        return self._log.tlog_proof(index, (cosigned or self.kept(self._log.checkpoint())).checkpoint)

    def export(self, sink_dir: Path, views: Collection[str] = ()) -> Export:
        """The log's export, over a checkpoint that witnesses were asked to cosign, with their lines and the policy."""
        self.checkpoint()
        return self._log.export(sink_dir, views, policy=self._text)

    def courier_request(self, old: int | None) -> bytes:
        """A request over the newest checkpoint for a witness that cannot be reached, from the size it cosigned last.

        That is `old`, or the largest size that any witness is known to have cosigned.
        """
        signed = self._log.checkpoint()
        if old is None:
            keys = () if self.policy is None else self.policy.witnesses
            old = self._last([one.cosigner for one in keys], signed.size)
        return request(old, self._log.consistency_proof(old, signed.size), signed.text)

    def collect(self, lines: str) -> Cosigned:
        """Keep what a courier brought; the lines are over the newest checkpoint that they hold for, or refused."""
        keys = () if self.policy is None else tuple(one.cosigner for one in self.policy.witnesses)
        with self._units.read() as session:
            newest = select(CheckpointRow.text).order_by(CheckpointRow.size.desc()).limit(_SIZES_LOOKED_AT)
            opened = [self._log.opened(session, text) for text in session.scalars(newest).all()]
        refusal = "no line is by a witness of the policy"
        for signed in opened:
            try:
                found = self._checked(signed, lines, keys)
            except WitnessRefused as reason:
                refusal = str(reason)
                continue
            if found:
                self._keep(signed.size, found)
                return self.kept(signed)
        raise NothingCollected(f"No cosignature of a witness of the policy is in the file that counts: {refusal}.")

    def _gathered(self) -> Cosigned:
        for left in range(_ROUNDS, 0, -1):
            signed = self._log.checkpoint()
            cosigned = self.kept(signed)
            if cosigned.met:
                return cosigned
            found, refusals, ahead = self._asked(signed, set(cosigned.keys))
            self._keep(signed.size, found)
            cosigned = self.kept(signed)
            if cosigned.met or not ahead or left == 1 or self._log.size() == signed.size:
                break
        return Cosigned(cosigned.checkpoint, cosigned.keys, cosigned.met, refusals)

    def _asked(self, signed: SignedCheckpoint, have: set[Cosigner]) -> tuple[list[Cosignature], dict[str, str], bool]:
        """What every address says that has something to say, within one deadline for all."""
        addresses: dict[str, list[Cosigner]] = {}
        for one in self.policy.witnesses if self.policy else ():
            if one.url is not None and one.cosigner not in have:
                addresses.setdefault(one.url, []).append(one.cosigner)
        answers: dict[str, list[Cosignature] | WitnessRefused] = {}

        def ask(url: str) -> None:
            try:
                answers[url] = self._ask(url, addresses[url], signed)
            except WitnessRefused as reason:
                answers[url] = reason
            except Problem as problem:
                answers[url] = WitnessRefused(problem.detail)

        threads = [threading.Thread(target=ask, args=(url,), daemon=True) for url in addresses]
        for thread in threads:
            thread.start()
        until = time.monotonic() + self._caller.deadline_s + _GRACE_S
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        # Whoever answers later than this is not heard.
        told = {url: answers.get(url, _SILENT) for url in addresses}
        found = [one for said in told.values() if not isinstance(said, WitnessRefused) for one in said]
        refusals = {url: str(said) for url, said in told.items() if isinstance(said, WitnessRefused)}
        return found, refusals, any(isinstance(said, _Ahead) for said in told.values())

    def _ask(self, url: str, keys: list[Cosigner], signed: SignedCheckpoint) -> list[Cosignature]:
        old = self._last(keys, signed.size)
        for _attempt in range(2):
            proof = self._log.consistency_proof(old, signed.size)
            answer = self._caller.ask(url, request(old, proof, signed.text))
            if answer.status == 200:
                return self._taken(signed, answer.untrusted_body, keys)
            if answer.status != 409:
                raise WitnessRefused(_WORDS.get(answer.status, f"it answers with status {answer.status}"))
            told = _SIZE.fullmatch(answer.untrusted_body)
            if told is None:
                raise WitnessRefused("it says that it cosigned another size last, and not which")
            old = int(told.group(1))
            if old > signed.size:
                raise _Ahead(f"it says that it cosigned {old} entries already, more than this checkpoint has")
        raise WitnessRefused("it answers every size with another one")

    def _taken(self, signed: SignedCheckpoint, untrusted: bytes, keys: Iterable[Cosigner]) -> list[Cosignature]:
        try:
            found = self._checked(signed, untrusted.decode("utf-8"), keys)
        except UnicodeDecodeError:
            raise WitnessRefused("its answer is not text") from None
        if not found:
            raise WitnessRefused("its answer holds no line by the key in the policy")
        return found

    def _checked(self, signed: SignedCheckpoint, lines: str, keys: Iterable[Cosigner]) -> list[Cosignature]:
        """What these keys say of this checkpoint; `WitnessRefused` where one of them does not hold, or lies in time."""
        try:
            found = cosignatures(lines, Checkpoint(signed.origin, signed.size, signed.root), keys)
        except CosignatureInvalid:
            raise WitnessRefused("it signed something else than this checkpoint, or a line is forged") from None
        with self._units.read() as session:
            made = session.scalar(select(CheckpointRow.created_at).where(CheckpointRow.size == signed.size))
        for one in found:
            if one.at > (self._clock.now() + _CLOCK_TOLERANCE).timestamp():
                raise WitnessRefused("it signed at a time that has not come yet; one of the two clocks is wrong")
            if made is None or one.at < (made - _CLOCK_TOLERANCE).timestamp():
                raise WitnessRefused("it signed at a time before this checkpoint was made; one of the clocks is wrong")
        return found

    def _last(self, keys: Iterable[Cosigner], most: int) -> int:
        """The largest size, up to `most`, that one of these keys is known to have cosigned."""
        names = [_named(key) for key in keys]
        query = select(func.max(CosignatureRow.size)).where(
            CosignatureRow.cosigner.in_(names), CosignatureRow.size <= most
        )
        with self._units.read() as session:
            return session.scalar(query) or 0

    def _keep(self, size: int, found: Iterable[Cosignature]) -> None:
        if not (rows := {_named(one.cosigner): one.line for one in found}):
            return
        with self._units.bookkeeping() as session:
            kept = session.scalars(select(CosignatureRow.cosigner).where(CosignatureRow.size == size)).all()
            for cosigner in rows.keys() - {*kept}:
                session.execute(
                    insert(CosignatureRow).values(
                        size=size, cosigner=cosigner, line=rows[cosigner], received_at=self._clock.now()
                    )
                )

    def _with_kept(self, session: Session, signed: SignedCheckpoint) -> Cosigned:
        if self.policy is None:
            return Cosigned(signed)
        lines = session.scalars(
            select(CosignatureRow.line).where(CosignatureRow.size == signed.size).order_by(CosignatureRow.cosigner)
        ).all()
        checkpoint = Checkpoint(signed.origin, signed.size, signed.root)
        found = cosignatures("".join(lines), checkpoint, (one.cosigner for one in self.policy.witnesses))
        keys = tuple(one.cosigner for one in found)
        text = signed.text + "".join(one.line for one in found)
        return Cosigned(SignedCheckpoint(text, signed.size, signed.root), keys, self.policy.met(keys))


_SILENT = WitnessRefused("it does not answer, or not in time")
_WORDS = {
    400: "it does not understand the request",
    403: "it knows this log by other keys",
    404: "it was not told of this log",
    422: "it says that this log does not continue what it cosigned before",
}


def _named(key: Cosigner) -> str:
    name, hashed = key.identity
    return f"{name}+{hashed.hex()}"
