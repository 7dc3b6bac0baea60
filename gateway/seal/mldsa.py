"""ML-DSA-44 signatures (FIPS 204, pure, hedged) and the byte forms of their keys.

A secret key is the 32-byte seed, a public key its 1312 raw bytes, a signature 2420 bytes. The one-line text form is
`ml-dsa-44:` and the raw key in base64; PEM is SubjectPublicKeyInfo (RFC 9881).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from gateway.seal.signature import BadKey, SignatureInvalid

ALGORITHM = "ML-DSA-44"
SEED_BYTES = 32
KEY_BYTES = 1312
SIGNATURE_BYTES = 2420
_TEXT_PREFIX = "ml-dsa-44:"
_FORM = "An ML-DSA-44 public key is written as `ml-dsa-44:` and 1752 characters of base64."


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An ML-DSA-44 public key: its 1312 raw bytes. A wrong length is `BadKey`."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != KEY_BYTES:
            raise BadKey(f"An ML-DSA-44 public key has {KEY_BYTES} bytes.")

    def verify(self, signature: bytes, message: bytes, context: bytes) -> None:
        """Raise `SignatureInvalid` unless `signature` is this key's over `message` in `context`."""
        try:
            MLDSA44PublicKey.from_public_bytes(self.raw).verify(signature, message, context)
        except InvalidSignature as error:
            raise SignatureInvalid("The ML-DSA-44 signature was not made by this key over these bytes.") from error


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An ML-DSA-44 secret key: its 32-byte seed, which no `repr` shows."""

    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES:
            raise BadKey(f"An ML-DSA-44 seed has {SEED_BYTES} bytes.")

    @classmethod
    def generate(cls) -> SigningKey:
        """A fresh key from the operating system's randomness."""
        return cls(MLDSA44PrivateKey.generate().private_bytes_raw())

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return PublicKey(MLDSA44PrivateKey.from_seed_bytes(self.seed).public_key().public_bytes_raw())

    def sign(self, message: bytes, context: bytes) -> bytes:
        """The signature over `message`; `context` (at most 255 bytes) keeps one use of the key apart from another."""
        return MLDSA44PrivateKey.from_seed_bytes(self.seed).sign(message, context)


def to_text(key: PublicKey) -> str:
    """`ml-dsa-44:` and the raw key in standard base64."""
    return _TEXT_PREFIX + base64.b64encode(key.raw).decode("ascii")


def from_text(text: str) -> PublicKey:
    """The inverse of `to_text`; other spellings of the same key are `BadKey`."""
    try:
        key = PublicKey(base64.b64decode(text.removeprefix(_TEXT_PREFIX), validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadKey(_FORM) from error
    if to_text(key) != text:
        raise BadKey(_FORM)
    return key


def public_pem(key: PublicKey) -> bytes:
    """SubjectPublicKeyInfo in PEM."""
    return MLDSA44PublicKey.from_public_bytes(key.raw).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def load_public_pem(data: bytes) -> PublicKey:
    """The ML-DSA-44 key of a PEM public key, or `BadKey`."""
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKey("This is not a public key in PEM.") from error
    if not isinstance(key, MLDSA44PublicKey):
        raise BadKey("This public key is not an ML-DSA-44 key.")
    return PublicKey(key.public_bytes_raw())


def private_pem(key: SigningKey, passphrase: str) -> bytes:
    """PKCS #8 in PEM, encrypted."""
    return MLDSA44PrivateKey.from_seed_bytes(key.seed).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode("utf-8")),
    )


def load_private_pem(data: bytes, passphrase: str) -> SigningKey:
    """The ML-DSA-44 key of an encrypted PEM private key, or `BadKey`."""
    try:
        key = serialization.load_pem_private_key(data, passphrase.encode("utf-8"))
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise BadKey("This is not an encrypted private key in PEM, or the passphrase is wrong.") from error
    if not isinstance(key, MLDSA44PrivateKey):
        raise BadKey("This private key is not an ML-DSA-44 key.")
    return SigningKey(key.private_bytes_raw())
