"""What makes every copy of a picture different, and what is logged so that nobody can make it up afterwards.

The seed of a copy's hidden mark is HKDF-SHA256 (RFC 5869) over the deployment's tracing key, bound to matter, original
and release. A commitment to it, and to the ground that a leaked copy would be held against, goes into the log before
the copy can leave: later neither another code nor another ground can be put in their place, each of which could be made
to accuse any release.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.base.canon import canonical
from gateway.base.problems import CheckFailed

SEED_BYTES = 32
_SEED = b"disclosure-gateway/tracing-seed/v1"
_SALT = b"disclosure-gateway/tracing-salt/v1"


class CodeNotCommitted(CheckFailed):
    """The code or the ground of a copy is not what the log committed to when the copy was made."""

    slug = "code-not-committed"
    title = "The fingerprint is not the one that was logged"


def tracing_seed(key: bytes, *, matter: str, original: str, release: str) -> bytes:
    """32 bytes for one copy, which tell nothing about those of another."""
    return _derived(key, _SEED, matter, original, release)


def tracing_commitment(key: bytes, *, matter: str, original: str, release: str, ground: bytes) -> str:
    """64 hexadecimal digits that fit just this copy's seed and this ground, and tell neither."""
    salt = _derived(key, _SALT, matter, original, release)
    seed = tracing_seed(key, matter=matter, original=original, release=release)
    said = canonical({
        "v": 1, "matter": matter, "original": original, "release": release,
        "seed": seed.hex(), "ground": hashlib.sha256(ground).hexdigest(),
    })  # fmt: skip
    return hmac.digest(salt, said, "sha256").hex()


def check_tracing_commitment(
    commitment: str, key: bytes, *, matter: str, original: str, release: str, ground: bytes
) -> None:
    """Raise `CodeNotCommitted` unless just this seed and this ground were committed to."""
    made = tracing_commitment(key, matter=matter, original=original, release=release, ground=ground)
    if not hmac.compare_digest(made, commitment):
        raise CodeNotCommitted(
            "The code or the ground of a copy differs from what the log committed to, so it proves nothing; restore it "
            "from a backup."
        )


def _derived(key: bytes, salt: bytes, *names: str) -> bytes:
    info = canonical(list(names))
    return HKDF(algorithm=SHA256(), length=SEED_BYTES, salt=salt, info=info).derive(key)
