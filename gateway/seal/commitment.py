"""Key commitments: one ciphertext opens under one key only.

AES-GCM alone does not commit to its key: a file can be made that opens under two keys to two texts. The commitment
is HKDF-SHA256 (RFC 5869) over the key with a fixed salt, bound to a context; it reveals nothing about the key.
"""

from __future__ import annotations

import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.base.problems import CheckFailed

COMMITMENT_BYTES = 32

# Longer than the 32-byte salts of `stream`, so that no sealed file can make the two derivations meet.
_SALT = b"disclosure-gateway/key-commitment/v1"


class KeyCommitmentMismatch(CheckFailed):
    """The key, or what the commitment was bound to, is not the one committed to."""

    slug = "key-commitment-mismatch"
    title = "A key differs from its commitment"


def key_commitment(key: bytes, context: bytes) -> bytes:
    """32 bytes that fit this key in this context and no other."""
    return HKDF(algorithm=SHA256(), length=COMMITMENT_BYTES, salt=_SALT, info=context).derive(key)


def check_key_commitment(key: bytes, commitment: bytes, context: bytes) -> None:
    """Raise `KeyCommitmentMismatch` unless `commitment` was made from exactly this key and context."""
    if not hmac.compare_digest(key_commitment(key, context), commitment):
        raise KeyCommitmentMismatch("The key, or the facts it is bound to, differ from the commitment.")
