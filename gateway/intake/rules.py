"""The rules of arrival and of the gates before release, as pure functions.

1. Bytes are typed by their first 4 KiB, never by name or claim, and the type must fit the kind. What no kind takes is
   told what to become (`unfit`).
2. An empty or oversized body is refused; so is a body whose digest differs from what the sender announced.
3. Before any release every original carries four answers; missing, blocking or incomplete ones refuse it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

from gateway.base.problems import CheckFailed, Conflict, Refused, TooLarge, Unprocessable, Usage
from gateway.intake.model import (
    Classification,
    DefenceNexus,
    ExportControl,
    Original,
    PersonalData,
    ThirdParty,
)

HEAD_BYTES = 4096

_DIGEST = re.compile(r"\s*(?P<algorithm>[a-z0-9-]+)\s*=\s*:(?P<value>[A-Za-z0-9+/=]*):\s*")


class EmptyBody(Unprocessable):
    """An upload without a byte."""

    slug = "empty-body"
    title = "The upload is empty"


class UnsupportedFormat(Unprocessable):
    """Bytes of a format that cannot be rendered safely, or that does not fit the kind."""

    slug = "unsupported-format"
    title = "This format cannot be rendered safely"


class BodyTooLarge(TooLarge):
    """An upload past the bound."""

    slug = "body-too-large"
    title = "The upload is too large"


class OffsetMismatch(Conflict):
    """Bytes for another place than where the upload stands."""

    slug = "mismatching-upload-offset"
    title = "The offset is not where the upload stands"


class LengthInconsistent(Usage):
    """An upload of another length than was announced for it."""

    slug = "inconsistent-upload-length"
    title = "The upload's length is not the one announced"


class UploadCompleted(Conflict):
    """Bytes for an upload that has become an original."""

    slug = "completed-upload"
    title = "The upload is complete"


class TooManyUploads(Conflict):
    """One person's unfinished uploads are too many, or too large together."""

    slug = "too-many-uploads"
    title = "Too many unfinished uploads"


class DigestMismatch(CheckFailed):
    """The bytes that arrived are not the bytes that were announced."""

    slug = "digest-mismatch"
    title = "The bytes that arrived are not the bytes announced"


class Unclassified(Refused):
    """An original lacks an answer that every release needs, or an answer blocks."""

    slug = "unclassified"
    title = "An original is not cleared for release"


def announced_sha256(content_digest: str | None) -> str | None:
    """The hex SHA-256 that a `Content-Digest` header (RFC 9530) announces, or None where there is no header."""
    if content_digest is None:
        return None
    for part in content_digest.split(","):
        match = _DIGEST.fullmatch(part)
        if match is None:
            raise Usage("The Content-Digest header is malformed; send sha-256=:BASE64: as in RFC 9530.")
        if match["algorithm"] == "sha-256":
            try:
                value = base64.b64decode(match["value"], validate=True)
            except binascii.Error as error:
                raise Usage("The Content-Digest header holds no valid base64.") from error
            if len(value) != 32:
                raise Usage("The Content-Digest header's sha-256 value is not 32 bytes long.")
            return value.hex()
    raise Usage("The Content-Digest header names no sha-256 value; this gateway checks sha-256.")


def check_size(received_bytes: int, limit_bytes: int) -> None:
    """Raise `BodyTooLarge` past the bound."""
    if received_bytes > limit_bytes:
        raise BodyTooLarge(
            f"The upload is larger than the {limit_bytes} bytes allowed for its kind; split it or reduce it.",
            limit_bytes=limit_bytes,
        )


def check_offset(offset: int, received_bytes: int) -> None:
    """Raise `OffsetMismatch` unless the bytes go on exactly where the upload stands."""
    if offset != received_bytes:
        raise OffsetMismatch(
            f"The upload stands at byte {received_bytes}; send what follows from there.",
            **{"expected-offset": received_bytes, "provided-offset": offset},
        )


def check_length(announced: int | None, other: int) -> None:
    """Raise `LengthInconsistent` where a length was announced and this is another."""
    if announced is not None and announced != other:
        raise LengthInconsistent(f"The upload was announced with {announced} bytes; send exactly these, or begin anew.")


def check_digest(announced: str | None, received: str) -> None:
    """Raise `DigestMismatch` when the sender announced other bytes."""
    if announced is not None and announced != received:
        raise DigestMismatch("The bytes that arrived differ from the announced Content-Digest; send the file again.")


def check_type(media_type: str | None, allowed: Iterable[str], kind: str) -> str:
    """The media type, if content shows one that the kind takes."""
    takes = sorted(allowed)
    if media_type is None:
        raise UnsupportedFormat(
            f"The content is of no format this gateway can render safely; convert it to {' or '.join(takes)}.",
            accepts=takes,
        )
    if media_type not in takes:
        raise UnsupportedFormat(
            f"The content is {media_type}, but an original of kind {kind} must be {' or '.join(takes)}.",
            accepts=takes,
        )
    return media_type


def check_classified(original: Original) -> None:
    """Raise `Unclassified` unless the four answers are there and none of them blocks a release."""
    answers = original.classification
    if answers is None:
        raise Unclassified(
            "An original lacks its export-control, personal-data, third-party and defence answers; classify it first.",
            original=original.id,
        )
    reason = _blocking_reason(answers)
    if reason is not None:
        raise Unclassified(reason, original=original.id)


def _blocking_reason(answers: Classification) -> str | None:
    if answers.defence_nexus is not DefenceNexus.NO:
        return "An original touches a defence end use; general counsel decides outside the gateway."
    if answers.export_control is ExportControl.CONTROLLED:
        return "An original is export-controlled and has no licence; obtain one or leave it out."
    if answers.export_control is ExportControl.LICENSED and not answers.licence_number:
        return "An original is export-controlled under a licence whose number is missing; enter it."
    if answers.personal_data is PersonalData.NOT_ASSESSED:
        return "An original holds personal data whose disclosure was not assessed; have it assessed first."
    if answers.third_party is ThirdParty.REFUSED:
        return "A third party refused its consent for an original; leave it out."
    return None
