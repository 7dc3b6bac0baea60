"""Sealing to a recipient's own public key: age (https://age-encryption.org/v1), one recipient a file.

`age1…` is X25519, by pyrage; `age1pq1…` is ML-KEM-768 with X25519, by `age_hybrid`.
"""

from __future__ import annotations

import hashlib

import pyrage
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from gateway.seal import age_hybrid, bech32
from gateway.seal.age import BadRecipientKey, NotForThisIdentity, SealedBytesDiffer, Sink, Source

__all__ = [
    "BadRecipientKey",
    "NotForThisIdentity",
    "SealedBytesDiffer",
    "Sink",
    "Source",
    "check_recipient",
    "decrypt_with",
    "encrypt_to",
    "generate_identity",
    "recipient_fingerprint",
]

_PREFIX = "age1"
_CHARS = 62
_KEY_BYTES = 32
_WANTED = "give the recipient's age public key, one line that starts with age1"


class _Piped:
    """Source or sink for pyrage that keeps the first error, which pyrage would turn into text."""

    def __init__(self, *, source: Source | None = None, sink: Sink | None = None) -> None:
        self._source = source
        self._sink = sink
        self.error: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            return b"" if self._source is None else self._source.read(size)
        except Exception as error:
            self.error = error
            raise

    def write(self, data: bytes) -> int:
        try:
            if self._sink is not None:
                self._sink.write(data)
        except Exception as error:
            self.error = error
            raise
        return len(data)

    def flush(self) -> None:
        """Nothing is held back here."""


def check_recipient(untrusted_text: str) -> None:
    """Raise `BadRecipientKey` with one sentence unless this is a usable age public key, exactly written."""
    if _is_hybrid(untrusted_text):
        age_hybrid.check_recipient(untrusted_text)
    else:
        _parse(untrusted_text)


def recipient_fingerprint(recipient: str) -> str:
    """Hex SHA-256 of the public key's text: what manifests and people compare."""
    check_recipient(recipient)
    return hashlib.sha256(recipient.encode("ascii")).hexdigest()


def encrypt_to(recipient: str, source: Source, sink: Sink) -> None:
    """Seal all of `source` to `recipient` into `sink`, streaming. Errors of either come through as they are."""
    if _is_hybrid(recipient):
        age_hybrid.encrypt_to(recipient, source, sink)
        return
    key = _parse(recipient)
    reading, writing = _Piped(source=source), _Piped(sink=sink)
    try:
        pyrage.encrypt_io(reading, writing, [key])
    except (pyrage.EncryptError, OSError):
        _raise_first(reading, writing)
        raise


def decrypt_with(identity: str, source: Source, sink: Sink) -> None:
    """Open `source` with `identity` into `sink`.

    Each 64 KiB is authenticated before it reaches the sink, but the end only at the end: on any error the caller
    throws away what the sink has received. Raises `NotForThisIdentity` or `SealedBytesDiffer`.
    """
    if identity.startswith(age_hybrid.IDENTITY_PREFIX.upper()):
        age_hybrid.decrypt_with(identity, source, sink)
        return
    try:
        opener = pyrage.x25519.Identity.from_str(identity)
    except pyrage.IdentityError as error:
        raise BadRecipientKey("This is not an age identity; it starts with AGE-SECRET-KEY-1.") from error
    reading, writing = _Piped(source=source), _Piped(sink=sink)
    try:
        pyrage.decrypt_io(reading, writing, [opener])
    except (pyrage.DecryptError, OSError) as error:
        _raise_first(reading, writing)
        if "No matching keys" in str(error):
            raise NotForThisIdentity("These bytes are sealed to another key; use the identity they are for.") from error
        raise SealedBytesDiffer("The sealed bytes are not what was sealed; ask for them again.") from error


def _raise_first(*pipes: _Piped) -> None:
    for pipe in pipes:
        if pipe.error is not None:
            raise pipe.error from None


def generate_identity(*, hybrid: bool = False) -> tuple[str, str]:
    """A fresh key pair: (identity to keep secret, recipient to hand out); X25519 unless `hybrid`."""
    if hybrid:
        return age_hybrid.generate_identity()
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def _parse(untrusted_text: str) -> pyrage.x25519.Recipient:
    _refuse_lookalikes(untrusted_text)
    try:
        recipient = pyrage.x25519.Recipient.from_str(untrusted_text)
    except (pyrage.RecipientError, ValueError) as error:
        raise BadRecipientKey(f"The key is mistyped or cut short; {_WANTED}.") from error
    try:
        X25519PrivateKey.generate().exchange(
            X25519PublicKey.from_public_bytes(bech32.decode(untrusted_text, "age", _KEY_BYTES))
        )
    except ValueError as error:
        # A point of low order makes every shared secret zero: anybody could open what is sealed to it.
        raise BadRecipientKey("This key protects nothing (a point of low order); ask for a fresh one.") from error
    return recipient


def _refuse_lookalikes(untrusted_text: str) -> None:
    """Name the mistakes people make, never repeating what was pasted."""
    folded = untrusted_text.strip().lower()
    if "age-secret-key-" in folded:
        raise BadRecipientKey(
            "This is a private identity: whoever sees it opens everything sealed to it, so replace it with a fresh "
            f"one, and {_WANTED}."
        )
    if folded.startswith(("ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-")):
        raise BadRecipientKey(f"This is an SSH key, which is for signing in; {_WANTED}.")
    if "-----begin" in folded:
        raise BadRecipientKey(f"This is a PEM or PGP block; {_WANTED}.")
    if folded.startswith(_PREFIX) and "1" in folded[len(_PREFIX) :]:
        raise BadRecipientKey(f"This is an age key of a kind that is not taken here; {_WANTED}.")
    if len(untrusted_text) != _CHARS or not untrusted_text.startswith(_PREFIX):
        raise BadRecipientKey(f"This is not an age public key; {_WANTED}.")


def _is_hybrid(untrusted_text: str) -> bool:
    return untrusted_text.startswith(f"{age_hybrid.RECIPIENT_PREFIX}1")
