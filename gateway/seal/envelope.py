"""Small sealed things: wrapped keys and short texts, AES-256-GCM with a random 96-bit nonce.

Both forms are version byte (1) ‖ nonce (12) ‖ ciphertext ‖ tag (16); the version byte is authenticated too.
"""

from __future__ import annotations

from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.base.problems import CheckFailed

KEY_BYTES = 32
OVERHEAD_BYTES = 29

_VERSION = b"\x01"
_NONCE_BYTES = 12
_SMALL = b"disclosure-gateway/seal-small/v1/"


class EnvelopeTampered(CheckFailed):
    """A wrapped key or sealed text does not open: it, its key or its context differs."""

    slug = "envelope-tampered"
    title = "A sealed value differs from what was sealed"


def wrap(kek: bytes, key: bytes, aad: bytes) -> bytes:
    """`key` sealed under `kek`, bound to `aad`."""
    return _seal(kek, key, aad)


def unwrap(kek: bytes, wrapped: bytes, aad: bytes) -> bytes:
    """The inverse of `wrap`; raises `EnvelopeTampered`."""
    return _open(kek, wrapped, aad)


def seal_small(key: bytes, context: str, plaintext: bytes) -> bytes:
    """`plaintext` sealed under a subkey of `key` that belongs to `context` alone (HKDF-SHA256).

    One context takes at most 2^32 texts under one key: beyond that random nonces may repeat.
    """
    return _seal(_subkey(key, context), plaintext, b"")


def open_small(key: bytes, context: str, sealed: bytes) -> bytes:
    """The inverse of `seal_small`; raises `EnvelopeTampered`."""
    return _open(_subkey(key, context), sealed, b"")


def _subkey(key: bytes, context: str) -> bytes:
    _check_key(key)
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=_SMALL + context.encode()).derive(key)


def _seal(key: bytes, plaintext: bytes, aad: bytes) -> bytes:
    _check_key(key)
    nonce = token_bytes(_NONCE_BYTES)
    return _VERSION + nonce + AESGCM(key).encrypt(nonce, plaintext, _VERSION + aad)


def _open(key: bytes, sealed: bytes, aad: bytes) -> bytes:
    _check_key(key)
    if len(sealed) < OVERHEAD_BYTES or sealed[:1] != _VERSION:
        raise EnvelopeTampered("A sealed value is cut short or of an unknown version.")
    nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, body, _VERSION + aad)
    except InvalidTag as error:
        raise EnvelopeTampered("A sealed value does not open: it, its key or its context differs.") from error


def _check_key(key: bytes) -> None:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a sealing key has {KEY_BYTES} bytes")
