"""Two keys that sign together, and the forms in which they are handed out."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.seal import mldsa, signature, twin
from gateway.seal.signature import BadKey, SignatureInvalid
from gateway.seal.twin import PublicTwin, Signatures, SigningTwin

KEY = SigningTwin(signature.SigningKey(bytes(range(32))), mldsa.SigningKey(bytes(range(32, 64))))


def test_a_key_generated_by_a_seed_is_always_the_same() -> None:
    assert hashlib.sha256(KEY.public.mldsa.raw).hexdigest() == (
        "098600b859a74a77370f560491923a2fed4464b245e8c7aff5255eb28bb3abf1"
    )
    assert KEY.public.fingerprint == hashlib.sha256(KEY.public.ed25519.raw + KEY.public.mldsa.raw).hexdigest()


def test_both_signatures_are_needed() -> None:
    made, other = KEY.sign(b"message", b"use"), KEY.sign(b"another", b"use")
    KEY.public.verify(made, b"message", b"use")
    for broken in (Signatures(other.ed25519, made.mldsa), Signatures(made.ed25519, other.mldsa)):
        with pytest.raises(SignatureInvalid):
            KEY.public.verify(broken, b"message", b"use")
    with pytest.raises(SignatureInvalid):
        KEY.public.verify(made, b"message", b"another use")


def test_the_text_and_pem_forms_read_back() -> None:
    text, pem = twin.to_text(KEY.public), twin.public_pem(KEY.public)
    assert twin.from_text(text) == KEY.public
    assert signature.load_public_pem(pem) == KEY.public.ed25519
    assert mldsa.load_public_pem(pem[len(signature.public_pem(KEY.public.ed25519)) :]) == KEY.public.mldsa
    first, second = text.splitlines()
    for wrong in ("", first, second, f"{second}\n{first}", f"{first}\n{second[:-4]}", f"{text}{first}\n"):
        with pytest.raises(BadKey):
            twin.from_text(wrong)


@pytest.mark.parametrize("text", ["", "ml-dsa-44:", "ml-dsa-44:AAAA", "ml-dsa-44:é", "ed25519:" + "A" * 1752])
def test_what_is_no_mldsa_key_is_refused(text: str) -> None:
    with pytest.raises(BadKey):
        mldsa.from_text(text)
    other = Ed448PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for data in (b"", text.encode(), other):
        with pytest.raises(BadKey):
            mldsa.load_public_pem(data)


def test_lengths_are_checked_and_no_secret_is_shown() -> None:
    with pytest.raises(BadKey):
        mldsa.PublicKey(bytes(1311))
    with pytest.raises(BadKey):
        mldsa.SigningKey(bytes(31))
    assert "\\x" not in repr(KEY)
    assert PublicTwin(KEY.public.ed25519, KEY.public.mldsa).named[1][0] == "ML-DSA-44"
