"""Reviews, approvals, and what a release must show before its bytes can be reached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    """What a reviewer says of one rendition."""

    REVIEWED = "reviewed"
    CHANGES_REQUESTED = "changes_requested"


@dataclass(frozen=True, slots=True)
class Quorum:
    """How many approvals of one role a release needs."""

    role: str
    n: int


@dataclass(frozen=True, slots=True)
class FileFact:
    """One file a release would hand over: where its bytes lie and what they must be."""

    path: str
    object_id: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Case:
    """Everything an approval is judged by, as the release stands now.

    `authors` built the release, asked for its renditions or answered their questions; `uploaders` brought the
    originals. None of them may approve. `renditions` are the ids whose review is needed.
    """

    release: str
    matter: str
    recipient: str
    manifest_sha256: str
    quorum: tuple[Quorum, ...]
    authors: frozenset[str]
    uploaders: frozenset[str]
    renditions: tuple[str, ...]
    files: tuple[FileFact, ...]

    @property
    def disclosed(self) -> int:
        """How many disclosed documents there are, without the index, the reports and the manifest beside them."""
        return len(self.renditions)


@dataclass(frozen=True, slots=True)
class Approval:
    """A signature of one person, in one role, over the canonical statement on one manifest."""

    id: str
    release: str
    manifest_sha256: str
    approver: str
    role: str
    statement: bytes
    algorithm: str
    key: str
    signature: bytes
    audit_index: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Review:
    """A reviewer's word on one rendition's exact bytes."""

    rendition: str
    reviewer: str
    verdict: Verdict
    sha256: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Cleared:
    """Proof that a release was cleared in this transaction: every signature verified, every file named.

    Only `Reviews.clear` makes one. The packager takes nothing else, and reads no bytes but the files named here.
    """

    case: Case
    approvals: tuple[Approval, ...]
