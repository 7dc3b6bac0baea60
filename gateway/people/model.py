"""People, roles, permissions and what is said when they do not fit."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.base.problems import CheckFailed, Conflict, Forbidden, NotFound, Refused, Unauthenticated, Usage


class Role(StrEnum):
    """What a person is in the company's eyes."""

    ORIGINATOR = "originator"
    COMPLIANCE = "compliance"
    POLICY_AUTHOR = "policy_author"
    LEGAL = "legal"
    PRIVACY = "privacy"
    DISPATCHER = "dispatcher"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """One act a role may do and a token may be narrowed to."""

    MATTER_CREATE = "matter.create"
    MATTER_READ = "matter.read"
    ORIGINAL_UPLOAD = "original.upload"
    ORIGINAL_CLASSIFY = "original.classify"
    ORIGINAL_OPEN = "original.open"
    ORIGINAL_SHRED = "original.shred"
    CONSENT_RECORD = "consent.record"
    ASSESSMENT_RECORD = "assessment.record"
    NAME_FORGET = "name.forget"
    EXPORT_RECORD = "export.record"
    RELEASE_BUILD = "release.build"
    RENDITION_READ = "rendition.read"
    RENDITION_ANSWER = "rendition.answer"
    RENDITION_REVIEW = "rendition.review"
    RELEASE_APPROVE = "release.approve"
    RELEASE_DISPATCH = "release.dispatch"
    RECEIPT_RECORD = "receipt.record"
    TRACE_RUN = "trace.run"
    AUDIT_READ = "audit.read"
    AUDIT_EXPORT = "audit.export"
    EVIDENCE_TAKE = "evidence.take"
    PEOPLE_PROPOSE = "people.propose"
    PEOPLE_COUNTERSIGN = "people.countersign"
    PEOPLE_READ = "people.read"


class PersonState(StrEnum):
    """`proposed` until a second person signs, `active` until retired; nobody comes back from `retired`."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    RETIRED = "retired"


class NotPermitted(Forbidden):
    """The roles of a person, or the scopes of their token, do not hold the permission."""

    slug = "not-permitted"
    title = "Not among your permissions"


class RolesRefused(Refused):
    """Roles that one person may not hold together, or none at all."""

    slug = "roles-refused"
    title = "These roles cannot be held by one person"


class FoundingRefused(Refused):
    """Two founders who could not enrol a third person, or who are not two."""

    slug = "founding-refused"
    title = "These two cannot found the deployment"


class AlreadyFounded(Conflict):
    """The founding ceremony happens once."""

    slug = "already-founded"
    title = "This deployment is founded already"


class KeyTaken(Conflict):
    """A public key that belongs to somebody, also to somebody retired."""

    slug = "key-taken"
    title = "This key belongs to somebody already"


class NothingProposed(Conflict):
    """What should be countersigned is not waiting for it, or no longer stands."""

    slug = "nothing-proposed"
    title = "Nothing waits for a second signature here"


class SecondPersonNeeded(Refused):
    """Proposer or subject tried to be the second person."""

    slug = "second-person-needed"
    title = "A second person has to sign"


class LastOnes(Refused):
    """A removal after which nobody could enrol anybody."""

    slug = "last-ones"
    title = "Nobody would be left to enrol others"


class SignatureRefused(Unauthenticated):
    """A signature that the person's enrolled key did not make over these bytes."""

    slug = "signature-refused"
    title = "The signature is not by this person's key"


class PersonNotActive(Unauthenticated):
    """A person unknown here, not yet countersigned, or retired."""

    slug = "person-not-active"
    title = "This person cannot act here"


class StatementMalformed(Usage):
    """A signed statement that does not have the documented fields in canonical form."""

    slug = "statement-malformed"
    title = "The statement is not formed as documented"


class TokenTermsRefused(Refused):
    """A token asked for at the wrong time or for too long."""

    slug = "token-terms-refused"
    title = "A token is not given on these terms"


class TokenReplayed(Conflict):
    """A token statement that has been used."""

    slug = "token-replayed"
    title = "This token statement has been used"


class TokenNotValid(Unauthenticated):
    """A token that is unknown, expired or revoked, or whose person was retired: callers cannot tell which."""

    slug = "token-not-valid"
    title = "The token does not hold"


class SessionNotValid(Unauthenticated):
    """A session that is unknown, over or ended, or whose person was retired: callers cannot tell which."""

    slug = "session-not-valid"
    title = "The session does not hold"


class PasskeyRefused(Usage):
    """What an authenticator gave to be registered is not as asked."""

    slug = "passkey-refused"
    title = "This passkey cannot be registered"


class PasskeyNotValid(Unauthenticated):
    """A passkey unknown here, or not countersigned yet."""

    slug = "passkey-not-valid"
    title = "This passkey is not good for anything here"


class PasskeyRevoked(Unauthenticated):
    """A passkey that was taken out of use."""

    slug = "passkey-revoked"
    title = "This passkey was revoked"


class PasskeyCopied(Unauthenticated):
    """An authenticator whose count went back: there may be two of it."""

    slug = "passkey-copied"
    title = "There may be a copy of this passkey"


class InvitationNotValid(Unauthenticated):
    """An invitation that is unknown, used or too old: callers cannot tell which."""

    slug = "invitation-not-valid"
    title = "The invitation does not hold"


class CsrfRefused(Forbidden):
    """A change that a page of this gateway did not send."""

    slug = "csrf-refused"
    title = "This did not come from a page of the gateway"


class RegisterChanged(CheckFailed):
    """A row of the register says what no entry of the log gave."""

    slug = "register-changed"
    title = "The register differs from the log"


class NoSuchPerson(NotFound):
    """No person or proposal with this id."""

    slug = "no-such-person"
    title = "No such person here"


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever acts now: a person, the roles they hold at this moment, and the permissions their token is good for."""

    person_id: str
    roles: frozenset[Role]
    scopes: frozenset[Permission]

    def require(self, permission: Permission) -> None:
        """Raise `NotPermitted` unless this actor may do `permission`."""
        if permission not in self.scopes:
            raise NotPermitted(
                f"This needs the permission {permission.value}, which your roles or this token do not hold."
            )


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in with a browser; `means` is what they signed in with."""

    id: str
    person_id: str
    means: str
    opened_at: datetime
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who comes with a cookie, and what a page of theirs has to send with every change."""

    actor: Actor
    session: Session
    csrf: str

    def check_csrf(self, untrusted_csrf: str) -> None:
        """Raise `CsrfRefused` unless a page of this session sent the request."""
        if not hmac.compare_digest(untrusted_csrf.encode(), self.csrf.encode()):
            raise CsrfRefused("The form is not of this session; load the page again and repeat what you did.")

    def __repr__(self) -> str:
        """Without the secret of the pages."""
        return f"SignedIn(session={self.session.id!r})"


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session and its cookie, told once: the gateway keeps only its digest."""

    cookie: str
    signed_in: SignedIn

    def __repr__(self) -> str:
        """Without the cookie."""
        return f"OpenedSession({self.signed_in!r})"


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey of a person; `statement` is what the second person signs, `entry` the audit index of that."""

    id: str
    person_id: str
    key: str
    origin: str
    backup_eligible: bool
    backed_up: bool
    proposer: str
    proposed_at: datetime
    entry: int | None
    revoked_at: datetime | None
    statement: bytes

    @property
    def good(self) -> bool:
        """Whether a second person signed for it and nobody revoked it; its use asks the log, too."""
        return self.entry is not None and self.revoked_at is None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the statement: what two people compare before the second one signs."""
        return hashlib.sha256(self.statement).hexdigest()


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation to register a passkey; its secret is told this once."""

    secret: str
    person_id: str
    expires_at: datetime

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Invitation(person_id={self.person_id!r}, expires_at={self.expires_at!r})"


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the gateway knows them. `roles` are those held now: none while proposed or retired."""

    id: str
    name: str
    roles: frozenset[Role]
    public_key: str
    state: PersonState


@dataclass(frozen=True, slots=True)
class Founder:
    """One of the two founders: who, with which key (`ed25519:…`), and their signature over the founding statement."""

    name: str
    roles: frozenset[Role]
    public_key: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person's signature is worth at this moment, without their name; `entries` gave them each role, by audit
    index.
    """

    person_id: str
    state: PersonState
    roles: frozenset[Role]
    public_key: str
    entries: Mapping[Role, int]

    def require_active(self) -> None:
        """Raise `PersonNotActive` unless the person was countersigned and not retired."""
        if self.state is not PersonState.ACTIVE:
            raise PersonNotActive("This person is not active here; enrolment needs a second person's signature.")


@dataclass(frozen=True, slots=True)
class Proposal:
    """Roles that wait for a second signature; `statement` is what the second person signs."""

    id: str
    person_id: str
    roles: frozenset[Role]
    proposer: str
    proposed_at: datetime
    statement: bytes


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token, told once: the gateway keeps only its digest."""

    token: str
    person_id: str
    scopes: frozenset[Permission]
    expires_at: datetime

    def __repr__(self) -> str:
        """Without the token, so that no log or traceback tells it."""
        return f"IssuedToken(person_id={self.person_id!r}, expires_at={self.expires_at!r})"


def role_names(roles: Collection[Role]) -> list[str]:
    """The one order in which roles are written into statements, entries and rows."""
    return sorted(role.value for role in roles)
