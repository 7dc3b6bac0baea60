"""What the server answers, as frozen dataclasses; members that this version does not know are left out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar, cast

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


@dataclass(frozen=True, slots=True)
class Recipient:
    """One hop of a matter's chain."""

    id: str
    hop: int
    name: str
    recipient_class: str
    language: str
    profiles: tuple[str, ...]
    public_key: str | None
    custody: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matter:
    """A demand by an authority."""

    id: str
    title: str
    authority: str
    regime: str
    purpose: str
    round: int
    recipients: tuple[Recipient, ...]
    audit_index: int


@dataclass(frozen=True, slots=True)
class MatterLine:
    """A matter in a list."""

    id: str
    title: str | None
    authority: str
    regime: str
    purpose: str
    round: int
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
class Rendition:
    """One original, redacted and marked for one release."""

    id: str
    release: str
    original: str
    kind: str
    policy: str
    state: str
    media_type: str | None
    size_bytes: int | None
    sha256: str | None
    reason: str | None


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


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """The exact text to sign, checked against the manifest that it stands for."""

    statement: bytes
    manifest: Mapping[str, Any]
    manifest_sha256: str


def made(kind: type[_T], told: Mapping[str, Any]) -> _T:
    """`told` as a dataclass; members that this version does not know are left out."""
    values = {one.name: told.get(one.name) for one in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def matter_of(told: Mapping[str, Any]) -> Matter:
    recipients = [made(Recipient, {**one, "recipient_class": one["class"]}) for one in told["recipients"]]
    return made(Matter, {**told, "recipients": recipients})


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
