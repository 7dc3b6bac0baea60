"""Canonical JSON (RFC 8785, JCS) over a restricted schema.

Keys are ASCII strings, integers lie within ±(2^53-1), there are no floats and no lone surrogates. Within
these limits the standard library's encoder is byte-identical to JCS.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.base.problems import Usage

Json = None | bool | int | str | Sequence["Json"] | Mapping[str, "Json"]

_LIMIT = 2**53 - 1
_DEPTH = 64
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False)


class NotCanonical(Usage):
    """Data that is not canonical JSON in the restricted schema."""

    slug = "not-canonical"
    title = "Not canonical JSON"


def canonical(value: Json) -> bytes:
    """The one byte form of `value`. Raises `NotCanonical` outside the restricted schema."""
    _check(value, 0)
    try:
        return _ENCODER.encode(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotCanonical("A text holds half a character (a lone surrogate).") from error


def parse_canonical(data: bytes) -> Any:
    """Parse `data` and insist that it is the canonical form of what it says."""
    try:
        value = json.loads(data, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        raise NotCanonical("This is not JSON in UTF-8, or a key stands twice.") from error
    if canonical(value) != data:
        raise NotCanonical("This JSON is not in canonical form (RFC 8785).")
    return value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key")
    return result


def _check(value: Any, depth: int) -> None:
    if depth > _DEPTH:
        raise NotCanonical("The data is nested too deeply.")
    if value is None or isinstance(value, bool | str):
        return
    if isinstance(value, int):
        if not -_LIMIT <= value <= _LIMIT:
            raise NotCanonical("A number lies outside ±(2^53-1); write it as text.")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise NotCanonical("A key is not ASCII text.")
            _check(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _check(item, depth + 1)
    else:
        raise NotCanonical(f"A value of type {type(value).__name__} has no canonical form.")
