"""Workbooks that somebody else made, laid open for searching: every member, archives in archives, and all XML in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from xml.parsers import expat

from gateway.residue.archive import loose_members
from gateway.residue.layers import Budget
from gateway.residue.model import Finding
from gateway.residue.values import Needles

_MAX_DEPTH = 3
_ARCHIVE = b"PK\x03\x04"


def in_members(untrusted: bytes, needles: Needles, budget: Budget, depth: int = 0) -> Iterator[Finding]:
    """Finds in the members' bytes, in the attributes and texts of their XML, and in the archives among them."""
    for number, content in enumerate(loose_members(untrusted), 1):
        place = f"member {number}"
        budget.take(len(content))
        yield from (Finding(hit.kind, place) for hit in needles.in_texts(_told(content), budget))
        yield from (Finding(hit.kind, place) for hit in needles.in_bytes([content], budget))
        if content.startswith(_ARCHIVE) and depth < _MAX_DEPTH:
            yield from in_members(content, needles, budget, depth + 1)


class _Stopped(Exception):
    """A document type could declare entities without end; what stands behind it is searched as bytes alone."""


def _stop(*_arguments: object) -> None:
    raise _Stopped


def _told(content: bytes) -> list[str]:
    """Attribute values and texts as far as the XML goes; runs of one text are also read as one."""
    told: list[str] = []
    runs: list[str] = []
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda _name, attributes: told.extend(attributes.values())
    parser.CharacterDataHandler = runs.append
    parser.StartDoctypeDeclHandler = _stop
    with suppress(expat.ExpatError, ValueError, LookupError, _Stopped):
        parser.Parse(content, True)
    return [*told, *runs, "".join(runs)]
