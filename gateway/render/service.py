"""Renditions from request to result: queued, rendered by a worker, kept with their decisions and their report."""

from __future__ import annotations

import hmac
import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base.canon import Json, canonical
from gateway.base.clock import Clock
from gateway.base.ids import new_id
from gateway.base.problems import CheckFailed, Conflict, NotFound
from gateway.base.progress import Gauge, Stage
from gateway.db.unit import Units
from gateway.detect.model import Detector
from gateway.formats.ports import Format
from gateway.intake.commitments import Commitments
from gateway.intake.model import Original
from gateway.intake.service import Intake
from gateway.keys.model import DEPLOYMENT, KeyRole
from gateway.keys.service import Keyring
from gateway.matter.clearances import Clearances
from gateway.matter.model import ClearanceSort, ClearanceState
from gateway.matter.names import Names
from gateway.people.model import Actor, Permission
from gateway.policy.answers import Answers
from gateway.policy.bundle import BundleNotInForce
from gateway.policy.clearing import Consent, party
from gateway.policy.policy import Policy
from gateway.policy.remembered import Remembered, admitted, settled
from gateway.policy.service import Policies, Source
from gateway.render import withheld
from gateway.render.model import Claim, Outcome, ReleaseFrame, Rendition, Shreds, State, Traceable
from gateway.render.pipeline import Job, render
from gateway.render.ports import Assessor
from gateway.render.queue import Queue
from gateway.render.remembering import NameNotSettled, drafted
from gateway.render.tables import RenditionRow
from gateway.residue.model import WithheldSet
from gateway.residue.ports import Reader
from gateway.sandbox.ports import Sandbox
from gateway.seal.tracing import tracing_commitment, tracing_seed
from gateway.vault.model import Shredded
from gateway.vault.service import Keeping, Vault

MAX_ATTEMPTS = 3
ENTRY_OF = {
    State.CLEAN: "rendition.clean",
    State.WAITING: "rendition.waiting",
    State.BLOCKED: "rendition.blocked",
    State.REFUSED: "rendition.refused",
}


class NotRendered(Conflict):
    """What is asked for exists only once the rendition is clean."""

    slug = "not-rendered"
    title = "The rendition has no such part now"


class AlreadyInRelease(Conflict):
    """A release holds one rendition of an original."""

    slug = "already-in-release"
    title = "This original is in the release already"


class PoliciesChanged(Conflict):
    """A rendition was asked for or made with other policies than those in force."""

    slug = "policies-changed"
    title = "The policies changed meanwhile"


class NotEntered(CheckFailed):
    """A rendition's row asks for what no entry of the log asks for."""

    slug = "not-entered"
    title = "The log does not know of this rendition"


@dataclass(frozen=True, slots=True)
class _Parts:
    """The objects one outcome leaves behind, durable before the row that names them."""

    rendition: Keeping | None
    decisions: Keeping | None
    residue: Keeping | None
    withheld: Keeping | None
    witness: Keeping | None
    proof: Keeping | None
    ground: Keeping | None


class Renders:
    """Asks for renditions, carries them out, gives them back."""

    def __init__(
        self,
        units: Units,
        keyring: Keyring,
        log: Log,
        clock: Clock,
        vault: Vault,
        intake: Intake,
        commitments: Commitments,
        policies: Policies,
        sandbox: Sandbox,
        queue: Queue,
        detector: Detector | None = None,
        reader: Reader | None = None,
        clearances: Clearances | None = None,
        assessor: Assessor | None = None,
        names: Names | None = None,
    ) -> None:
        self._units = units
        self._keyring = keyring
        self._log = log
        self._clock = clock
        self._vault = vault
        self._intake = intake
        self._commitments = commitments
        self._policies = policies
        self._sandbox = sandbox
        self._detector = detector
        self._reader = reader
        self._clearances = clearances
        self._assessor = assessor
        self._names = names
        self.queue = queue

    def request(
        self,
        actor: Actor,
        frame: ReleaseFrame,
        original: Original,
        *,
        policy_ref: str | None,
        answers: Answers,
        supersedes: str | None = None,
        remember: Collection[str] = (),
    ) -> Rendition:
        """Queue a rendition of `original` for the release in `frame`; 202 at the edge. Entry and row together.

        What is answered of the columns in `remember` holds for the matter's other originals of this kind too.
        """
        actor.require(Permission.RENDITION_ANSWER if supersedes else Permission.RELEASE_BUILD)
        if original.matter != frame.matter:
            raise NotFound("There is no original with this id in this matter.")
        source = self._policies.require()
        policy = (
            source.library.policy(policy_ref)
            if policy_ref
            else source.library.for_kind(original.kind, frame.context, frame.on)
        )
        rendition_id = new_id("ren")
        with self._units.change() as session:
            self._intake.require_whole(session, original.id)
            if supersedes is not None:
                asked = self._supersede(session, supersedes)
                drafts = drafted(source.library.kind(original.kind), asked, answers, remember)
                if drafts and self._names is not None:
                    self._names.remember(session, actor, frame.matter, supersedes, drafts)
            if original.id in {one.original for one in self.of_release_in(session, frame.release)}:
                raise AlreadyInRelease("This original is in the release already; answer or withdraw its rendition.")
            row = RenditionRow(
                id=rendition_id,
                release=frame.release,
                matter=frame.matter,
                original=original.id,
                kind=original.kind,
                policy=policy.ref,
                library_digest=source.library.digest,
                state=State.QUEUED,
                author=actor.person_id,
                supersedes=supersedes,
                answers=self._keyring.seal_text(
                    session,
                    owner=frame.matter,
                    context=f"answers:{rendition_id}",
                    text=canonical(answers.to_json()).decode(),
                ),
                created_at=self._clock.now(),
            )
            session.add(row)
            session.flush()
            if policy.output.fingerprint == "required":
                self._keyring.ensure(session, role=KeyRole.TRACING, owner=DEPLOYMENT)
            self.queue.enqueue(session, rendition_id)
            self._log.append(
                session,
                Act(
                    type="rendition.requested",
                    actor=actor.person_id,
                    matter=frame.matter,
                    subject=rendition_id,
                    facts={
                        "release": frame.release,
                        "original": original.id,
                        "policy": policy.ref,
                        **source.pins,
                        "supersedes": supersedes,
                    },
                ),
            )
            return self._rendition(session, row)

    def carry_out(self, claim: Claim, frame: ReleaseFrame, gauge: Gauge | None = None) -> State:
        """Render what is claimed and keep the outcome; a result that comes too late is discarded, not kept."""
        gauge = gauge or Gauge()
        if claim.attempt > MAX_ATTEMPTS:
            reason = (
                f"It could not be rendered: the renderer died {MAX_ATTEMPTS} times over this original; convert it and "
                "upload it again."
            )
            outcome = Outcome(State.REFUSED, reason=reason)
        else:
            outcome = self._rendered(claim.rendition, frame, gauge)
        gauge.begin(Stage.STORING)
        with ExitStack() as keepings:
            self._finish(claim, frame, outcome, self._keep_parts(frame, outcome, keepings))
        return outcome.state

    def withdraw(self, actor: Actor, rendition_id: str) -> Rendition:
        """Take a rendition out of its release; a worker's late result no longer counts."""
        with self._units.change() as session:
            row = self._row(session, rendition_id)
            if row.state == State.SUPERSEDED:
                raise NotRendered("This rendition is out of its release already.")
            row.state = State.SUPERSEDED
            self._log.append(
                session,
                Act(
                    type="rendition.withdrawn",
                    actor=actor.person_id,
                    matter=row.matter,
                    subject=row.id,
                    facts={"release": row.release, "original": row.original},
                ),
            )
            return self._rendition(session, row)

    def get(self, rendition_id: str) -> Rendition:
        """One rendition, or `NotFound`."""
        with self._units.read() as session:
            return self._rendition(session, self._row(session, rendition_id))

    def of_release(self, release_id: str) -> tuple[Rendition, ...]:
        """The renditions a release consists of now, oldest first; superseded ones are history."""
        with self._units.read() as session:
            return self.of_release_in(session, release_id)

    def standing(self, states: Collection[State], *, limit: int) -> tuple[Rendition, ...]:
        """At most `limit` renditions of all matters that stand in one of `states`, oldest first."""
        query = select(RenditionRow).where(RenditionRow.state.in_([*states])).order_by(RenditionRow.id).limit(limit)
        with self._units.read() as session:
            return tuple(self._rendition(session, row) for row in session.scalars(query))

    def of_release_in(self, session: Session, release_id: str) -> tuple[Rendition, ...]:
        """The same inside a caller's transaction."""
        query = (
            select(RenditionRow)
            .where(RenditionRow.release == release_id, RenditionRow.state != State.SUPERSEDED)
            .order_by(RenditionRow.id)
        )
        return tuple(self._rendition(session, row) for row in session.scalars(query))

    def mark_reviewed(self, session: Session, rendition_id: str) -> None:
        """Move a clean rendition to reviewed, inside the reviewer's transaction."""
        row = self._row(session, rendition_id)
        if row.state not in (State.CLEAN, State.REVIEWED):
            raise NotRendered("Only a clean rendition can be reviewed; look at its state and its reason.")
        row.state = State.REVIEWED

    def of_original(self, session: Session, original_id: str) -> tuple[tuple[str, str], ...]:
        """Rendition and release of everything made of this original that was not withdrawn or answered anew."""
        query = select(RenditionRow.id, RenditionRow.release).where(
            RenditionRow.original == original_id, RenditionRow.state != State.SUPERSEDED
        )
        return tuple((rendition, release) for rendition, release in session.execute(query))

    def shred(self, session: Session, original_id: str, *, keep: frozenset[str]) -> Shreds:
        """Overwrite what is sealed about the renditions of an original; the objects whose keys the caller destroys.

        Of the renditions in `keep`, which left, bytes, decisions and report stay: they are the record of what left.
        """
        gone: list[str] = []
        objects: list[str | None] = []
        for row in session.scalars(select(RenditionRow).where(RenditionRow.original == original_id)):
            row.answers = b""
            objects += [row.withheld_object, self._rendition(session, row).witness_object]
            if row.id not in keep:
                gone.append(row.id)
                objects += [row.object_id, row.decisions_object, row.residue_object]
                objects.append(self._rendition(session, row).proof_object)
                objects.append(self._told(session, row).get("fingerprint", {}).get("object"))
                row.result, row.state = None, State.SUPERSEDED
        if self._names is not None:
            self._names.shred(session, gone)
        session.flush()
        return Shreds(tuple(gone), tuple(one for one in objects if one is not None))

    def traceable(self, session: Session) -> tuple[Traceable, ...]:
        """Every rendition that carries a fingerprint and was not shredded, superseded ones too, newest first."""
        query = select(RenditionRow).where(RenditionRow.result.is_not(None)).order_by(RenditionRow.id.desc())
        found = ((row, self._told(session, row).get("fingerprint")) for row in session.scalars(query))
        return tuple(_traceable(row, told) for row, told in found if told)

    def part(self, session: Session, object_id: str | None) -> bytes:
        """The bytes of one part (rendition, decisions, report, withheld set), decrypted into memory."""
        if object_id is None:
            raise NotRendered("The rendition does not have this part in its present state.")
        with self._vault.open(session, object_id) as opened:
            return b"".join(opened.chunks())

    def policies_of(self, renditions: Iterable[Rendition]) -> Source:
        """The policies in force, which all of these must have been rendered with. Raises `PoliciesChanged`."""
        source = self._policies.require()
        if any(one.library_digest != source.library.digest for one in renditions):
            raise PoliciesChanged("The policies changed since a rendition was made; withdraw it and ask for it again.")
        return source

    def authors_of(self, session: Session, release_id: str) -> frozenset[str]:
        """Everyone who asked for a rendition of this release, answered one or said what one rests on of what was
        remembered; superseded ones included.
        """
        rows = session.scalars(select(RenditionRow).where(RenditionRow.release == release_id)).all()
        said = (one["by"] for row in rows for one in self._told(session, row).get("names", ()))
        return frozenset({*(row.author for row in rows), *said})

    def require_settled(self, renditions: Iterable[Rendition]) -> None:
        """Raise `NameNotSettled` where a rendition rests on a name that was forgotten or contradicted since."""
        for one in renditions:
            if not one.names:
                continue
            with self._units.read() as session:
                holding = settled(self._remembered(session, one.matter))
            if not holding.issuperset(one.names):
                raise NameNotSettled(
                    "A remembered name that a rendition rests on was forgotten or contradicted; answer the rendition "
                    "anew, or withdraw it and ask for it again.",
                    rendition=one.id,
                )

    def answers(self, rendition_id: str) -> Answers:
        """The answers a rendition was made with."""
        with self._units.read() as session:
            row = self._row(session, rendition_id)
            return self._answers(session, row)

    def withheld_of(self, session: Session, rendition: Rendition) -> WithheldSet:
        """What must not be in anything that travels with this rendition."""
        return withheld.from_json(json.loads(self.part(session, rendition.withheld_object)))

    def _rendered(self, rendition_id: str, frame: ReleaseFrame, gauge: Gauge) -> Outcome:
        """Rendered with just the policies that it was asked for with, or refused."""
        try:
            self.policies_of((self.get(rendition_id),))
        except (BundleNotInForce, PoliciesChanged) as problem:
            return Outcome(State.REFUSED, reason=problem.detail)
        self._commitments.ensure(self.get(rendition_id).original)
        return render(self._job(rendition_id, frame), self._sandbox, gauge)

    def _job(self, rendition_id: str, frame: ReleaseFrame) -> Job:
        with self._units.read() as session:
            row = self._row(session, rendition_id)
            self._check_entered(session, row)
            library = self._policies.library
            original = self._intake.get(row.original)
            policy = library.policy(row.policy)
            return Job(
                untrusted_original=self.part(session, original.object_id),
                media_type=original.media_type,
                file_name=original.file_name,
                form=self.format_of(original),
                kind=library.kind(original.kind),
                policy=policy,
                context=frame.context,
                on=frame.on,
                answers=self._answers(session, row),
                mark=frame.mark,
                language=frame.language,
                secret=self._secret(session, frame.release),
                detector=self._detector,
                reader=self._reader,
                statements=library.statements,
                consents=self._consents(session, row.matter),
                assessor=self._assessor,
                opening=self._commitments.opening(session, original.id, frame.release),
                remembered=admitted(policy, self._remembered(session, row.matter)),
                fingerprint=self._seed(session, policy, row),
            )

    def _seed(self, session: Session, policy: Policy, row: RenditionRow) -> bytes | None:
        if policy.output.fingerprint != "required":
            return None
        return tracing_seed(
            tracing_key(self._keyring, session), matter=row.matter, original=row.original, release=row.release
        )

    def _remembered(self, session: Session, matter: str) -> tuple[Remembered, ...]:
        """What the matter remembers of headers now."""
        living = self._names.living_in(session, matter) if self._names is not None else ()
        return tuple(Remembered(one.id, one.kind, one.header, one.field, one.by, one.entry) for one in living)

    def policy_of(self, rendition: Rendition) -> Policy:
        """The policy that a rendition was made with."""
        return self._policies.library.policy(rendition.policy)

    def _consents(self, session: Session, matter: str) -> tuple[Consent, ...]:
        """What third parties said, oldest first, and whether it holds today."""
        if self._clearances is None:
            return ()
        today = self._clock.now().date()
        return tuple(
            Consent(
                one.id,
                frozenset(map(party, one.about)),
                one.fields,
                one.recipient_class.value,
                one.lives(today),
                refused=one.state is not ClearanceState.GIVEN,
            )
            for one in self._clearances.of_matter_in(session, matter)
            if one.sort is ClearanceSort.CONSENT
        )

    def _check_entered(self, session: Session, row: RenditionRow) -> None:
        """Raise unless the log says that just this was asked for: a worker opens an original on no other ground."""
        entry = self._log.newest(session, type="rendition.requested", subject=row.id)
        facts = {} if entry is None else entry["facts"]
        told = {
            "release": row.release,
            "original": row.original,
            "policy": row.policy,
            "library": row.library_digest,
        }
        if any(facts.get(name) != value for name, value in told.items()):
            raise NotEntered("This rendition is not what the log says was asked for; withdraw it and ask again.")

    def format_of(self, original: Original) -> Format:
        """The format that renders this original."""
        return self._intake.format_of(original)

    def _keep_parts(self, frame: ReleaseFrame, outcome: Outcome, keepings: ExitStack) -> _Parts:
        seen = outcome.risk.witnesses if outcome.risk else ()

        def kept(role: str, data: bytes | None) -> Keeping | None:
            if data is None:
                return None
            return keepings.enter_context(self._vault.keep(data, matter=frame.matter, role=role))

        return _Parts(
            rendition=kept("rendition", outcome.rebuilt.data if outcome.rebuilt else None),
            decisions=kept("decisions", self._decisions_part(frame, outcome)),
            residue=kept("residue", canonical(told_by(outcome)) if outcome.report else None),
            withheld=kept("withheld", canonical(withheld.to_json(outcome.withheld)) if outcome.withheld else None),
            witness=kept("witness", canonical([one.to_json() for one in seen]) if seen else None),
            proof=kept("proof", canonical(outcome.proof.told) if outcome.proof else None),
            ground=kept(
                "ground", outcome.rebuilt.traced.ground if outcome.rebuilt and outcome.rebuilt.traced else None
            ),
        )

    def _decisions_part(self, frame: ReleaseFrame, outcome: Outcome) -> bytes | None:
        """Decisions as kept: salted, so that their digest in the manifest tells a recipient nothing."""
        if outcome.decisions is None:
            return None
        with self._units.read() as session:
            secret = self._secret(session, frame.release)
        return canonical(
            {
                "salt": hmac.digest(secret, b"decisions", "sha256").hex(),
                "decisions": outcome.decisions.to_json(),
                "policies": self._policies.pins,
                "withheld": list(outcome.index),
                "quorum": [{"role": need.role, "n": need.n} for need in outcome.decisions.approvals],
                **({"risk": outcome.risk.to_json()} if outcome.risk else {}),
            }
        )

    def _finish(self, claim: Claim, frame: ReleaseFrame, outcome: Outcome, parts: _Parts) -> None:
        detector = outcome.decisions.detector if outcome.decisions else None
        report = outcome.report
        read: dict[str, Json] = {}
        classes: list[Json] = list(outcome.decisions.classes) if outcome.decisions else []
        if report is not None:
            read = {"read_by": report.read_by, "near_confirmed": report.counts.get("near_confirmed", 0)}
        risk: dict[str, Json] = {"risk": "held" if outcome.risk.holds else "exceeded"} if outcome.risk else {}
        with self._units.change() as session:
            self.queue.end(session, claim)
            row = self._row(session, claim.rendition)
            if row.state != State.QUEUED:
                raise NotRendered("This rendition was superseded while it was being rendered.")
            row.state = outcome.state
            row.object_id = self._record(session, parts.rendition)
            row.decisions_object = self._record(session, parts.decisions)
            row.residue_object = self._record(session, parts.residue)
            row.withheld_object = self._record(session, parts.withheld)
            if outcome.rebuilt is not None:
                row.media_type, row.size_bytes = outcome.rebuilt.media_type, len(outcome.rebuilt.data)
            rests: dict[str, Json] = {"consents": list(outcome.consents), "classes": classes}
            if outcome.rests_on:
                rests["names"] = [one.to_json() for one in outcome.rests_on]
            digests = {
                "sha256": _digest(parts.rendition),
                "decisions_sha256": _digest(parts.decisions),
                "residue_sha256": _digest(parts.residue),
            }
            witness = self._record(session, parts.witness)
            proof = self._record(session, parts.proof)
            shown: dict[str, Json] = {
                **({"witness": witness} if witness else {}),
                **({"proof": proof} if proof else {}),
            }
            committed = self._committed(session, row, outcome, parts.ground)
            if committed:
                shown["fingerprint"] = committed
            if outcome.headers:
                shown["headers"] = dict(outcome.headers)
            if outcome.proof is not None and outcome.proof.slot is not None:
                self._commitments.take(session, row.original, outcome.proof.slot, row.release)
            row.result = self._keyring.seal_text(
                session,
                owner=row.matter,
                context=f"result:{row.id}",
                text=canonical({**digests, **rests, **shown, "reason": outcome.reason}).decode(),
            )
            self._log.append(
                session,
                Act(
                    type=ENTRY_OF[outcome.state],
                    actor="worker",
                    matter=row.matter,
                    subject=row.id,
                    facts={
                        "release": frame.release,
                        "attempt": claim.attempt,
                        "sandbox": sorted(self._sandbox.layers()),
                        **self._policies.pins,
                        **({"detector": detector} if detector else {}),
                        **read,
                        **risk,
                        **({"fingerprint": committed["commitment"]} if committed else {}),
                    },
                    body={**digests, **rests, "reason": outcome.reason},
                ),
            )

    def _committed(
        self, session: Session, row: RenditionRow, outcome: Outcome, ground: Keeping | None
    ) -> dict[str, Json]:
        """What is kept of a fingerprint, its commitment with it; empty where there is none."""
        if ground is None or outcome.rebuilt is None or outcome.rebuilt.traced is None:
            return {}
        traced = outcome.rebuilt.traced
        commitment = tracing_commitment(
            tracing_key(self._keyring, session),
            matter=row.matter,
            original=row.original,
            release=row.release,
            ground=traced.ground,
        )
        return {
            "commitment": commitment,
            "object": self._record(session, ground),
            "sha256": ground.sha256,
            "size_px": list(traced.ground_px),
            "cells": traced.cells,
        }

    def _supersede(self, session: Session, rendition_id: str) -> Mapping[str, str]:
        """Take it out; the headers that it asked for, by field ids."""
        row = self._row(session, rendition_id)
        if row.state == State.SUPERSEDED:
            raise NotRendered("This rendition was answered or withdrawn meanwhile; answer the newest one.")
        row.state = State.SUPERSEDED
        session.flush()
        headers: Mapping[str, str] = self._told(session, row).get("headers", {})
        return headers

    def _secret(self, session: Session, release_id: str) -> bytes:
        return self._keyring.unwrap(session, self._keyring.find(session, role="release", owner=release_id))

    def _record(self, session: Session, keeping: Keeping | None) -> str | None:
        return None if keeping is None else self._vault.record(session, keeping).id

    def _row(self, session: Session, rendition_id: str) -> RenditionRow:
        row = session.get(RenditionRow, rendition_id)
        if row is None:
            raise NotFound("There is no rendition with this id.")
        return row

    def _answers(self, session: Session, row: RenditionRow) -> Answers:
        if not row.answers:
            raise Shredded("The original of this rendition was shredded, and its answers with it.")
        text = self._keyring.open_text(session, owner=row.matter, context=f"answers:{row.id}", sealed=row.answers)
        return Answers.from_json(json.loads(text))

    def _told(self, session: Session, row: RenditionRow) -> dict[str, Any]:
        if row.result is None:
            return {"sha256": None, "decisions_sha256": None, "residue_sha256": None, "reason": None}
        text = self._keyring.open_text(session, owner=row.matter, context=f"result:{row.id}", sealed=row.result)
        told: dict[str, Any] = json.loads(text)
        return told

    def _rendition(self, session: Session, row: RenditionRow) -> Rendition:
        told = self._told(session, row)
        state = State(row.state)
        held = self.queue.held(session, row.id) if state is State.QUEUED else None
        if held is not None:
            state = State.RENDERING
        return Rendition(
            id=row.id,
            release=row.release,
            matter=row.matter,
            original=row.original,
            kind=row.kind,
            policy=row.policy,
            library_digest=row.library_digest,
            state=state,
            author=row.author,
            media_type=row.media_type,
            size_bytes=row.size_bytes,
            sha256=told["sha256"],
            decisions_sha256=told["decisions_sha256"],
            residue_sha256=told["residue_sha256"],
            object_id=row.object_id,
            decisions_object=row.decisions_object,
            residue_object=row.residue_object,
            withheld_object=row.withheld_object,
            witness_object=told.get("witness"),
            proof_object=told.get("proof"),
            reason=told["reason"],
            created_at=row.created_at,
            progress=held.progress if held else None,
            consents=tuple(told.get("consents", ())),
            classes=tuple(told.get("classes", ())),
            names=tuple(one["name"] for one in told.get("names", ())),
        )


def told_by(outcome: Outcome) -> dict[str, Json]:
    """The report that travels with a clean rendition: that the limits on risk held, and which they are."""
    if outcome.report is None:
        raise ValueError("there is no report on this outcome")
    limits: dict[str, Json] = dict(outcome.risk.limits) if outcome.risk and outcome.risk.holds else {}
    return {**outcome.report.to_json(), **({"risk": {"held": True, "limits": limits}} if limits else {})}


def tracing_key(keyring: Keyring, session: Session) -> bytes:
    """The deployment's key of all fingerprints. Raises `KeyMissing` before the first was made."""
    return keyring.unwrap(session, keyring.find(session, role=KeyRole.TRACING, owner=DEPLOYMENT))


def _traceable(row: RenditionRow, told: Mapping[str, Any]) -> Traceable:
    width_px, height_px = told["size_px"]
    return Traceable(
        rendition=row.id,
        release=row.release,
        matter=row.matter,
        original=row.original,
        commitment=told["commitment"],
        ground_object=told["object"],
        ground_sha256=told["sha256"],
        ground_px=(width_px, height_px),
        cells=told["cells"],
        created_at=row.created_at,
    )


def _digest(keeping: Keeping | None) -> str | None:
    return None if keeping is None else keeping.sha256
