"""Releases, approvals and what comes back."""

from __future__ import annotations

from typing import Any

from gateway.release.model import Part, Profile, Release, State
from gateway.render.model import Rendition
from gateway.render.model import State as RenditionState
from gateway.review.model import Approval, Quorum
from gateway.web.schemas.common import Id, In, Line, Out, Signature, Text, Time, example

_RELEASE = "rel_01kag5v3q8m2s7d9x4e6b0cfhn"
_SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class ReleaseIn(In):
    """A draft release for one recipient."""

    model_config = example(recipient="rcp_01kag5v3q8m2s7d9x4e6b0cfhn", profile="portal")
    recipient: Id
    profile: Profile


class ReleaseOut(Out):
    """A release, from draft to receipt."""

    model_config = example(id=_RELEASE, profile="portal", state="draft")
    id: str
    matter: str
    recipient: str
    profile: Profile
    state: State
    author: str
    manifest_sha256: str | None
    sealed_index: int | None
    package_bytes: int | None
    package_sha256: str | None
    dispatcher: str | None
    created_at: Time

    @classmethod
    def of(cls, release: Release) -> ReleaseOut:
        """As the interface says it."""
        return cls.model_validate(release)


class ReleasesOut(Out):
    """A page of releases, oldest first."""

    releases: list[ReleaseOut]
    next_cursor: str | None


class RenditionSummaryOut(Out):
    """A rendition within its release."""

    id: str
    original: str
    kind: str
    policy: str
    state: RenditionState
    sha256: str | None

    @classmethod
    def of(cls, rendition: Rendition) -> RenditionSummaryOut:
        """As the interface says it."""
        return cls.model_validate(rendition)


class ApprovalOut(Out):
    """One person's signature over the manifest, in one role."""

    model_config = example(
        id="app_01kag5v3q8m2s7d9x4e6b0cfhn",
        release=_RELEASE,
        manifest_sha256=_SHA,
        approver="per_01kag5v3q8m2s7d9x4e6b0cfhn",
        role="legal",
        algorithm="Ed25519",
        audit_index=77,
        created_at="2026-01-31T08:00:00.000Z",
    )
    id: str
    release: str
    manifest_sha256: str
    approver: str
    role: str
    algorithm: str
    audit_index: int
    created_at: Time

    @classmethod
    def of(cls, approval: Approval) -> ApprovalOut:
        """As the interface says it."""
        return cls.model_validate(approval)


class QuorumOut(Out):
    """How many approvals of one role are needed."""

    role: str
    n: int

    @classmethod
    def of(cls, one: Quorum) -> QuorumOut:
        """As the interface says it."""
        return cls.model_validate(one)


class ApprovalsOut(Out):
    """Approvals of the present manifest, and how many are needed."""

    given: list[ApprovalOut]
    needed: list[QuorumOut]


class PartOut(Out):
    """One file of the composed package."""

    path: str
    role: str
    sha256: str
    size_bytes: int
    rendition: str | None

    @classmethod
    def of(cls, part: Part) -> PartOut:
        """As the interface says it."""
        return cls.model_validate(part)


class ReleaseDetailOut(ReleaseOut):
    """A release with its renditions, its approvals and, once composed, its parts."""

    renditions: list[RenditionSummaryOut]
    approvals: ApprovalsOut
    parts: list[PartOut]


class ApprovalRequestOut(Out):
    """The exact text to sign, and the manifest it stands for."""

    model_config = example(statement='{"approver":"per_…", …}', manifest={"files": []}, manifest_sha256=_SHA)
    statement: str
    manifest: dict[str, Any]
    manifest_sha256: str


class ApprovalIn(In):
    """The statement of the approval request as it was signed, and the signature."""

    model_config = example(statement='{"approver":"per_…", …}', signature="c2lnbmF0dXJlLi4u", alg="Ed25519")
    statement: Text
    signature: Signature
    alg: Line


class ReasonIn(In):
    """Why."""

    model_config = example(reason="The recipient asked for a later delivery.")
    reason: Text


class ReferenceIn(In):
    """What came back: a portal number, a courier slip."""

    model_config = example(reference="Portal 2026-00871")
    reference: Text
