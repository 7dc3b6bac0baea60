"""Canonical JSON: one byte form, byte-identical to RFC 8785 within the restricted schema."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gateway.base.canon import NotCanonical, canonical, parse_canonical

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
_KEYS = st.text(st.characters(max_codepoint=127))
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4))


@given(_VALUES)
def test_agrees_with_an_independent_encoder(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(_VALUES)
def test_reads_back_what_it_wrote(value: Any) -> None:
    assert parse_canonical(canonical(value)) == value


@pytest.mark.parametrize("value", [1.5, {"é": 1}, {1: 2}, 2**53, "\ud800", b"bytes", {"a": {1, 2}}, [[float("nan")]]])
def test_refuses_what_has_no_canonical_form(value: Any) -> None:
    with pytest.raises(NotCanonical):
        canonical(value)


def test_refuses_nesting_without_end() -> None:
    value: Any = []
    for _ in range(100):
        value = [value]
    with pytest.raises(NotCanonical):
        canonical(value)


@pytest.mark.parametrize(
    "data", [b'{"a":1,"a":1}', b'{"b":1,"a":2}', b'{"a": 1}', b"1.0", b"{", b"\xff", b"[" * 100_000]
)
def test_parses_only_canonical_bytes(data: bytes) -> None:
    with pytest.raises(NotCanonical):
        parse_canonical(data)
