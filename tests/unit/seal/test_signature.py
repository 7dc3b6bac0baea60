"""Ed25519 as RFC 8032 states it, and key forms that other tools read."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.seal.signature import (
    BadKey,
    PublicKey,
    SignatureInvalid,
    SigningKey,
    from_text,
    load_private_pem,
    load_public_pem,
    private_pem,
    public_pem,
    to_text,
)

# RFC 8032, section 7.1, tests 1 to 3: seed, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_signs_and_verifies_the_vectors_of_rfc_8032(seed: str, public: str, message: str, signature: str) -> None:
    key = SigningKey.from_seed(bytes.fromhex(seed))
    assert key.public.raw.hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    key.public.verify(bytes.fromhex(signature), bytes.fromhex(message))


def test_any_flipped_bit_of_signature_or_message_is_refused() -> None:
    key = SigningKey.generate()
    signature = key.sign(b"statement")
    for bit in range(512):
        broken = bytearray(signature)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SignatureInvalid):
            key.public.verify(bytes(broken), b"statement")
    with pytest.raises(SignatureInvalid):
        key.public.verify(signature, b"statemenu")
    with pytest.raises(SignatureInvalid):
        key.public.verify(signature[:-1], b"statement")


@pytest.mark.parametrize(
    "y", ["00" * 32, "01" + "00" * 31, "ec" + "ff" * 30 + "7f", "ed" + "ff" * 30 + "7f", "ff" * 32]
)
def test_keys_of_small_order_or_unusual_form_are_refused(y: str) -> None:
    with pytest.raises(BadKey):
        PublicKey(bytes.fromhex(y))


@pytest.mark.parametrize(
    "y",
    [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ],
)
def test_keys_of_order_eight_are_refused(y: str) -> None:
    with pytest.raises(BadKey):
        PublicKey(bytes.fromhex(y))


def test_the_text_form_has_one_spelling() -> None:
    key = SigningKey.generate().public
    assert from_text(to_text(key)) == key
    for text in ("", "ed25519:", to_text(key)[8:], to_text(key) + "\n", to_text(key).replace("=", ""), "ed25519:é"):
        with pytest.raises(BadKey):
            from_text(text)


def test_pem_round_trips_with_and_without_passphrase() -> None:
    key = SigningKey.generate()
    assert load_public_pem(public_pem(key.public)) == key.public
    assert load_private_pem(private_pem(key, None), None) == key
    sealed = private_pem(key, "correct horse")
    assert load_private_pem(sealed, "correct horse") == key
    for data, passphrase in ((sealed, "wrong"), (sealed, None), (private_pem(key, None), "any"), (b"", None)):
        with pytest.raises(BadKey):
            load_private_pem(data, passphrase)


def test_keys_of_another_kind_are_refused() -> None:
    for other in (Ed448PrivateKey.generate(), X25519PrivateKey.generate()):
        private = other.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = other.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        with pytest.raises(BadKey, match="not an Ed25519 key"):
            load_private_pem(private, None)
        with pytest.raises(BadKey, match="not an Ed25519 key"):
            load_public_pem(public)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_keys_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(BadKey, match="32 bytes"):
        PublicKey(b"\x09" * length)
    with pytest.raises(BadKey, match="32 bytes"):
        SigningKey.from_seed(b"\x09" * length)


def test_what_is_no_pem_is_refused() -> None:
    for data in (b"", b"nonsense", public_pem(SigningKey.generate().public)[:-40]):
        with pytest.raises(BadKey):
            load_public_pem(data)
        with pytest.raises(BadKey):
            load_private_pem(data, None)


def test_a_seed_is_never_shown() -> None:
    key = SigningKey.generate()
    assert key.seed.hex() not in repr(key)
    assert repr(key.seed) not in repr(key)
