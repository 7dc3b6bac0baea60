"""Which policies a gateway decides by: those of its folder, or, once it has signers, those of a bundle they signed.

The log says which bundle is active; the data folder keeps its bytes under their digest, durable before the entry. What
is kept is checked again each time it is opened, against the signers of that day.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base import clock
from gateway.base.canon import Json
from gateway.base.clock import Clock
from gateway.base.files import fsync_folder
from gateway.base.problems import Problem
from gateway.policy.bundle import (
    ENGINE,
    MAX_BUNDLE_BYTES,
    MAX_SIGNATURES_BYTES,
    Bundle,
    BundleMissing,
    Signers,
    check_signatures,
    check_succession,
    open_bundle,
    statement_of,
)
from gateway.policy.load import Library, load_library

SUBJECT = "policies"
ACTIVATED, REFUSED, ABANDONED = "policies.activated", "policies.refused", "policies.abandoned"
_EMPTY = Library({}, {})


@dataclass(frozen=True)
class Source:
    """What the policies in use are and where they come from. Without a bundle they are nobody's but the folder's."""

    library: Library
    bundle: Bundle | None = None

    @property
    def pins(self) -> dict[str, Json]:
        """What pins them in entries, decisions and manifests."""
        bundle: dict[str, Json] = {"bundle": self.bundle.sha256} if self.bundle else {}
        return {"library": self.library.digest, "engine": ENGINE, **bundle}


class Policies:
    """The policies of one gateway, as they were when it was opened.

    Without a bundle that may decide, a gateway opens all the same, so that its log can be read and a bundle activated;
    it has no kinds and no policies then, and `require` says why.
    """

    def __init__(self, log: Log, clock: Clock, folder: Path | None, kept: Path, signers: Signers | None) -> None:
        self._log = log
        self._clock = clock
        self._kept = kept
        self.signers = signers
        self._problem: Problem | None = None
        self._source = Source(_EMPTY)
        try:
            self._source = self._signed(signers) if signers else self._unsigned(folder)
        except Problem as problem:
            if signers is None and not isinstance(problem, BundleMissing):
                raise
            self._problem = problem

    @property
    def library(self) -> Library:
        """All kinds and policies."""
        return self._source.library

    @property
    def pins(self) -> dict[str, Json]:
        """What pins the policies of this process."""
        return self._source.pins

    def require_some(self) -> None:
        """Raise what kept this process from opening any policies."""
        if self._problem is not None:
            raise self._problem

    def require(self) -> Source:
        """What decides now. Raises where nothing may: no bundle, one out of its time, or another since opening."""
        self.require_some()
        active = self._active()
        if active != (self._source.bundle.sha256 if self._source.bundle else None):
            raise BundleMissing("Other policies were activated since this process started; start it anew.")
        if self._source.bundle is not None:
            self._source.bundle.check_in_force(self._clock.now())
        return self._source

    def activate(self, bundle: bytes, signatures: bytes, *, downgrade: bool = False) -> Bundle:
        """Make a bundle the active one, or refuse it and leave the one that is; either is an entry of the log."""
        try:
            if self.signers is None:
                raise BundleMissing("This gateway has no policy signers; set GATEWAY_POLICY_SIGNERS first.")
            opened = open_bundle(bundle)
            signed = check_signatures(opened, signatures, self.signers)
            opened.check_in_force(self._clock.now())
            self._keep(opened, signatures)
            keys = sorted(one.key_id for one in signed)
            signers = self.signers
            self._log.follow(
                types=(ACTIVATED,),
                subject=SUBJECT,
                act=lambda before: _activation(
                    opened, keys, signers, [one["facts"] for one in before], downgrade=downgrade
                ),
            )
        except Problem as problem:
            size = min(len(bundle), MAX_BUNDLE_BYTES + 1)
            facts: dict[str, Json] = {"size_bytes": size, "reason": problem.slug}
            self._log.refused(Act(REFUSED, "gateway", subject=SUBJECT, facts=facts))
            raise
        return opened

    def abandon(self) -> None:
        """Go back to the unsigned policies of the folder; an entry says so."""
        if self.signers is not None:
            raise BundleMissing("Policy signers are set; remove GATEWAY_POLICY_SIGNERS first, if this is meant.")
        self._log.refused(Act(ABANDONED, "gateway", subject=SUBJECT))

    def signed(self, bundle: str) -> tuple[bytes, bytes]:
        """What the signers of a bundle signed that was active once, and their signatures; by its digest."""
        kept = self._read(f"{bundle}.json", MAX_BUNDLE_BYTES)
        return statement_of(kept), self._read(f"{bundle}.sig.json", MAX_SIGNATURES_BYTES)

    def _active(self) -> str | None:
        """The digest of the bundle that the log says is active."""
        entries = self._log.acts(types=(ACTIVATED, ABANDONED), subject=SUBJECT)
        newest: Mapping[str, Any] | None = entries[-1] if entries else None
        return newest["facts"]["bundle"] if newest is not None and newest["type"] == ACTIVATED else None

    def _unsigned(self, folder: Path | None) -> Source:
        if self._active() is not None:
            raise BundleMissing(
                "The policies of this gateway are signed, and it has no signers now; set GATEWAY_POLICY_SIGNERS, or "
                "give signing up with `gateway policy bundle abandon`."
            )
        return Source(load_library(folder))

    def _signed(self, signers: Signers) -> Source:
        active = self._active()
        if active is None:
            raise BundleMissing(
                "No bundle of policies is active; have one signed and run `gateway policy bundle activate`."
            )
        opened = open_bundle(self._read(f"{active}.json", MAX_BUNDLE_BYTES))
        if opened.sha256 != active:
            raise BundleMissing("The active bundle was changed in the data folder; restore it from a backup.")
        check_signatures(opened, self._read(f"{active}.sig.json", MAX_SIGNATURES_BYTES), signers)
        return Source(opened.library, opened)

    def _read(self, name: str, limit: int) -> bytes:
        try:
            with (self._kept / name).open("rb") as file:
                return file.read(limit + 1)
        except OSError as error:
            raise BundleMissing(
                "The active bundle is not in the data folder; restore it from a backup, or activate it again."
            ) from error

    def _keep(self, bundle: Bundle, signatures: bytes) -> None:
        """Both files under the bundle's digest, durable; never half of one."""
        self._kept.mkdir(mode=0o700, exist_ok=True)
        for name, data in ((f"{bundle.sha256}.json", bundle.data), (f"{bundle.sha256}.sig.json", signatures)):
            unfinished = self._kept / f".{name}"
            with unfinished.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(self._kept / name)
        fsync_folder(self._kept)
        fsync_folder(self._kept.parent)


def _activation(
    bundle: Bundle, signed: list[str], signers: Signers, before: list[Mapping[str, Any]], *, downgrade: bool
) -> Act:
    check_succession(bundle, before, downgrade=downgrade)
    facts: dict[str, Json] = {
        "bundle": bundle.sha256,
        "number": bundle.number,
        "library": bundle.library.digest,
        "engine": ENGINE,
        "not_before": clock.to_text(bundle.not_before),
        "not_after": clock.to_text(bundle.not_after),
        "signed_by": signed,
        "signers": signers.texts,
        "quorum": signers.quorum,
        "replaces": before[-1]["bundle"] if before else None,
        "downgrade": bool(before) and bundle.number < max(one["number"] for one in before),
    }
    return Act(ACTIVATED, "gateway", subject=SUBJECT, facts=facts)
