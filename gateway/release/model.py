"""Releases, from draft to receipt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """Where a release stands."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    DISPATCHED = "dispatched"
    ACKNOWLEDGED = "acknowledged"
    CHANGES_REQUESTED = "changes_requested"
    REFUSED = "refused"
    RECALLED = "recalled"


class Profile(StrEnum):
    """How the package is handed over: encrypted to the recipient's key, or as flat files in a zip."""

    SEALED = "sealed"
    PORTAL = "portal"


@dataclass(frozen=True, slots=True)
class Release:
    """The renditions for one recipient, from draft to receipt."""

    id: str
    matter: str
    recipient: str
    profile: Profile
    state: State
    author: str
    manifest_sha256: str | None
    sealed_index: int | None
    package_object: str | None
    package_bytes: int | None
    package_sha256: str | None
    dispatcher: str | None
    binding_object: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the package, kept encrypted until the package is made."""

    path: str
    role: str
    object_id: str
    sha256: str
    size_bytes: int
    kind: str | None = None
    media_type: str | None = None
    rendition: str | None = None
    decisions_sha256: str | None = None
    residue_sha256: str | None = None
    policy: str | None = None
