"""Releases from draft to receipt: composed, submitted, approved over exact bytes, sealed, dispatched."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.audit.service import Log
from gateway.base.clock import Clock
from gateway.base.ids import new_id
from gateway.base.problems import NotFound, Refused, Usage
from gateway.base.text import clean_line
from gateway.db import keyset
from gateway.db.unit import Units
from gateway.formats.model import Mark
from gateway.intake import rules as intake_rules
from gateway.intake.service import Intake
from gateway.keys.service import Keyring
from gateway.matter.clearances import Clearances
from gateway.matter.service import Matters
from gateway.people.model import Actor, Permission
from gateway.policy.answers import Answers
from gateway.policy.conditions import Context
from gateway.release import composer
from gateway.release import rules as gates_rules
from gateway.release.export_control import check_exportable
from gateway.release.model import Part, Profile, Release, State
from gateway.release.register import Register, WrongState, release_of
from gateway.release.tables import ReceiptRow, ReleaseRow
from gateway.render.model import ReleaseFrame, Rendition
from gateway.render.model import State as RenditionState
from gateway.render.service import AlreadyInRelease, Renders
from gateway.review.model import Approval, Case, Quorum, Verdict
from gateway.review.service import Reviews
from gateway.sandbox.ports import Sandbox
from gateway.seal.assertion import Assertion
from gateway.seal.twin import SigningTwin
from gateway.vault.service import Keeping, Vault

_OPEN = (State.DRAFT, State.IN_REVIEW, State.CHANGES_REQUESTED)


class NotReady(Refused):
    """A rendition of the release is not clean."""

    slug = "not-ready"
    title = "The release is not ready"


class Releases:
    """Builds releases and keeps their state."""

    def __init__(
        self,
        units: Units,
        keyring: Keyring,
        log: Log,
        clock: Clock,
        vault: Vault,
        matters: Matters,
        clearances: Clearances,
        intake: Intake,
        renders: Renders,
        reviews: Reviews,
        sandbox: Sandbox,
        package_key: Callable[[], SigningTwin],
        *,
        time_stamped: bool = False,
    ) -> None:
        self._units = units
        self._keyring = keyring
        self._log = log
        self._clock = clock
        self._vault = vault
        self._matters = matters
        self._clearances = clearances
        self._intake = intake
        self._renders = renders
        self._register = Register(keyring, log, intake, renders, clearances)
        self._reviews = reviews
        self._sandbox = sandbox
        self._package_key = package_key
        self._time_stamped = time_stamped

    def draft(self, actor: Actor, matter_id: str, recipient_id: str, profile: Profile) -> Release:
        """Open a draft release for one hop. Its own key, made here, keys every pseudonym, order and mark of it."""
        actor.require(Permission.RELEASE_BUILD)
        recipient = self._matters.recipient(matter_id, recipient_id)
        if profile is Profile.SEALED and recipient.age_key is None:
            raise Usage("The sealed profile needs the recipient's age public key; enter it or choose portal.")
        release_id = new_id("rel")
        with self._units.change() as session:
            kek = self._keyring.find(session, role="matter_kek", owner=matter_id)
            self._keyring.create(session, role="release", owner=release_id, parent=kek)
            row = ReleaseRow(
                id=release_id,
                matter=matter_id,
                recipient=recipient_id,
                profile=profile,
                state=State.DRAFT,
                author=actor.person_id,
                created_at=self._clock.now(),
            )
            session.add(row)
            self._register.enter(
                session, actor, row, "release.drafted", {"recipient": recipient_id, "profile": profile.value}
            )
            session.flush()
            return release_of(row)

    def get(self, release_id: str) -> Release:
        """One release, or `NotFound`."""
        with self._units.read() as session:
            return release_of(self._register.row(session, release_id))

    def of_matter(
        self, matter_id: str, *, state: State | None = None, after: str | None = None, limit: int | None = None
    ) -> tuple[Release, ...]:
        """At most `limit` releases of a matter, oldest first, from behind the one with the id `after` on."""
        mine = select(ReleaseRow).where(ReleaseRow.matter == matter_id)
        query = keyset.part(mine, ReleaseRow.id, after=after, limit=limit)
        if state is not None:
            query = query.where(ReleaseRow.state == state)
        with self._units.read() as session:
            return tuple(release_of(row) for row in session.scalars(query).all())

    def standing(self, states: Collection[State], *, limit: int) -> tuple[Release, ...]:
        """At most `limit` releases of all matters that stand in one of `states`, oldest first."""
        query = select(ReleaseRow).where(ReleaseRow.state.in_([*states])).order_by(ReleaseRow.id).limit(limit)
        with self._units.read() as session:
            return tuple(release_of(row) for row in session.scalars(query).all())

    def frame(self, release_id: str) -> ReleaseFrame:
        """What renditions of this release hang on."""
        release = self.get(release_id)
        matter = self._matters.get(release.matter)
        recipient = self._matters.recipient(release.matter, release.recipient)
        day = release.created_at.date()
        profile = release.profile.value
        custody = [matter.recipient(one) for one in recipient.custody if one != recipient.id]
        return ReleaseFrame(
            release=release.id,
            matter=release.matter,
            recipient=recipient.id,
            profile=profile,
            mark=Mark(recipient=recipient.name, release_id=release.id, date=day.isoformat()),
            context=Context(
                self._matters.context(matter, recipient, profile, day),
                tuple(self._matters.context(matter, one, profile, day) for one in custody),
            ),
            on=day,
            language=recipient.language.value,
        )

    def add(
        self, actor: Actor, release_id: str, original_id: str, *, policy_ref: str | None, answers: Answers
    ) -> Rendition:
        """Ask for a rendition of an original in this release. What was approved before no longer counts."""
        original = self._intake.get(original_id)
        if original_id in {one.original for one in self._renders.of_release(release_id)}:
            raise AlreadyInRelease("This original is in the release already; answer or withdraw its rendition first.")
        self._reopen(actor, release_id)
        return self._renders.request(actor, self.frame(release_id), original, policy_ref=policy_ref, answers=answers)

    def answer(self, actor: Actor, rendition_id: str, answers: Answers, *, remember: Collection[str] = ()) -> Rendition:
        """Answer a rendition's questions or change its regions: a new rendition takes its place.

        What is answered of the columns in `remember` holds for the matter's other originals of this kind too.
        """
        actor.require(Permission.RENDITION_ANSWER)
        old = self._renders.get(rendition_id)
        if old.state in (RenditionState.QUEUED, RenditionState.RENDERING):
            raise WrongState("This rendition is being rendered; wait until it has finished.")
        if old.state is RenditionState.SUPERSEDED:
            raise WrongState("This rendition was superseded; answer the newest one.")
        self._reopen(actor, old.release)
        return self._renders.request(
            actor,
            self.frame(old.release),
            self._intake.get(old.original),
            policy_ref=old.policy,
            answers=answers,
            supersedes=old.id,
            remember=remember,
        )

    def withdraw(self, actor: Actor, rendition_id: str) -> Rendition:
        """Take a rendition out of its release. What was approved before no longer counts."""
        actor.require(Permission.RELEASE_BUILD)
        rendition = self._renders.get(rendition_id)
        self._reopen(actor, rendition.release)
        return self._renders.withdraw(actor, rendition_id)

    def submit(self, actor: Actor, release_id: str) -> Release:
        """Compose manifest and documents and put the release before the reviewers.

        Refused while an original is unclassified or blocked, or a rendition is not clean.
        """
        actor.require(Permission.RELEASE_BUILD)
        release = self.get(release_id)
        if release.state not in _OPEN:
            raise WrongState(f"A release that is {release.state.value} cannot be submitted.")
        renditions = self._ready(release)
        matter = self._matters.get(release.matter)
        recipient = self._matters.recipient(release.matter, release.recipient)
        with self._units.read() as session:
            composition = composer.compose(
                session,
                self._renders,
                self._sandbox,
                release=release,
                matter=matter,
                recipient=recipient,
                renditions=renditions,
                formats={one.id: self._renders.format_of(self._intake.get(one.original)) for one in renditions},
                source=self._renders.policies_of(renditions),
                signer=self._package_key().public,
                log=self._log.vkey().split(),
                time_stamped=self._time_stamped,
            )
        with ExitStack() as keepings:
            kept = {
                path: keepings.enter_context(self._vault.keep(matter=release.matter, role="document", data=data))
                for path, data in composition.new_documents()
            }
            return self._submitted(actor, release_id, renditions, composition, kept)

    def review(
        self, actor: Actor, rendition_id: str, *, verdict: Verdict, seen_sha256: str, reason: str | None
    ) -> None:
        """A reviewer's word on one rendition; a request for changes takes the whole release back."""
        rendition = self._renders.get(rendition_id)
        release = self.get(rendition.release)
        if release.state is not State.IN_REVIEW:
            raise WrongState("The release is not in review; submit it first.")

        def also(session: Session) -> None:
            if self._register.row(session, release.id).state != State.IN_REVIEW:
                raise WrongState("The release is no longer in review; look at it again.")
            if verdict is Verdict.CHANGES_REQUESTED:
                self._register.row(session, release.id).state = State.CHANGES_REQUESTED

        with self._units.read() as session:
            authors, uploaders = self._register.involved(session, release)
        self._reviews.review(
            actor,
            rendition,
            authors=authors,
            uploaders=uploaders,
            verdict=verdict,
            seen_sha256=seen_sha256,
            reason=reason,
            also=also,
        )

    def approval_request(self, actor: Actor, release_id: str, role: str) -> tuple[bytes, bytes]:
        """The statement this person would sign in `role`, and the manifest it stands for."""
        with self._units.read() as session:
            row = self._register.row(session, release_id)
            if State(row.state) not in (State.IN_REVIEW, State.APPROVED):
                raise WrongState("The release is not in review; submit it first.")
            case = self._register.case(session, row)
            manifest = self._renders.part(session, self._register.parts(session, row)["manifest.json"].object_id)
        return self._reviews.request(actor, case, role), manifest

    def approve(self, actor: Actor, release_id: str, *, statement: bytes, signature: bytes, algorithm: str) -> Approval:
        """Record an approval; the quorum's last one makes the release approved."""
        current, then = self._approving(actor, release_id)
        return self._reviews.approve(
            actor, current, statement=statement, signature=signature, algorithm=algorithm, then=then
        )

    def approve_with_passkey(
        self, actor: Actor, session_id: str, release_id: str, *, statement: bytes, credential: str, given: Assertion
    ) -> Approval:
        """The same by a passkey that was asked for this statement in this session."""
        current, then = self._approving(actor, release_id)
        return self._reviews.approve_with_passkey(
            actor, session_id, current, statement=statement, credential=credential, given=given, then=then
        )

    def _approving(
        self, actor: Actor, release_id: str
    ) -> tuple[Callable[[Session], Case], Callable[[Session, Case, bool], None]]:
        """The case as it stands inside the approval's transaction, and what its quorum does."""

        def current(session: Session) -> Case:
            row = self._register.row(session, release_id)
            if row.state != State.IN_REVIEW:
                raise WrongState(f"A release that is {row.state} cannot be approved now.")
            self._check_ready(release_id, self._renders.of_release_in(session, release_id))
            return self._register.case(session, row)

        def then(session: Session, case: Case, complete: bool) -> None:
            if complete:
                row = self._register.row(session, release_id)
                row.state = State.APPROVED
                self._register.enter(session, actor, row, "release.approved", {"manifest_sha256": case.manifest_sha256})

        return current, then

    def refuse(self, actor: Actor, release_id: str, reason: str) -> Release:
        """A reviewer refuses the release for good."""

        def current(session: Session) -> Case:
            row = self._register.row(session, release_id)
            if State(row.state) not in (State.IN_REVIEW, State.APPROVED):
                raise WrongState("Only a release in review or approved can be refused.")
            return self._register.case(session, row)

        def then(session: Session) -> None:
            self._register.row(session, release_id).state = State.REFUSED

        self._reviews.refuse(actor, current, reason=reason, then=then)
        return self.get(release_id)

    def approvals(self, release_id: str) -> tuple[tuple[Approval, ...], tuple[Quorum, ...]]:
        """The approvals of the present manifest, and how many are needed."""
        with self._units.read() as session:
            row = self._register.row(session, release_id)
            if row.composition is None:
                return (), ()
            case = self._register.case(session, row)
            return self._reviews.approvals(session, case), case.quorum

    def record(self, actor: Actor, release_id: str, *, kind: str, text: str) -> Release:
        """A receipt (portal number, courier slip) or a recall; a recall records and notifies, it cannot unsend."""
        actor.require(Permission.RECEIPT_RECORD)
        note = clean_line(text, what="reference", max_chars=500)
        state = {"receipt": State.ACKNOWLEDGED, "recall": State.RECALLED}[kind]
        with self._units.change() as session:
            row = self._register.row(session, release_id)
            if State(row.state) not in (State.DISPATCHED, State.ACKNOWLEDGED):
                raise WrongState("Only a dispatched release has a receipt or can be recalled.")
            receipt_id = new_id("rec")
            session.add(
                ReceiptRow(
                    id=receipt_id,
                    release=release_id,
                    kind=kind,
                    person=actor.person_id,
                    sealed=self._keyring.seal_text(
                        session, owner=row.matter, context=f"receipt:{receipt_id}", text=note
                    ),
                    created_at=self._clock.now(),
                )
            )
            row.state = state
            self._register.enter(session, actor, row, f"release.{state.value}", {}, {"reference": note})
            return release_of(row)

    def approved_in(self, session: Session, release_id: str) -> tuple[ReleaseRow, Case]:
        """The approved release and the case on it, inside a dispatcher's transaction: every gate is passed again."""
        row = self._register.row(session, release_id)
        case = self._register.case(session, row)
        if row.state != State.APPROVED:
            raise WrongState(f"A release that is {row.state} cannot be dispatched; it needs its approvals first.")
        self._check_ready(release_id, self._renders.of_release_in(session, release_id))
        self._register.check_entered(session, row)
        return row, case

    def parts(self, release_id: str) -> tuple[Part, ...]:
        """The files of the composed package; none before it is composed."""
        with self._units.read() as session:
            row = self._register.row(session, release_id)
            return tuple(self._register.parts(session, row).values()) if row.composition is not None else ()

    def document(self, release_id: str, path: str) -> bytes:
        """One composed document, in memory; renditions are opened under their own ids."""
        if any(part.path == path and part.role == "file" for part in self.parts(release_id)):
            raise NotFound("This file is a rendition; open it under the rendition's id.")
        return self.bytes_of(release_id, path)

    def bytes_of(self, release_id: str, path: str) -> bytes:
        """One file of the composed package, in memory."""
        with self._units.read() as session:
            row = self._register.row(session, release_id)
            part = self._register.parts(session, row).get(path)
            if part is None:
                raise NotFound("The release has no such file.")
            return self._renders.part(session, part.object_id)

    def _submitted(
        self,
        actor: Actor,
        release_id: str,
        renditions: tuple[Rendition, ...],
        composition: composer.Composition,
        kept: Mapping[str, Keeping],
    ) -> Release:
        with self._units.change() as session:
            row = self._register.row(session, release_id)
            if State(row.state) not in _OPEN or self._renders.of_release_in(session, release_id) != renditions:
                raise WrongState("The release changed while it was being composed; submit it again.")
            parts = composition.with_objects(
                {path: self._vault.record(session, keeping).id for path, keeping in kept.items()}
            )
            row.manifest_sha256 = composition.manifest_sha256
            row.state = State.IN_REVIEW
            self._register.compose(session, row, parts, composition.quorum)
            self._register.enter(
                session, actor, row, "release.submitted", {"manifest_sha256": composition.manifest_sha256}
            )
            return release_of(row)

    def _ready(self, release: Release) -> tuple[Rendition, ...]:
        renditions = self._renders.of_release(release.id)
        self._check_ready(release.id, renditions)
        return renditions

    def _check_ready(self, release_id: str, renditions: tuple[Rendition, ...]) -> None:
        if not renditions:
            raise NotReady("The release holds no rendition; add one first.")
        for one in renditions:
            if one.state not in (RenditionState.CLEAN, RenditionState.REVIEWED):
                raise NotReady(
                    f"A rendition is {one.state.value}; answer its questions or withdraw it before submitting.",
                    rendition=one.id,
                )
            intake_rules.check_classified(self._intake.get(one.original))
        self._renders.require_settled(renditions)
        self._check_single(renditions)
        self._check_cleared(release_id, renditions)

    def _check_single(self, renditions: tuple[Rendition, ...]) -> None:
        """Raise where two renditions show the same file: laid side by side they say what no policy lets them say."""
        seen: dict[str, set[str | None]] = {}
        for one in renditions:
            sheets = seen.setdefault(self._intake.get(one.original).sha256 or one.original, set())
            sheet = self._renders.answers(one.id).sheet
            if sheets and (sheet is None or None in sheets or sheet in sheets):
                raise NotReady(
                    "The same file is in the release twice; withdraw one of its renditions, or of a workbook declare "
                    "another sheet.",
                    rendition=one.id,
                )
            sheets.add(sheet)

    def _check_cleared(self, release_id: str, renditions: tuple[Rendition, ...]) -> None:
        """Raise where a policy's gate asks for a clearance that does not hold today."""
        gated = [(one, gates) for one in renditions for gates in self._renders.policy_of(one).gates]
        if not any(gates.consent or gates.personal_data or gates.export_control for _, gates in gated):
            return
        frame, today = self.frame(release_id), self._clock.now().date()
        clearances = self._clearances.of_matter(frame.matter)
        exported = self._clearances.export_control(frame.matter)
        for rendition, gates in gated:
            if gates.consent is not None:
                gates_rules.check_consents(rendition, frame.context, clearances, today)
            if gates.personal_data is not None:
                gates_rules.check_assessed(rendition, gates.personal_data, frame.context, clearances, today)
            if gates.export_control is not None:
                check_exportable(rendition, gates.export_control, frame.context, exported, today)

    def _reopen(self, actor: Actor, release_id: str) -> None:
        """A change in an open release takes it back to draft, so that nothing approved before counts."""
        release = self.get(release_id)
        if release.state is State.DRAFT:
            return
        if release.state not in (*_OPEN, State.APPROVED):
            raise WrongState(f"A release that is {release.state.value} cannot be changed; make a new one.")
        if not {Permission.RELEASE_BUILD, Permission.RENDITION_ANSWER} & actor.scopes:
            actor.require(Permission.RELEASE_BUILD)
        with self._units.change() as session:
            row = self._register.row(session, release_id)
            if State(row.state) not in (*_OPEN, State.APPROVED):
                raise WrongState(f"A release that is {row.state} cannot be changed; make a new one.")
            row.state, row.manifest_sha256, row.composition = State.DRAFT, None, None
            self._register.enter(session, actor, row, "release.reopened", {})
