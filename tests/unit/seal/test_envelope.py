"""Wrapped keys, sealed texts and commitments: each opens as it was, in its context, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.seal.commitment import COMMITMENT_BYTES, KeyCommitmentMismatch, check_key_commitment, key_commitment
from gateway.seal.envelope import OVERHEAD_BYTES, EnvelopeTampered, open_small, seal_small, unwrap, wrap

KEK, KEY = bytes(range(32)), bytes(range(32, 64))


@given(key=st.binary(min_size=32, max_size=32), aad=st.binary(max_size=100))
def test_a_wrapped_key_comes_back(key: bytes, aad: bytes) -> None:
    wrapped = wrap(KEK, key, aad)
    assert len(wrapped) == OVERHEAD_BYTES + 32
    assert unwrap(KEK, wrapped, aad) == key


@given(text=st.binary(max_size=2000), context=st.text(max_size=40))
def test_a_sealed_text_comes_back(text: bytes, context: str) -> None:
    assert open_small(KEY, context, seal_small(KEY, context, text)) == text


def test_wrapping_with_another_context_or_key_does_not_open() -> None:
    wrapped = wrap(KEK, KEY, b"one")
    for kek, aad in ((KEK, b"two"), (KEK, b""), (KEY, b"one")):
        with pytest.raises(EnvelopeTampered):
            unwrap(kek, wrapped, aad)


def test_a_text_sealed_for_one_context_does_not_open_in_another() -> None:
    sealed = seal_small(KEY, "title", b"secret")
    with pytest.raises(EnvelopeTampered):
        open_small(KEY, "name", sealed)
    with pytest.raises(EnvelopeTampered):
        open_small(KEK, "title", sealed)


def test_a_sealed_text_is_not_a_wrapped_key() -> None:
    with pytest.raises(EnvelopeTampered):
        unwrap(KEY, seal_small(KEY, "title", bytes(32)), b"")


def test_every_flipped_bit_and_every_truncation_is_seen() -> None:
    wrapped = wrap(KEK, KEY, b"aad")
    for position in range(len(wrapped)):
        for bit in range(8):
            broken = bytearray(wrapped)
            broken[position] ^= 1 << bit
            with pytest.raises(EnvelopeTampered):
                unwrap(KEK, bytes(broken), b"aad")
        with pytest.raises(EnvelopeTampered):
            unwrap(KEK, wrapped[:position], b"aad")
    with pytest.raises(EnvelopeTampered):
        unwrap(KEK, wrapped + b"\0", b"aad")


def test_sealing_twice_never_gives_the_same_bytes() -> None:
    assert wrap(KEK, KEY, b"") != wrap(KEK, KEY, b"")
    assert seal_small(KEY, "c", b"t")[13:] != seal_small(KEY, "c", b"t")[13:]


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        wrap(bytes(16), KEY, b"")
    with pytest.raises(ValueError, match="32 bytes"):
        seal_small(bytes(16), "c", b"")


def test_a_commitment_fits_one_key_in_one_context() -> None:
    commitment = key_commitment(KEY, b"context")
    assert len(commitment) == COMMITMENT_BYTES
    check_key_commitment(KEY, commitment, b"context")
    for key, given_commitment, context in (
        (KEK, commitment, b"context"),
        (KEY, commitment, b"another"),
        (KEY, commitment[:-1], b"context"),
        (KEY, b"", b"context"),
        (KEY, bytes([commitment[0] ^ 1]) + commitment[1:], b"context"),
    ):
        with pytest.raises(KeyCommitmentMismatch):
            check_key_commitment(key, given_commitment, context)


def test_the_commitment_is_frozen() -> None:
    expected = "a1e8c9e513458f21de3cdc612236da3eb977bb6e09bf1623b7884a0b2665cce3"
    assert key_commitment(KEY, b"context").hex() == expected
