"""Two keys that sign together, Ed25519 and ML-DSA-44: a signature of either alone is none.

Ed25519 stands against a flaw in the younger algorithm, ML-DSA-44 against a quantum computer. Log and package have a
twin of their own each; people sign with Ed25519 alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

from gateway.seal import mldsa, signature
from gateway.seal.signature import BadKey

_TEXT_LINES = 2


class Signatures(NamedTuple):
    """One signature of each algorithm."""

    ed25519: bytes
    mldsa: bytes


@dataclass(frozen=True, slots=True)
class PublicTwin:
    """Both public keys."""

    ed25519: signature.PublicKey
    mldsa: mldsa.PublicKey

    @property
    def fingerprint(self) -> str:
        """Hex SHA-256 over the raw Ed25519 key and the raw ML-DSA-44 key: what people read to each other."""
        return hashlib.sha256(self.ed25519.raw + self.mldsa.raw).hexdigest()

    @property
    def texts(self) -> tuple[str, str]:
        """`ed25519:…` and `ml-dsa-44:…`."""
        return signature.to_text(self.ed25519), mldsa.to_text(self.mldsa)

    @property
    def named(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """Algorithm and text of each key, in the order in which signatures stand."""
        ed25519, post_quantum = self.texts
        return (signature.ALGORITHM, ed25519), (mldsa.ALGORITHM, post_quantum)

    def verify(self, signatures: Signatures, message: bytes, context: bytes) -> None:
        """Raise `SignatureInvalid` unless both signatures hold over `message`."""
        self.ed25519.verify(signatures.ed25519, message)
        self.mldsa.verify(signatures.mldsa, message, context)


@dataclass(frozen=True, slots=True)
class SigningTwin:
    """Both secret keys."""

    ed25519: signature.SigningKey
    mldsa: mldsa.SigningKey

    @classmethod
    def generate(cls) -> SigningTwin:
        """Fresh keys from the operating system's randomness."""
        return cls(signature.SigningKey.generate(), mldsa.SigningKey.generate())

    @property
    def public(self) -> PublicTwin:
        """The public halves."""
        return PublicTwin(self.ed25519.public, self.mldsa.public)

    def sign(self, message: bytes, context: bytes) -> Signatures:
        """Both signatures over `message`. `context` is ML-DSA's; Ed25519 has none, so messages tell their own use."""
        return Signatures(self.ed25519.sign(message), self.mldsa.sign(message, context))


def to_text(twin: PublicTwin) -> str:
    """Both keys in their text form, a line each with its newline."""
    return "".join(f"{line}\n" for line in twin.texts)


def from_text(text: str) -> PublicTwin:
    """The inverse of `to_text`, or `BadKey`."""
    lines = text.splitlines()
    if len(lines) != _TEXT_LINES:
        raise BadKey("Two keys are needed, an Ed25519 and an ML-DSA-44 key, each on its line.")
    return PublicTwin(signature.from_text(lines[0]), mldsa.from_text(lines[1]))


def public_pem(twin: PublicTwin) -> bytes:
    """Both keys as SubjectPublicKeyInfo in PEM, Ed25519 first: `openssl` reads the first block of a file."""
    return signature.public_pem(twin.ed25519) + mldsa.public_pem(twin.mldsa)


_PEM_END = b"-----END ENCRYPTED PRIVATE KEY-----\n"


def private_pem(key: SigningTwin, passphrase: str) -> bytes:
    """Both secret keys in PEM, encrypted, Ed25519 first."""
    return signature.private_pem(key.ed25519, passphrase) + mldsa.private_pem(key.mldsa, passphrase)


def load_private_pem(data: bytes, passphrase: str) -> SigningTwin:
    """The inverse of `private_pem`, or `BadKey`."""
    blocks = data.split(_PEM_END)
    if len(blocks) != _TEXT_LINES + 1 or blocks[-1]:
        raise BadKey("Two encrypted private keys are needed in one file, an Ed25519 and an ML-DSA-44 key.")
    ed25519, post_quantum = (block + _PEM_END for block in blocks[:-1])
    return SigningTwin(
        signature.load_private_pem(ed25519, passphrase), mldsa.load_private_pem(post_quantum, passphrase)
    )
