"""What binds a package beside its approved bytes: signatures, approvals, enrolment, the log's proof.

The exact bytes are specified in `docs/formats/package.md`; `verify.py` checks them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping

from gateway.audit.model import SignedCheckpoint
from gateway.audit.service import Log
from gateway.base.canon import Json, canonical
from gateway.base.problems import CheckFailed
from gateway.matter.model import Recipient
from gateway.release.model import Profile, Release
from gateway.review.model import Approval, Cleared
from gateway.seal import assertion as webauthn
from gateway.seal.assertion import Assertion
from gateway.seal.recipient import recipient_fingerprint
from gateway.seal.timestamp import TimeStamp
from gateway.seal.twin import PublicTwin, SigningTwin, to_text
from gateway.verify import verify

APPROVALS_TYPE = "disclosure-gateway/approvals/v1"
ENROLMENT_TYPE = "disclosure-gateway/enrolment-proofs/v1"
COMMITMENTS_TYPE = "disclosure-gateway/commitment-proofs/v1"
MANIFEST_SIGNATURE_TYPE = "disclosure-gateway/manifest-signature/v1"
STAMP_SIGNATURE_TYPE = "disclosure-gateway/time-stamp-signature/v1"


class AddressChanged(CheckFailed):
    """Recipient, key or profile are not those in the approved manifest."""

    slug = "address-changed"
    title = "The release would go elsewhere than approved"


class ProofsRefused(CheckFailed):
    """Approvals, enrolments and log do not prove each other."""

    slug = "proofs-refused"
    title = "The package would not verify"


def approvals_json(cleared: Cleared) -> bytes:
    """`approvals.json`: what was needed, and every signed statement with its signature."""
    return canonical(
        {
            "type": APPROVALS_TYPE,
            "required": [{"role": need.role, "n": need.n} for need in cleared.case.quorum],
            "approvals": [_approval(one) for one in cleared.approvals],
        }
    )


def manifest_sig(manifest: bytes, key: SigningTwin) -> bytes:
    """`manifest.sig`: both keys that the manifest names sign its bytes; both must verify."""
    return signed(manifest, MANIFEST_SIGNATURE_TYPE, key)


def stamp_parts(stamp: TimeStamp | None, key: SigningTwin) -> dict[str, bytes]:
    """`timestamp.tsr` and `timestamp.sig`: the authority's answer, and that it is the one the sender got."""
    if stamp is None:
        return {}
    return {"timestamp.tsr": stamp.response, "timestamp.sig": signed(stamp.response, STAMP_SIGNATURE_TYPE, key)}


def enrolment_json(
    log: Log, checkpoint: SignedCheckpoint, approvers: Iterable[str], entries_of: Callable[[str], list[int]]
) -> bytes:
    """`enrolment.json`: the entries that gave each approver key and role, and those of whoever countersigned them."""
    indexes = {index for approver in approvers for index in entries_of(approver)}
    return canonical({"type": ENROLMENT_TYPE, "entries": _entries(log, checkpoint, indexes)})


def commitments_json(log: Log, checkpoint: SignedCheckpoint, proofs: Iterable[bytes]) -> dict[str, bytes]:
    """`commitments.json`: the entries that hold the roots which these table proofs lead to; nothing where none does."""
    told = [json.loads(proof)["commitment"] for proof in proofs]
    indexes = {one["entry"] for one in told if one is not None}
    if not indexes:
        return {}
    return {"commitments.json": canonical({"type": COMMITMENTS_TYPE, "entries": _entries(log, checkpoint, indexes)})}


def check_address(manifest: bytes, release: Release, recipient: Recipient) -> None:
    """Raise `AddressChanged` unless the package would go, as it will be packed, to whom the manifest names."""
    told = json.loads(manifest)
    key = recipient.age_key if release.profile is Profile.SEALED else None
    expected = {
        "release": release.id,
        "profile": release.profile.value,
        "id": recipient.id,
        "key_fingerprint": recipient_fingerprint(key) if key else None,
    }
    for name, value in expected.items():
        if {**told, **told["recipient"]}.get(name) != value:
            raise AddressChanged(
                f"The release's {name} is no longer the one that was approved; submit it again.", field=name
            )


def check_proofs(parts: Mapping[str, bytes], log_key: str, package_key: PublicTwin) -> None:
    """Raise `ProofsRefused` unless the recipient's verifier would accept these files under the deployment's keys."""
    report = verify.verify_binding(dict(parts), log_key=log_key, package_key=to_text(package_key))
    for step in report.steps:
        if step.state != "ok":
            raise ProofsRefused(f"The package would not verify, so it is not made: {step.detail}", step=step.title)


def packed(beside: Mapping[str, bytes]) -> bytes:
    """Files that bind a package as one object."""
    return canonical({path: _b64(data) for path, data in beside.items()})


def unpacked(data: bytes) -> dict[str, bytes]:
    """The inverse of `packed`."""
    return {path: base64.b64decode(text) for path, text in json.loads(data).items()}


def _entries(log: Log, checkpoint: SignedCheckpoint, indexes: Iterable[int]) -> list[Json]:
    return [
        {
            "index": index,
            "entry": log.entry(index).decode("utf-8"),
            "proof": [_b64(part) for part in log.inclusion_proof(index, checkpoint.size)],
        }
        for index in sorted(indexes)
    ]


def _approval(one: Approval) -> dict[str, Json]:
    statement: Json = json.loads(one.statement)
    if one.algorithm != webauthn.ALGORITHM:
        return {"statement": statement, "signature": _signature(one.algorithm, one.key, one.signature)}
    given = Assertion.unpack(one.signature)
    signature: dict[str, Json] = {
        **_signature(one.algorithm, one.key, given.signature),
        "authenticator_data": _b64(given.authenticator_data),
        "client_data": _b64(given.client_data),
    }
    return {"statement": statement, "signature": signature}


def signed(message: bytes, kind: str, key: SigningTwin) -> bytes:
    signatures = key.sign(message, kind.encode("ascii"))
    return canonical(
        {
            "type": kind,
            "signatures": [
                _signature(algorithm, text, made)
                for (algorithm, text), made in zip(key.public.named, signatures, strict=True)
            ],
        }
    )


def _signature(algorithm: str, key: str, signature: bytes) -> dict[str, Json]:
    return {"alg": algorithm, "key": key, "sig": _b64(signature)}


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
