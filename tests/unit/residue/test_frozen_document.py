"""A document that was rebuilt once passes the gate for as long as its format stands, and each broken one is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.residue.gate import check
from gateway.residue.model import DocumentExpectation, Report
from tests.support.renditions import withheld

FROZEN = Path(__file__).parents[2] / "vectors" / "document"
REBUILT = (FROZEN / "rebuilt.pdf").read_bytes()
TOLD = json.loads((FROZEN / "rebuilt.json").read_text("utf-8"))
BROKEN = json.loads((FROZEN / "broken.json").read_text("utf-8"))
SECRETS = withheld("Anneliese Kowalski", "Zhang Wei Motors", "4711-0815-99", field="text/1/1")


def report(data: bytes) -> Report:
    sizes = tuple((width, height) for width, height in TOLD["sizes_px"])
    boxes = tuple(tuple((box[0], box[1], box[2], box[3]) for box in page) for page in TOLD["boxes"])
    return check(data, DocumentExpectation(sizes, boxes, TOLD["mark_text"]), SECRETS)


def test_the_frozen_document_passes() -> None:
    assert report(REBUILT).findings == ()


@pytest.mark.parametrize("broken", BROKEN, ids=[one["name"] for one in BROKEN])
def test_each_broken_document_is_blocked_for_its_own_reason(broken: dict[str, Any]) -> None:
    data = bytearray(REBUILT)
    for at, patch in broken["patches"]:
        data[at : at + len(patch) // 2] = bytes.fromhex(patch)
    found = report(bytes(data)).findings[0]
    assert (found.kind.value, found.place) == (broken["kind"], broken["place"])
