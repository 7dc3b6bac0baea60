"""Originals and what their owners answered about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ExportControl(StrEnum):
    """Export-control classification of an original."""

    NONE = "none"
    EAR99 = "ear99"
    LICENSED = "licensed"
    CONTROLLED = "controlled"


class PersonalData(StrEnum):
    """Whether an original holds personal data, and whether its disclosure was assessed."""

    NONE = "none"
    ASSESSED = "assessed"
    NOT_ASSESSED = "not_assessed"


class ThirdParty(StrEnum):
    """Whether an original holds third parties' secrets, and whether they consent."""

    NONE = "none"
    CONSENTED = "consented"
    WITHHELD_BY_POLICY = "withheld_by_policy"
    REFUSED = "refused"


class DefenceNexus(StrEnum):
    """Whether an original touches a defence end use."""

    NO = "no"
    YES = "yes"


@dataclass(frozen=True, slots=True)
class Classification:
    """The four answers every original needs before anything made of it can be released."""

    export_control: ExportControl
    personal_data: PersonalData
    third_party: ThirdParty
    defence_nexus: DefenceNexus
    licence_number: str | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """Uploaded bytes, immutable. `file_name` is for people inside; it never leaves and decides nothing.

    Once shredded it has neither digest nor name nor answers.
    """

    id: str
    matter: str
    kind: str
    media_type: str
    object_id: str
    size_bytes: int
    sha256: str | None
    file_name: str | None
    uploader: str
    classification: Classification | None
    created_at: datetime
    shredded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the uploader holds: these bytes are kept, and this entry says so."""

    original: str
    kind: str
    media_type: str
    size_bytes: int
    sha256: str
    audit_index: int


@dataclass(frozen=True, slots=True)
class Upload:
    """One resumable upload: `received_bytes` are durable; `receipt` is there once it has become an original."""

    id: str
    matter: str
    kind: str
    length_bytes: int | None
    received_bytes: int
    limit_bytes: int
    expires_at: datetime
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class UploadBounds:
    """How long an upload may lie unfinished, and how many and how large one person's may be together."""

    lifetime_s: int
    open_max: int
    staged_bytes: int
