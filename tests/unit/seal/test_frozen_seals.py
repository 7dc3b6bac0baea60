"""Wrapped keys, sealed texts and commitments, frozen: opened by ours and by the formulas of their description."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.seal.commitment import KeyCommitmentMismatch, check_key_commitment
from gateway.seal.envelope import EnvelopeTampered, open_small, unwrap

FROZEN = json.loads((Path(__file__).parents[2] / "vectors" / "envelope" / "envelope.json").read_text("ascii"))
WRAPPED, SMALL, COMMITMENT = (FROZEN[name] for name in ("wrapped", "small", "commitment"))


def raw(told: dict[str, str], name: str) -> bytes:
    return bytes.fromhex(told[name])


def hkdf(key: bytes, salt: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869) for 32 bytes, by the standard library."""
    return hmac.digest(hmac.digest(salt or bytes(32), key, sha256), info + b"\x01", sha256)


def opened(key: bytes, sealed: bytes, aad: bytes) -> bytes:
    """Version 1 ‖ nonce ‖ AES-256-GCM, as the description has it."""
    return AESGCM(key).decrypt(sealed[1:13], sealed[13:], b"\x01" + aad)


def test_the_frozen_ones_open() -> None:
    kek, key, aad = raw(WRAPPED, "kek"), raw(WRAPPED, "key"), raw(WRAPPED, "aad")
    assert unwrap(kek, raw(WRAPPED, "sealed"), aad) == key == opened(kek, raw(WRAPPED, "sealed"), aad)
    key, context = raw(SMALL, "key"), SMALL["context"]
    subkey = hkdf(key, b"", b"disclosure-gateway/seal-small/v1/" + context.encode())
    assert open_small(key, context, raw(SMALL, "sealed")) == raw(SMALL, "text")
    assert opened(subkey, raw(SMALL, "sealed"), b"") == raw(SMALL, "text")
    assert open_small(key, context, raw(SMALL, "empty")) == b""
    key, bound = raw(COMMITMENT, "key"), raw(COMMITMENT, "context")
    check_key_commitment(key, raw(COMMITMENT, "commitment"), bound)
    assert hkdf(key, b"disclosure-gateway/key-commitment/v1", bound) == raw(COMMITMENT, "commitment")


@pytest.mark.parametrize("failure", WRAPPED["broken"])
def test_a_broken_wrapped_key_does_not_open(failure: str) -> None:
    with pytest.raises(EnvelopeTampered):
        unwrap(raw(WRAPPED, "kek"), raw(WRAPPED["broken"], failure), raw(WRAPPED, "aad"))


@pytest.mark.parametrize("failure", SMALL["broken"])
def test_a_broken_sealed_text_does_not_open(failure: str) -> None:
    with pytest.raises(EnvelopeTampered):
        open_small(raw(SMALL, "key"), SMALL["context"], raw(SMALL["broken"], failure))


@pytest.mark.parametrize("failure", COMMITMENT["broken"])
def test_a_broken_commitment_does_not_fit(failure: str) -> None:
    with pytest.raises(KeyCommitmentMismatch):
        check_key_commitment(raw(COMMITMENT, "key"), raw(COMMITMENT["broken"], failure), raw(COMMITMENT, "context"))
