"""What binds a package beside its approved bytes: signatures, approvals, enrolment, the log's proof.

The exact bytes are specified in `docs/formats/package.md`; `verify.py` checks them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable

from gateway.audit.model import SignedCheckpoint
from gateway.audit.service import Log
from gateway.base.canon import Json, canonical
from gateway.base.problems import CheckFailed
from gateway.review.model import Approval, Cleared
from gateway.seal.signature import SigningKey, to_text
from gateway.verify import verify

APPROVALS_TYPE = "disclosure-gateway/approvals/v1"
ENROLMENT_TYPE = "disclosure-gateway/enrolment-proofs/v1"
MANIFEST_SIGNATURE_TYPE = "disclosure-gateway/manifest-signature/v1"
ALGORITHM = "Ed25519"


class NotEnrolled(CheckFailed):
    """The register says of an approver what the log does not say."""

    slug = "not-enrolled"
    title = "The log does not show an approver's key and role"


def approvals_json(cleared: Cleared) -> bytes:
    """`approvals.json`: what was needed, and every signed statement with its signature."""
    return canonical(
        {
            "type": APPROVALS_TYPE,
            "required": [{"role": need.role, "n": need.n} for need in cleared.case.quorum],
            "approvals": [_approval(one) for one in cleared.approvals],
        }
    )


def manifest_sig(manifest: bytes, keys: Iterable[SigningKey]) -> bytes:
    """`manifest.sig`: every key that the manifest names signs its bytes; all must verify."""
    return canonical(
        {
            "type": MANIFEST_SIGNATURE_TYPE,
            "signatures": [_signature(to_text(key.public), key.sign(manifest)) for key in keys],
        }
    )


def enrolment_json(
    log: Log, checkpoint: SignedCheckpoint, approvers: Iterable[str], entries_of: Callable[[str], list[int]]
) -> bytes:
    """`enrolment.json`: the entries that gave each approver key and role, and those of whoever countersigned them."""
    indexes = {index for approver in approvers for index in entries_of(approver)}
    return canonical(
        {
            "type": ENROLMENT_TYPE,
            "entries": [
                {
                    "index": index,
                    "entry": log.entry(index).decode("utf-8"),
                    "proof": [_b64(part) for part in log.inclusion_proof(index, checkpoint.size)],
                }
                for index in sorted(indexes)
            ],
        }
    )


def require_enrolled(enrolment: bytes, checkpoint: SignedCheckpoint, approvals: Iterable[Approval]) -> None:
    """Raise `NotEnrolled` unless the log, under `checkpoint`, gave every approver the key and role they signed with.

    The register is not asked: whoever writes into the database could have put their own key into it. This is what a
    recipient checks too, by the same code.
    """
    known = verify.Checkpoint("", checkpoint.size, checkpoint.root)
    register: dict[str, tuple[str, list[str]]] = {}
    try:
        for item in json.loads(enrolment)["entries"]:
            leaf, what = item["entry"].encode(), f"Enrolment entry {item['index']}"
            verify.check_inclusion(leaf, item["index"], list(map(base64.b64decode, item["proof"])), known, what)
            verify.enrol(register, verify.parse_entry(leaf, what), what)
    except verify.Mismatch as difference:
        raise NotEnrolled(f"{difference} Nothing was packaged; restore the log from a backup.") from difference
    for one in approvals:
        key, roles = register.get(one.approver, ("", []))
        if key != one.key or one.role not in roles:
            raise NotEnrolled("The log does not show that an approver holds the key and role of their approval.")


def _approval(one: Approval) -> dict[str, Json]:
    return {"statement": json.loads(one.statement), "signature": _signature(one.key, one.signature, one.algorithm)}


def _signature(key: str, signature: bytes, algorithm: str = ALGORITHM) -> dict[str, Json]:
    return {"alg": algorithm, "key": key, "sig": _b64(signature)}


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
