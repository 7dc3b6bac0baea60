"""Reviews and approvals: recorded with their entries, and every signature verified again when it counts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base.canon import Json
from gateway.base.clock import Clock
from gateway.base.ids import new_id
from gateway.base.problems import Conflict, Refused
from gateway.base.text import clean_line
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.people.model import Actor, Permission
from gateway.people.passkeys import Passkeys
from gateway.people.service import People
from gateway.render.model import Rendition
from gateway.render.service import Renders
from gateway.review import rules
from gateway.review.model import Approval, Case, Cleared, Review, Verdict
from gateway.review.tables import ApprovalRow, ReviewRow
from gateway.seal import assertion as webauthn
from gateway.seal.assertion import Assertion
from gateway.seal.signature import from_text, to_text

ALGORITHM = "Ed25519"


class NotReviewed(Refused):
    """A rendition of the release has not been reviewed in its present bytes."""

    slug = "not-reviewed"
    title = "A rendition has not been reviewed"


class AlreadyApproved(Conflict):
    """This person has approved this manifest before."""

    slug = "already-approved"
    title = "You have approved this release already"


class Reviews:
    """Records what reviewers say and sign, and clears a release only on signatures it verified itself."""

    def __init__(
        self,
        units: Units,
        keyring: Keyring,
        log: Log,
        clock: Clock,
        people: People,
        passkeys: Passkeys,
        renders: Renders,
    ) -> None:
        self._units = units
        self._keyring = keyring
        self._log = log
        self._clock = clock
        self._people = people
        self._passkeys = passkeys
        self._renders = renders

    def review(
        self,
        actor: Actor,
        rendition: Rendition,
        *,
        authors: frozenset[str],
        uploaders: frozenset[str],
        verdict: Verdict,
        seen_sha256: str,
        reason: str | None,
        also: Callable[[Session], None] | None = None,
    ) -> Review:
        """Record a reviewer's word on the bytes with `seen_sha256`; other bytes than the present ones are refused.

        `also` runs in the same transaction, for the release whose state the word changes.
        """
        actor.require(Permission.RENDITION_REVIEW)
        rules.check_may_review(authors, uploaders, actor.person_id)
        if seen_sha256 != rendition.sha256:
            raise rules.StatementMismatch(
                "The bytes you looked at are not the rendition's present bytes; open it again and review that.",
                field="sha256",
            )
        if verdict is Verdict.CHANGES_REQUESTED and not reason:
            raise Refused("A request for changes needs its reason; say what must change and where.")
        now = self._clock.now()
        review_id = new_id("rev")
        with self._units.change() as session:
            if verdict is Verdict.REVIEWED:
                self._renders.mark_reviewed(session, rendition.id)
            session.add(
                ReviewRow(
                    id=review_id,
                    rendition=rendition.id,
                    release=rendition.release,
                    reviewer=actor.person_id,
                    verdict=verdict,
                    sha256=seen_sha256,
                    reason=self._sealed(session, rendition.matter, f"review:{review_id}", reason),
                    created_at=now,
                )
            )
            if also is not None:
                also(session)
            self._log.append(
                session,
                Act(
                    type=f"rendition.{verdict.value}",
                    actor=actor.person_id,
                    matter=rendition.matter,
                    subject=rendition.id,
                    facts={"release": rendition.release},
                    body={"sha256": seen_sha256, "reason": reason},
                ),
            )
        return Review(rendition.id, actor.person_id, verdict, seen_sha256, now)

    def request(self, actor: Actor, case: Case, role: str) -> bytes:
        """The statement that `actor` would sign to approve `case` in `role`."""
        actor.require(Permission.RELEASE_APPROVE)
        rules.check_role(role, actor.roles)
        rules.check_may_review(case.authors, case.uploaders, actor.person_id)
        return rules.statement(case, approver=actor.person_id, role=role, at=self._clock.now())

    def approve(
        self,
        actor: Actor,
        current: Callable[[Session], Case],
        *,
        statement: bytes,
        signature: bytes,
        algorithm: str,
        then: Callable[[Session, Case, bool], None],
    ) -> Approval:
        """Record an approval if it holds against the release as it stands inside this transaction.

        `current` gives the case within the transaction; `then` is told whether the quorum is now complete.
        """
        actor.require(Permission.RELEASE_APPROVE)
        with self._units.change() as session:
            case = current(session)
            role = self._check_approval(actor, case, statement, algorithm)
            self._people.public_key(actor.person_id).verify(signature, statement)
            key = to_text(self._people.public_key(actor.person_id))
            approval = self._record(session, actor, case, role, statement, (algorithm, key, signature))
            then(session, case, self._complete(session, case))
            return approval

    def ask_passkey(self, actor: Actor, session_id: str, statement: bytes, origin: str) -> dict[str, Json]:
        """Options to sign `statement`, which `request` gave, with a passkey, in this session, once and soon."""
        actor.require(Permission.RELEASE_APPROVE)
        return self._passkeys.ask(session_id, actor.person_id, statement, origin)

    def approve_with_passkey(
        self,
        actor: Actor,
        session_id: str,
        current: Callable[[Session], Case],
        *,
        statement: bytes,
        credential: str,
        given: Assertion,
        then: Callable[[Session, Case, bool], None],
    ) -> Approval:
        """The same by the assertion of a passkey over the statement that `ask_passkey` asked for in this session."""
        actor.require(Permission.RELEASE_APPROVE)
        with self._units.change() as session:
            case = current(session)
            role = self._check_approval(actor, case, statement, ALGORITHM)
            key = self._passkeys.answer(session, session_id, actor.person_id, statement, credential, given)
            approval = self._record(session, actor, case, role, statement, (webauthn.ALGORITHM, key, given.pack()))
            then(session, case, self._complete(session, case))
            return approval

    def refuse(
        self,
        actor: Actor,
        current: Callable[[Session], Case],
        *,
        reason: str,
        then: Callable[[Session], None],
    ) -> None:
        """Refuse the release as a whole, with a reason; needs no quorum."""
        actor.require(Permission.RELEASE_APPROVE)
        text = clean_line(reason, what="reason", max_chars=2000)
        with self._units.change() as session:
            case = current(session)
            rules.check_may_review(case.authors, case.uploaders, actor.person_id)
            then(session)
            self._log.append(
                session,
                Act(
                    type="release.refused",
                    actor=actor.person_id,
                    matter=case.matter,
                    subject=case.release,
                    facts={"manifest_sha256": case.manifest_sha256},
                    body={"reason": text},
                ),
            )

    def clear(self, session: Session, case: Case, dispatcher: str | None) -> Cleared:
        """Verify everything again and give the one object that opens the packager's door.

        1. Every rendition was reviewed in its present bytes by somebody who may.
        2. Every counted approval is a valid signature by its approver's present key over the statement on `case`.
        3. The approver holds the role still, and neither built nor uploaded.
        4. The quorum is complete; the dispatcher neither built nor approved.
        """
        self._check_reviews(session, case)
        approvals = self.approvals(session, case)
        for one in approvals:
            self._check_stored(session, case, one)
        rules.check_quorum(case.quorum, approvals)
        if dispatcher is not None:
            rules.check_dispatcher(case, approvals, dispatcher)
        return Cleared(case, approvals)

    def approvals(self, session: Session, case: Case) -> tuple[Approval, ...]:
        """The stored approvals of the present manifest, oldest first."""
        query = (
            select(ApprovalRow)
            .where(ApprovalRow.release == case.release, ApprovalRow.manifest_sha256 == case.manifest_sha256)
            .order_by(ApprovalRow.id)
        )
        return tuple(_approval(row) for row in session.scalars(query))

    def _check_approval(self, actor: Actor, case: Case, statement: bytes, algorithm: str) -> str:
        if algorithm != ALGORITHM:
            raise rules.StatementMismatch(
                "This gateway takes Ed25519 signatures; sign with `gateway sign`.", field="alg"
            )
        role = rules.check_statement(statement, case, approver=actor.person_id, now=self._clock.now())
        rules.check_role(role, actor.roles)
        rules.check_may_review(case.authors, case.uploaders, actor.person_id)
        return role

    def _check_stored(self, session: Session, case: Case, approval: Approval) -> None:
        if approval.algorithm == webauthn.ALGORITHM:
            self._passkeys.check_still(session, approval.approver, approval.key, approval.statement, approval.signature)
        else:
            key = from_text(approval.key)
            key.verify(approval.signature, approval.statement)
            if key != self._people.public_key(approval.approver):
                raise rules.StatementMismatch(
                    "An approver's key has changed since the approval; ask for it again.", field="key"
                )
        role = rules.check_statement(approval.statement, case, approver=approval.approver, now=approval.created_at)
        if role != approval.role:
            raise rules.StatementMismatch("An approval's role is not the one that was signed.", field="role")
        rules.check_role(role, self._people.person(approval.approver).roles)
        rules.check_may_review(case.authors, case.uploaders, approval.approver)

    def _check_reviews(self, session: Session, case: Case) -> None:
        present = {one.id: one.sha256 for one in self._renders.of_release_in(session, case.release)}
        query = select(ReviewRow).where(ReviewRow.release == case.release).order_by(ReviewRow.id)
        latest = {row.rendition: row for row in session.scalars(query)}
        for rendition in case.renditions:
            row = latest.get(rendition)
            if row is None or row.verdict != Verdict.REVIEWED or row.sha256 != present.get(rendition):
                raise NotReviewed(
                    "A rendition has not been reviewed in its present bytes; a reviewer must look at it first.",
                    rendition=rendition,
                )
            rules.check_may_review(case.authors, case.uploaders, row.reviewer)

    def _complete(self, session: Session, case: Case) -> bool:
        try:
            rules.check_quorum(case.quorum, self.approvals(session, case))
        except rules.QuorumMissing:
            return False
        return True

    def _record(
        self, session: Session, actor: Actor, case: Case, role: str, statement: bytes, signed: tuple[str, str, bytes]
    ) -> Approval:
        algorithm, key, signature = signed
        self._check_reviews(session, case)
        if any(one.approver == actor.person_id for one in self.approvals(session, case)):
            raise AlreadyApproved("You have approved this release already; one person's approval counts once.")
        index = self._log.append(
            session,
            Act(
                type="release.approval",
                actor=actor.person_id,
                matter=case.matter,
                subject=case.release,
                facts={
                    "manifest_sha256": case.manifest_sha256,
                    "role": role,
                    "statement_sha256": hashlib.sha256(statement).hexdigest(),
                    "signature_sha256": hashlib.sha256(signature).hexdigest(),
                },
            ),
        )
        row = ApprovalRow(
            id=new_id("app"),
            release=case.release,
            manifest_sha256=case.manifest_sha256,
            approver=actor.person_id,
            role=role,
            statement=statement,
            algorithm=algorithm,
            key=key,
            signature=signature,
            audit_index=index,
            created_at=self._clock.now(),
        )
        session.add(row)
        session.flush()
        return _approval(row)

    def _sealed(self, session: Session, matter: str, context: str, text: str | None) -> bytes | None:
        if text is None:
            return None
        clean = clean_line(text, what="reason", max_chars=2000)
        return self._keyring.seal_text(session, owner=matter, context=context, text=clean)


def _approval(row: ApprovalRow) -> Approval:
    return Approval(
        id=row.id,
        release=row.release,
        manifest_sha256=row.manifest_sha256,
        approver=row.approver,
        role=row.role,
        statement=row.statement,
        algorithm=row.algorithm,
        key=row.key,
        signature=row.signature,
        audit_index=row.audit_index,
        created_at=row.created_at,
    )
