"""The script's own Ed25519 agrees with OpenSSL's, and refuses what a strict verifier refuses."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.seal.signature import SignatureInvalid, SigningKey
from gateway.verify import verify

ORDER = 2**252 + 27742317777372353535851937790883648493
RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
            "387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
            "4a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
]


@pytest.mark.parametrize(("key", "message", "signature"), RFC_8032)
def test_the_vectors_of_rfc_8032_hold(key: str, message: str, signature: str) -> None:
    assert verify.ed25519_holds(bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature))
    assert not verify.ed25519_holds(bytes.fromhex(key), b"another", bytes.fromhex(signature))


@settings(max_examples=60)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100), st.integers(0, 511))
def test_it_agrees_with_openssl_on_good_and_broken_signatures(seed: bytes, message: bytes, bit: int) -> None:
    key = SigningKey.from_seed(seed)
    signature = key.sign(message)
    assert verify.ed25519_holds(key.public.raw, message, signature)
    broken = bytearray(signature)
    broken[bit // 8] ^= 1 << bit % 8
    assert not verify.ed25519_holds(key.public.raw, message, bytes(broken))
    with pytest.raises(SignatureInvalid):
        key.public.verify(bytes(broken), message)


def test_the_same_signature_in_another_spelling_is_refused() -> None:
    key = SigningKey.generate()
    signature = key.sign(b"statement")
    s = int.from_bytes(signature[32:], "little")
    for other in (signature[:32] + (s + ORDER).to_bytes(32, "little"), signature + b"\x00", signature[:63], b""):
        assert not verify.ed25519_holds(key.public.raw, b"statement", other)


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_a_key_of_small_order_never_verifies(key: str) -> None:
    raw = bytes.fromhex(key)
    with pytest.raises(ValueError, match=r"key|point"):
        verify.check_public_key(raw)
    assert not verify.ed25519_holds(raw, b"anything", bytes.fromhex(SMALL_ORDER[0]) + bytes(32))


@pytest.mark.parametrize(
    "key",
    [
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
        "ff" * 32,
        "02" + "00" * 31,
        "01" + "00" * 30 + "80",
        "00" * 31,
        "",
    ],
)
def test_what_encodes_no_point_in_its_only_form_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"key|point"):
        verify.check_public_key(bytes.fromhex(key))
