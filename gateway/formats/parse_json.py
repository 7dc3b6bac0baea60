"""The strict reader of JSON (RFC 8259). It runs only in the sandbox's child; the parent checks what it says.

UTF-8, or UTF-16 with a byte order mark; an object or array at the root; no key twice in an object, no NaN, nothing
behind the end, nested no deeper than `MAX_DEPTH`. Numbers stay the text they were written as.
"""

from __future__ import annotations

import codecs
import encodings.utf_8_sig
import encodings.utf_16
import json
import re
from collections.abc import Mapping
from typing import Any

from gateway.base.canon import Json
from gateway.formats.leaves import MAX_DEPTH, Leaves, Path, declared_nothing
from gateway.sandbox.task import Answer, TaskRefused

# Loaded here because nothing can be loaded behind the walls.
_PRELOADED = (encodings.utf_8_sig, encodings.utf_16)
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', re.DOTALL)
_LITERALS = {True: "true", False: "false", None: ""}


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


class _Members(list[tuple[str, Any]]):
    """An object's members in their order."""

    __slots__ = ()


def parse(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """The document as `leaves` says."""
    declared_nothing(request)
    text = _decoded(untrusted)
    _check_depth(text)
    try:
        root = json.loads(
            text, object_pairs_hook=_members, parse_int=_Number, parse_float=_Number, parse_constant=_refuse
        )
    except (ValueError, RecursionError) as error:
        raise TaskRefused("json") from error
    if not isinstance(root, list):
        raise TaskRefused("json-root")
    leaves = Leaves()
    _walk(root, (), leaves)
    return leaves.answer()


def _decoded(untrusted: bytes) -> str:
    wide = untrusted.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return untrusted.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise TaskRefused("encoding") from error


def _check_depth(text: str) -> None:
    depth = 0
    for match in _STRUCTURE.finditer(text):
        sign = match[0]
        depth += (sign in "[{") - (sign in "]}") if len(sign) == 1 else 0
        if depth > MAX_DEPTH:
            raise TaskRefused("deep", most=MAX_DEPTH)


def _members(pairs: list[tuple[str, Any]]) -> _Members:
    if len({key for key, _ in pairs}) != len(pairs):
        raise TaskRefused("key-twice")
    return _Members(pairs)


def _refuse(_constant: str) -> None:
    raise TaskRefused("json")


def _walk(value: Any, path: Path, leaves: Leaves) -> None:
    if isinstance(value, _Members):
        for key, member in value:
            _walk(member, (*path, key), leaves)
    elif isinstance(value, list):
        inside = (*path, "[]")
        leaves.list_begins(inside)
        for item in value:
            leaves.item_begins()
            _walk(item, inside, leaves)
            leaves.ends()
        leaves.ends()
    elif isinstance(value, _Number):
        leaves.leaf(path, "n", str(value))
    elif isinstance(value, str):
        leaves.leaf(path, "s", value)
    else:
        leaves.leaf(path, "l", _LITERALS[value])
