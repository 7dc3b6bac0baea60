"""What the server answers, as frozen dataclasses; members that this version does not know are left out.

Words from closed lists, times and dates stay text, as the interface documents them. `etag` is that of the answer where
one thing was asked for, for `if_match`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from gateway.base.canon import canonical
from gateway.base.problems import CheckFailed

_T = TypeVar("_T")


class RequestDiffers(CheckFailed):
    """An approval request that does not stand for what it shows. It is not signed."""

    slug = "request-differs"
    title = "The approval request does not stand for what it shows"


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token; its text is told once."""

    token: str
    person: str
    scopes: tuple[str, ...]
    expires_at: str


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the gateway knows them."""

    id: str
    name: str
    roles: tuple[str, ...]
    public_key: str
    state: str
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Me:
    """Who a token stands for, and what it is good for now."""

    person: Person
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What waits for a second signature over `statement`."""

    id: str
    person: str
    roles: tuple[str, ...]
    proposer: str
    proposed_at: str
    statement: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """One hop of a matter's chain."""

    id: str
    hop: int
    name: str
    recipient_class: str = field(metadata={"wire": "class"})
    jurisdiction: str
    language: str
    profiles: tuple[str, ...]
    public_key: str | None
    custody: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DemandItem:
    """One thing asked, with its legal basis."""

    number: str
    text: str
    legal_basis: str
    citation: str | None
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matter:
    """A demand by an authority."""

    id: str
    title: str
    authority: str
    regime: str
    purpose: str
    jurisdiction: str
    round: int
    deadline: str | None
    recipients: tuple[Recipient, ...]
    items: tuple[DemandItem, ...]
    created_by: str
    created_at: str
    audit_index: int
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Clearance:
    """What a third party said, or that a disclosure of personal data was assessed."""

    id: str
    sort: str
    about: tuple[str, ...]
    fields: tuple[str, ...]
    recipient_class: str
    state: str
    start: str
    end: str
    reference: str
    evidence_sha256: str | None
    recorded_by: str
    recorded_at: str
    audit_index: int


@dataclass(frozen=True, slots=True)
class Clearances:
    """The clearances of a matter, oldest first."""

    clearances: tuple[Clearance, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """What somebody said that a header is; `forgotten` is the entry by which it no longer holds."""

    id: str
    kind: str
    header: str
    field: str
    said_by: str
    said_at: str
    audit_index: int
    forgotten: int | None


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a matter remembers or forgot, oldest first."""

    names: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class ExportClass:
    """What an original is under a list of controlled goods."""

    id: str
    original: str
    regime: str
    entry: str
    start: str
    end: str
    reference: str
    evidence_sha256: str | None
    recorded_by: str
    recorded_at: str
    audit_index: int


@dataclass(frozen=True, slots=True)
class Licence:
    """An export licence, or that one was withdrawn."""

    id: str
    regime: str
    number: str
    entries: tuple[str, ...]
    recipient_classes: tuple[str, ...]
    countries: tuple[str, ...]
    state: str
    start: str
    end: str
    reference: str
    evidence_sha256: str | None
    recorded_by: str
    recorded_at: str
    audit_index: int


@dataclass(frozen=True, slots=True)
class ExportControl:
    """The classifications and licences of a matter, each sort oldest first."""

    classes: tuple[ExportClass, ...]
    licences: tuple[Licence, ...]


@dataclass(frozen=True, slots=True)
class MatterLine:
    """A matter in a list."""

    id: str
    title: str | None
    authority: str
    regime: str
    purpose: str
    round: int
    deadline: str | None
    created_at: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the uploader holds."""

    original: str
    kind: str
    media_type: str
    size_bytes: int
    sha256: str
    audit_index: int


@dataclass(frozen=True, slots=True)
class Receipts:
    """What the uploader of an archive holds: a receipt for each of its files."""

    originals: tuple[Receipt, ...]


@dataclass(frozen=True, slots=True)
class Classification:
    """The four answers that every original needs."""

    export_control: str
    personal_data: str
    third_party: str
    defence_nexus: str
    licence_number: str | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """A resumable upload: how much of it is durable, and its receipt once it is an original."""

    id: str
    matter: str
    kind: str
    length_bytes: int | None
    received_bytes: int
    limit_bytes: int
    expires_at: str
    receipt: Receipt | None


@dataclass(frozen=True, slots=True)
class Original:
    """Uploaded bytes; the file name is told to those who may open them. Shredded ones have neither name nor digest."""

    id: str
    matter: str
    kind: str
    media_type: str
    size_bytes: int
    sha256: str | None
    file_name: str | None
    uploader: str
    classification: Classification | None
    created_at: str
    shredded_at: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Shredding:
    """A shredding that waits for a second person's signature over `statement`."""

    id: str
    original: str
    matter: str
    proposer: str
    reason: str
    proposed_at: str
    statement: str


@dataclass(frozen=True, slots=True)
class Field:
    """One thing in an original that a policy can name."""

    id: str
    element: str
    name: str | None
    classes: tuple[str, ...]
    count: int
    label: str | None


@dataclass(frozen=True, slots=True)
class Fields:
    """Everything in an original that a policy can name; `source` says how a table was read."""

    original: str
    kind: str
    source: Mapping[str, str]
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a worker is; `total` is 0 where nobody can say."""

    stage: str
    done: int
    total: int
    told_at: str


@dataclass(frozen=True, slots=True)
class Rendition:
    """One original, redacted and marked for one release."""

    id: str
    release: str
    matter: str
    original: str
    kind: str
    policy: str
    state: str
    author: str
    media_type: str | None
    size_bytes: int | None
    sha256: str | None
    decisions_sha256: str | None
    residue_sha256: str | None
    reason: str | None
    created_at: str
    progress: Progress | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """A reviewer's word as recorded."""

    rendition: str
    reviewer: str
    verdict: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Release:
    """The renditions for one recipient."""

    id: str
    matter: str
    recipient: str
    profile: str
    state: str
    author: str
    manifest_sha256: str | None
    sealed_index: int | None
    package_bytes: int | None
    package_sha256: str | None
    dispatcher: str | None
    created_at: str


@dataclass(frozen=True, slots=True)
class RenditionLine:
    """A rendition within its release."""

    id: str
    original: str
    kind: str
    policy: str
    state: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's signature over the manifest, in one role."""

    id: str
    release: str
    manifest_sha256: str
    approver: str
    role: str
    algorithm: str
    audit_index: int
    created_at: str


@dataclass(frozen=True, slots=True)
class Quorum:
    """How many approvals of one role are needed."""

    role: str
    n: int


@dataclass(frozen=True, slots=True)
class Approvals:
    """Approvals given, and how many are needed."""

    given: tuple[Approval, ...]
    needed: tuple[Quorum, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a composed package."""

    path: str
    role: str
    sha256: str
    size_bytes: int
    rendition: str | None


@dataclass(frozen=True, slots=True)
class ReleaseDetail(Release):
    """A release with its renditions, approvals and parts."""

    renditions: tuple[RenditionLine, ...]
    approvals: Approvals
    parts: tuple[Part, ...]
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """The exact text to sign, checked against the manifest that it stands for."""

    statement: bytes
    manifest: Mapping[str, Any]
    manifest_sha256: str


@dataclass(frozen=True, slots=True)
class Inclusion:
    """RFC 6962: entry `index` is in the tree of the first `size` entries."""

    index: int
    size: int
    leaf_hash: str
    proof: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Consistency:
    """RFC 6962: the tree of `new` entries begins with that of `old`."""

    old: int
    new: int
    proof: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Keys:
    """The public keys that outsiders verify with."""

    log_vkey: str
    log_pem: str
    log_fingerprint: str
    package_pem: str
    package_fingerprint: str


@dataclass(frozen=True, slots=True)
class TracedCopy:
    """A copy that a leaked file was made from."""

    rendition: str
    release: str
    matter: str
    original: str
    recipient: str
    custody: tuple[str, ...]
    left: bool
    score: str
    by_chance: str
    commitment: str
    entry: int


@dataclass(frozen=True, slots=True)
class Trace:
    """What a leaked file was made from, best first; `evidence` is a PNG in base64."""

    id: str
    file_sha256: str
    tested: int
    hypotheses: int
    shredded: int
    uncommitted: tuple[str, ...]
    found_in: tuple[str, ...]
    bound: str
    needed: str
    best: str
    candidates: tuple[TracedCopy, ...]
    caution: str
    evidence: str | None


@dataclass(frozen=True, slots=True)
class Health:
    """The process answers."""

    status: str
    version: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """Everything a request needs is there."""

    status: str
    layers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProblemPage:
    """What a problem means and what to do."""

    slug: str
    title: str
    status: int | None
    advice: str


def made(kind: type[_T], told: Mapping[str, Any], etag: str | None = None) -> _T:
    """`told` as a dataclass, and those within it too."""
    values = {name: _value(hint, told.get(wire)) for name, wire, hint in _members(kind)}  # type: ignore[arg-type]
    return kind(**{**values, **({"etag": etag} if "etag" in values else {})})


@cache
def _members(kind: type[Any]) -> tuple[tuple[str, str, Any], ...]:
    hints = get_type_hints(kind)
    return tuple((one.name, one.metadata.get("wire", one.name), hints[one.name]) for one in fields(kind))


def _value(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    if get_origin(hint) is UnionType:
        (hint,) = (one for one in get_args(hint) if one is not type(None))
    if get_origin(hint) is tuple:
        return tuple(_value(get_args(hint)[0], one) for one in value)
    return made(hint, value) if is_dataclass(hint) and isinstance(hint, type) else value


def checked_request(told: Mapping[str, Any], release: str | None = None) -> ApprovalRequest:
    """An approval request whose statement, manifest and release agree, or `RequestDiffers`."""
    try:
        statement, manifest = str(told["statement"]).encode(), cast("Mapping[str, Any]", told["manifest"])
        said = json.loads(statement)
        digest = hashlib.sha256(canonical(manifest)).hexdigest()
        named = (said["manifest_sha256"], told["manifest_sha256"])
        about = (said["release"], manifest["release"])
    except (KeyError, TypeError, ValueError) as error:
        raise RequestDiffers("This is not an approval request; fetch it from the server again.") from error
    if set(named) != {digest}:
        raise RequestDiffers("The statement is about other bytes than the manifest shown; nothing was signed.")
    if len({*about, release or about[0]}) != 1:
        raise RequestDiffers("The statement is about another release than the one asked for; nothing was signed.")
    return ApprovalRequest(statement, manifest, digest)
