"""RFC 3161 time stamps: somebody else's word that these bytes existed at a time.

1. A request carries the SHA-256 of the data, a fresh nonce, and asks for the authority's certificate.
2. An answer counts only if it is granted, over this digest, with this nonce, and signed by a certificate for time
   stamping that leads to a root which the caller trusts, all valid at the time it states.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    TimeStampRequest,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from gateway.base.problems import CheckFailed, Usage

_CERTIFICATES_TAG = 0xA0

REQUEST_TYPE = "application/timestamp-query"
RESPONSE_TYPE = "application/timestamp-reply"


class TimeStampInvalid(CheckFailed):
    """What came back is no time stamp over these bytes by a trusted authority."""

    slug = "time-stamp-invalid"
    title = "The time stamp does not hold"


class BadCertificates(Usage):
    """No certificate to check time stamps with."""

    slug = "bad-certificates"
    title = "These are no certificates"


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """A checked answer, as it came, and the time it states."""

    response: bytes
    at: datetime


def load_certificates(pem: bytes) -> tuple[Certificate, ...]:
    """Every certificate in `pem`, at least one, or `BadCertificates`."""
    try:
        return tuple(load_pem_x509_certificates(pem))
    except ValueError as error:
        raise BadCertificates("The file holds no certificate in PEM; give the authority's root certificate.") from error


def request_for(data: bytes) -> TimeStampRequest:
    """A request over `data`; its `as_bytes()` goes to the authority."""
    return TimestampRequestBuilder(data=data, hash_algorithm=HashAlgorithm.SHA256).build()


def check_response(
    untrusted_response: bytes, request: TimeStampRequest, data: bytes, roots: Sequence[Certificate]
) -> TimeStamp:
    """The time stamp in the answer to `request`, or `TimeStampInvalid`."""
    verifier = VerifierBuilder.from_request(request)
    for root in roots:
        verifier = verifier.add_root_certificate(root)
    try:
        response = decode_timestamp_response(_with_sorted_certificates(untrusted_response))
        verifier.build().verify_message(response, data)
    except (ValueError, VerificationError) as error:
        raise TimeStampInvalid(
            "The authority's answer is no time stamp over these bytes that its certificate vouches for; ask the "
            "authority, or check GATEWAY_TSA_CERTIFICATES."
        ) from error
    return TimeStamp(untrusted_response, response.tst_info.gen_time)


def _with_sorted_certificates(response: bytes) -> bytes:
    """The same answer, its certificates in the order of DER: OpenSSL does not keep it and the parser insists on it.

    They are signed by their issuers and not by the answer, so that their order says nothing. ValueError where the
    answer is not DER at all.
    """
    (answer,) = _elements(response, (0, 0, len(response)))
    _, token = _elements(response, answer)
    _, wrapped = _elements(response, token)
    (signed,) = _elements(response, wrapped)
    for element in _elements(response, signed):
        if response[element[0]] == _CERTIFICATES_TAG:
            found = sorted(response[start:end] for start, _, end in _elements(response, element))
            return response[: element[1]] + b"".join(found) + response[element[2] :]
    return response


def _elements(data: bytes, parent: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """Start, start of content and end of each DER element inside `parent`, itself such a triple."""
    found = []
    at, end = parent[1], parent[2]
    while at < end:
        head = at + 2
        length = data[at + 1] if head <= end else end
        if length & 0x80:
            size = length & 0x7F
            length, head = int.from_bytes(data[head : head + size], "big"), head + size
        if head + length > end:
            raise ValueError("cut short")
        found.append((at, head, head + length))
        at = head + length
    return found
