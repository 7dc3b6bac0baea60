"""Frozen entries: the same act gives the same bytes for ever, and broken leaves name their failure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from gateway.audit import rules
from gateway.audit.model import Act
from gateway.base import clock
from gateway.seal import merkle
from gateway.verify.verify import Mismatch, parse_entry

VECTORS = Path(__file__).parents[2] / "vectors" / "entry"
GOOD: list[dict[str, Any]] = json.loads((VECTORS / "entries.json").read_text(encoding="utf-8"))
BROKEN: dict[str, str] = json.loads((VECTORS / "broken.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", GOOD, ids=lambda vector: vector["about"])
def test_an_act_becomes_exactly_these_bytes(vector: dict[str, Any]) -> None:
    said, chain = vector["act"], vector["chain"]
    body = said.get("body")
    commitment = rules.body_commitment(bytes.fromhex(vector["salt"]), body) if body else None
    previous = bytes.fromhex(chain[1]) if chain and chain[1] else None
    leaf = rules.entry_leaf(
        Act(**said),
        at=clock.from_text(vector["at"]),
        chain=(chain[0], previous) if chain else None,
        commitment=commitment,
    )
    assert leaf.decode("utf-8") == vector["leaf"]
    assert leaf == rfc8785.dumps(json.loads(leaf))
    assert merkle.leaf_hash(leaf).hex() == vector["leaf_hash"]
    assert parse_entry(leaf, "Entry") == json.loads(leaf)


@pytest.mark.parametrize("failure", BROKEN)
def test_a_leaf_that_fails_for_a_named_reason_is_refused(failure: str) -> None:
    with pytest.raises(Mismatch):
        parse_entry(BROKEN[failure].encode("utf-8", "surrogatepass"), "Entry")


def test_a_leaf_past_its_bound_is_refused() -> None:
    bare = GOOD[0]["leaf"].replace('"facts":{}', '"facts":{"n":"%s"}')
    room = rules.ENTRY_BYTES_MAX - len(bare) + 2
    parse_entry((bare % ("a" * room)).encode(), "Entry")
    with pytest.raises(Mismatch, match="longer"):
        parse_entry((bare % ("a" * (room + 1))).encode(), "Entry")
