"""Dispatch: everything checked again in one transaction, the package sealed, its proof put in, its digest logged.

1. In one transaction: gates, reviews, signatures, quorum and separation of duties hold; `release.sealed` commits
   manifest and approvals.
2. A checkpoint is signed over that entry, witnesses cosign it, an authority stamps it; inclusion proofs are drawn.
3. The package streams into the vault: approved bytes, digest-checked as they pass, and the proofs beside them. These
   are also kept by themselves, so that evidence of the release holds what its recipient got.
4. In one transaction everything is checked once more and `release.dispatched` commits the package's digest.

A crash between any two steps leaves an approved release that can be dispatched again. Where an entry of step 1 says the
same already and a quorum of witnesses has since cosigned it, which a courier may take days for, that one is used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from gateway.audit.cosigning import Cosigned, Cosigning
from gateway.audit.model import Act, SignedCheckpoint
from gateway.audit.ports import TimeStamper
from gateway.audit.service import Log
from gateway.base.canon import Json
from gateway.base.clock import to_text
from gateway.base.problems import CheckFailed, Unavailable
from gateway.db.unit import Units
from gateway.matter.model import Recipient
from gateway.matter.service import Matters
from gateway.people.model import Actor, Permission
from gateway.people.service import People
from gateway.release import binding, package
from gateway.release.model import Profile, Release, State
from gateway.release.register import NotDispatched, WrongState
from gateway.release.service import Releases
from gateway.release.tables import ReleaseRow
from gateway.review.model import Cleared
from gateway.review.service import Reviews
from gateway.seal.recipient import encrypt_to
from gateway.seal.timestamp import TimeStamp
from gateway.seal.twin import SigningTwin
from gateway.vault.service import Keeping, Opened, Vault


@dataclass(frozen=True, slots=True)
class _Sealing:
    cleared: Cleared
    approvals: bytes
    index: int
    cosigned: Cosigned | None


class Dispatch:
    """Hands releases over, and the package to whoever dispatches."""

    def __init__(
        self,
        units: Units,
        log: Log,
        cosigning: Cosigning,
        vault: Vault,
        people: People,
        matters: Matters,
        reviews: Reviews,
        releases: Releases,
        package_key: Callable[[], SigningTwin],
        stamper: TimeStamper | None = None,
    ) -> None:
        self._units = units
        self._log = log
        self._cosigning = cosigning
        self._vault = vault
        self._people = people
        self._matters = matters
        self._reviews = reviews
        self._releases = releases
        self._package_key = package_key
        self._stamper = stamper

    def dispatch(self, actor: Actor, release_id: str) -> Release:
        """Seal and dispatch an approved release; see the module for the steps."""
        actor.require(Permission.RELEASE_DISPATCH)
        sealing = self._seal(actor, release_id)
        cosigned = sealing.cosigned or self._cosigning.checkpoint()
        self._cosigning.require(cosigned)
        checkpoint = cosigned.checkpoint
        stamp = self._stamp(checkpoint)
        release = self._releases.get(release_id)
        beside = self._beside(release, sealing, checkpoint, stamp)
        with (
            self._build(release, sealing.cleared, beside) as keeping,
            self._vault.keep(matter=release.matter, role="document", data=binding.packed(beside)) as kept_beside,
            self._units.change() as session,
        ):
            row, cleared = self._cleared(session, actor, release_id)
            if cleared.case != sealing.cleared.case or cleared.approvals != sealing.cleared.approvals:
                raise WrongState("The release changed while it was being packaged; dispatch it again.")
            kept = self._vault.record(session, keeping)
            row.package_object, row.package_bytes = kept.id, keeping.plaintext_bytes
            row.package_sha256, row.sealed_index = keeping.sha256, sealing.index
            row.binding_object = self._vault.record(session, kept_beside).id
            row.dispatcher, row.state = actor.person_id, State.DISPATCHED
            self._log.append(
                session,
                Act(
                    type="release.dispatched",
                    actor=actor.person_id,
                    matter=row.matter,
                    subject=row.id,
                    facts={
                        "package_sha256": keeping.sha256,
                        "package_bytes": keeping.plaintext_bytes,
                        "object": kept.id,
                        "sealed_index": sealing.index,
                        "profile": row.profile,
                        "time_stamp": _told(stamp),
                        "witnesses": cosigned.facts if self._cosigning.policy else None,
                    },
                ),
            )
        return self._releases.get(release_id)

    def package(self, actor: Actor, release_id: str) -> tuple[Release, Opened]:
        """The dispatched package, opened for the caller to close; handing it out is an entry before the first byte."""
        actor.require(Permission.RELEASE_DISPATCH)
        release = self._releases.get(release_id)
        if release.package_object is None:
            raise NotDispatched("There is no package yet; dispatch the release first.")
        with self._units.change() as session:
            self._check_logged(session, release)
            self._log.append(
                session,
                Act(
                    type="package.handed_out",
                    actor=actor.person_id,
                    matter=release.matter,
                    subject=release.id,
                    facts={"package_sha256": release.package_sha256},
                ),
            )
        return release, self._opened(release.package_object)

    def _seal(self, actor: Actor, release_id: str) -> _Sealing:
        with self._units.change() as session:
            row, cleared = self._cleared(session, actor, release_id)
            signed = binding.approvals_json(cleared)
            act = Act(
                type="release.sealed",
                actor=actor.person_id,
                matter=row.matter,
                subject=row.id,
                facts={
                    "release": row.id,
                    "manifest_sha256": cleared.case.manifest_sha256,
                    "approvals_sha256": hashlib.sha256(signed).hexdigest(),
                },
            )
            index, cosigned = self._sealed_before(session, act, release_id) or (self._log.append(session, act), None)
        return _Sealing(cleared, signed, index, cosigned)

    def _sealed_before(self, session: Session, act: Act, release_id: str) -> tuple[int, Cosigned] | None:
        """The newest entry that seals this release, where it says the same and witnesses cosigned it meanwhile."""
        found = self._log.newest_of(session, types=(act.type,), subject=release_id)
        if found is None or found[1]["actor"] != act.actor or found[1]["facts"] != act.facts:
            return None
        cosigned = self._cosigning.covering(session, found[0])
        return None if cosigned is None else (found[0], cosigned)

    def _cleared(self, session: Session, actor: Actor, release_id: str) -> tuple[ReleaseRow, Cleared]:
        row, case = self._releases.approved_in(session, release_id)
        return row, self._reviews.clear(session, case, actor.person_id)

    def _stamp(self, checkpoint: SignedCheckpoint) -> TimeStamp | None:
        """Somebody else's word for when the checkpoint was there; None where nobody is asked or need not answer."""
        if self._stamper is None:
            return None
        try:
            return self._stamper.stamp(checkpoint.text.encode())
        except (Unavailable, CheckFailed):
            if self._stamper.required:
                raise
            return None

    def _beside(
        self, release: Release, sealing: _Sealing, checkpoint: SignedCheckpoint, stamp: TimeStamp | None
    ) -> dict[str, bytes]:
        """What binds the package beside its approved bytes, as a recipient's verifier accepts it."""
        cleared = sealing.cleared
        manifest = self._releases.bytes_of(release.id, "manifest.json")
        binding.check_address(manifest, release, self._matters.recipient(release.matter, release.recipient))
        approvers = (one.approver for one in cleared.approvals)
        listed = (one.path for one in cleared.case.files if one.path.startswith("proofs/"))
        proofs = {path: self._releases.bytes_of(release.id, path) for path in listed}
        beside = {
            "approvals.json": sealing.approvals,
            "audit.proof": self._log.tlog_proof(sealing.index, checkpoint).encode(),
            "enrolment.json": binding.enrolment_json(self._log, checkpoint, approvers, self._people.enrolment_entries),
            "manifest.sig": binding.manifest_sig(manifest, self._package_key()),
            **binding.stamp_parts(stamp, self._package_key()),
            **binding.commitments_json(self._log, checkpoint, proofs.values()),
        }
        binding.check_proofs(
            {"manifest.json": manifest, **proofs, **beside}, self._log.vkey(), self._package_key().public
        )
        return beside

    def _build(self, release: Release, cleared: Cleared, beside: Mapping[str, bytes]) -> Keeping:
        recipient = self._matters.recipient(release.matter, release.recipient)
        members = package.members(cleared, self._opened, beside.items())
        return self._keep(release, recipient, package.zip_chunks(members))

    def _check_logged(self, session: Session, release: Release) -> None:
        """Raise unless the object that would be handed out is the one whose dispatch was logged."""
        entry = self._log.newest(session, type="release.dispatched", subject=release.id)
        facts = {} if entry is None else entry["facts"]
        told = {"object": release.package_object, "package_sha256": release.package_sha256}
        if any(facts.get(name) != value for name, value in told.items()):
            raise package.BytesChanged("The stored package is not the one that was dispatched; nothing is handed out.")

    def _opened(self, object_id: str) -> Opened:
        with self._units.read() as session:
            return self._vault.open(session, object_id)

    def _keep(self, release: Release, recipient: Recipient, chunks: Iterator[bytes]) -> Keeping:
        with self._vault.begin(matter=release.matter, role="package") as keeping:
            if release.profile is Profile.SEALED:
                if recipient.age_key is None:
                    raise WrongState("The recipient's public key is gone; the sealed profile needs it.")
                encrypt_to(recipient.age_key, package.ChunkReader(chunks), keeping.as_file())
            else:
                for chunk in chunks:
                    keeping.write(chunk)
            keeping.finish()
        return keeping


def _told(stamp: TimeStamp | None) -> Json:
    """What the entry says of a time stamp."""
    if stamp is None:
        return None
    return {"at": to_text(stamp.at), "sha256": hashlib.sha256(stamp.response).hexdigest()}
