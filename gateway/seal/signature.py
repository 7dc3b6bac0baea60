"""Ed25519 signatures (RFC 8032) and the byte forms of their keys.

A secret key is a 32-byte seed, a public key its 32 raw bytes. PEM is PKCS #8 for secret and SubjectPublicKeyInfo
for public keys, so that `openssl` reads both; the one-line text form is `ed25519:` and the raw key in base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.base.problems import CheckFailed, Usage

ALGORITHM = "Ed25519"
KEY_BYTES = 32
SIGNATURE_BYTES = 64
_TEXT_PREFIX = "ed25519:"
_PRIME = 2**255 - 19
# Under a key of small order one signature holds for many messages; these are the y of its eight points.
_ORDER_EIGHT_Y = 2707385501144840649318225287225658788936804267575313519463743609750303402022
_SMALL_ORDER_Y = frozenset({0, 1, _PRIME - 1, _ORDER_EIGHT_Y, _PRIME - _ORDER_EIGHT_Y})


class SignatureInvalid(CheckFailed):
    """A signature that this key did not make over these bytes."""

    slug = "signature-invalid"
    title = "A signature does not hold"


class BadKey(Usage):
    """Bytes or text that are no usable key."""

    slug = "bad-key"
    title = "This is not a usable signing key"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key: its 32 raw bytes. A wrong length, an unusual form or a small order is `BadKey`."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != KEY_BYTES:
            raise BadKey("An Ed25519 public key has 32 bytes.")
        y = int.from_bytes(self.raw, "little") & (2**255 - 1)
        if y >= _PRIME or y in _SMALL_ORDER_Y:
            raise BadKey("This Ed25519 public key is not canonical or of small order; use another key.")

    @property
    def key_id(self) -> str:
        """Hex of the first 16 bytes of SHA-256 over the raw key."""
        return hashlib.sha256(self.raw).hexdigest()[:32]

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raise `SignatureInvalid` unless `signature` (64 bytes) is this key's over `message`."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature as error:
            raise SignatureInvalid("The signature was not made by this key over these bytes.") from error


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 secret key: its 32-byte seed, which no `repr` shows."""

    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.seed) != KEY_BYTES:
            raise BadKey("An Ed25519 seed has 32 bytes.")

    @classmethod
    def generate(cls) -> SigningKey:
        """A fresh key from the operating system's randomness."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def from_seed(cls, seed: bytes) -> SigningKey:
        """The key of this 32-byte seed."""
        return cls(seed)

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return PublicKey(Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature over `message`; deterministic."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


def to_text(key: PublicKey) -> str:
    """`ed25519:` and the raw key in standard base64."""
    return _TEXT_PREFIX + base64.b64encode(key.raw).decode("ascii")


def from_text(text: str) -> PublicKey:
    """The inverse of `to_text`; other spellings of the same key are `BadKey`."""
    body = text.removeprefix(_TEXT_PREFIX)
    try:
        key = PublicKey(base64.b64decode(body, validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadKey("An Ed25519 public key is written as `ed25519:` and 44 characters of base64.") from error
    if to_text(key) != text:
        raise BadKey("An Ed25519 public key is written as `ed25519:` and 44 characters of base64.")
    return key


def public_pem(key: PublicKey) -> bytes:
    """SubjectPublicKeyInfo in PEM."""
    return Ed25519PublicKey.from_public_bytes(key.raw).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def load_public_pem(data: bytes) -> PublicKey:
    """The Ed25519 key of a PEM public key, or `BadKey`."""
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKey("This is not a public key in PEM.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey("This public key is not an Ed25519 key.")
    return PublicKey(key.public_bytes_raw())


def private_pem(key: SigningKey, passphrase: str | None) -> bytes:
    """PKCS #8 in PEM, encrypted where a passphrase is given."""
    encryption = (
        serialization.BestAvailableEncryption(passphrase.encode("utf-8"))
        if passphrase
        else serialization.NoEncryption()
    )
    return Ed25519PrivateKey.from_private_bytes(key.seed).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


def load_private_pem(data: bytes, passphrase: str | None) -> SigningKey:
    """The Ed25519 key of a PEM private key, or `BadKey` saying whether form, kind or passphrase is wrong."""
    try:
        key = serialization.load_pem_private_key(data, passphrase.encode("utf-8") if passphrase else None)
    except TypeError as error:
        wanted = "is encrypted; give its passphrase" if not passphrase else "is not encrypted; give no passphrase"
        raise BadKey(f"This private key {wanted}.") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKey("This is not a private key in PEM, or the passphrase is wrong.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey("This private key is not an Ed25519 key.")
    return SigningKey(key.private_bytes_raw())
