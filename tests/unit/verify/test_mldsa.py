"""The script's own ML-DSA-44 agrees with the Wycheproof vectors and with OpenSSL's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.seal.mldsa import PublicKey, SigningKey
from gateway.seal.signature import BadKey, SignatureInvalid
from gateway.verify import verify

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "mldsa" / "wycheproof.json").read_text("ascii"))
TESTS: dict[str, dict[str, Any]] = {f"{test['tcId']} {test['comment']}": test for test in VECTORS["tests"]}
KEY = SigningKey(bytes(range(32)))


@pytest.mark.parametrize("name", TESTS)
def test_the_vectors_of_wycheproof_hold_or_fail_as_they_say(name: str) -> None:
    test = TESTS[name]
    raw, message, signature, context = (bytes.fromhex(test[part]) for part in ("key", "msg", "sig", "ctx"))
    assert verify.mldsa_holds(raw, message, signature, context) is (test["result"] == "valid")
    if len(context) > 255:
        return
    try:
        PublicKey(raw).verify(signature, message, context)
    except (SignatureInvalid, BadKey):
        assert test["result"] == "invalid"
    else:
        assert test["result"] == "valid"


def test_the_vectors_hold_good_and_broken_ones() -> None:
    results = [test["result"] for test in TESTS.values()]
    assert results.count("valid") > 10
    assert results.count("invalid") > 20


@settings(max_examples=25, deadline=None)
@given(
    st.binary(min_size=32, max_size=32), st.binary(max_size=300), st.binary(max_size=255), st.integers(0, 2420 * 8 - 1)
)
def test_it_agrees_with_openssl_on_good_and_broken_signatures(
    seed: bytes, message: bytes, context: bytes, bit: int
) -> None:
    key = SigningKey(seed)
    signature = key.sign(message, context)
    assert verify.mldsa_holds(key.public.raw, message, signature, context)
    broken = bytearray(signature)
    broken[bit // 8] ^= 1 << bit % 8
    assert not verify.mldsa_holds(key.public.raw, message, bytes(broken), context)
    with pytest.raises(SignatureInvalid):
        key.public.verify(bytes(broken), message, context)


def test_another_message_context_key_or_length_does_not_hold() -> None:
    raw, signature = KEY.public.raw, KEY.sign(b"statement", b"use")
    assert verify.mldsa_holds(raw, b"statement", signature, b"use")
    other = SigningKey(bytes(32)).public.raw
    for asked in (
        (raw, b"another", signature, b"use"),
        (raw, b"statement", signature, b""),
        (raw, b"estatement", signature, b"us"),
        (other, b"statement", signature, b"use"),
        (raw[:-1], b"statement", signature, b"use"),
        (raw, b"statement", signature[:-1], b"use"),
        (raw, b"statement", signature + b"\0", b"use"),
        (raw, b"statement", b"", b"use"),
        (b"", b"statement", signature, b"use"),
        (raw, b"statement", signature, b"u" * 256),
    ):
        assert not verify.mldsa_holds(*asked)
