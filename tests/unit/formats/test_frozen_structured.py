"""JSON, XML and text as they have always been read and written: the same bytes, the same refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.formats.model import Case, Element, Instruction, Mark, Op, Plan, Structured, Transform
from gateway.formats.problems import TextRefused
from gateway.formats.structured import PARSE_TASKS, StructuredFormat
from gateway.formats.write_text import JSON, TEXT, XML
from gateway.sandbox.process import ProcessSandbox

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "structured"
MARK = Mark("Ningbo Example Magnetics", "rel_01k7m3v9q2x8d4n6b5t1c0zhep", "2026-01-31")
FORM = StructuredFormat(lambda _values: frozenset())
TITLES = {
    "product": ("Product", Transform(Op.ALLOW, {})),
    "no": ("Part [pseudonym]", Transform(Op.PSEUDONYMISE, {"scope": "release", "prefix": "T"})),
    "mass": ("Mass", Transform(Op.ALLOW, {})),
}


@pytest.fixture(scope="module")
def sandbox() -> ProcessSandbox:
    return ProcessSandbox(tuple(PARSE_TASKS.values()))


def plan(content: Structured) -> Plan:
    orders = []
    for field in FORM.survey(content):
        word = field.label.rpartition(" › ")[2].lstrip("@").casefold()
        if word in TITLES:
            title, transform = TITLES[word]
            case = Case((), transform, 5, "REQ", "rule")
            orders.append(Instruction(field.id, word, Element.COLUMN, title, "text", (case,)))
    return Plan(tuple(orders))


@pytest.mark.parametrize(("media_type", "extension"), [(JSON, "json"), (XML, "xml"), (TEXT, "txt")])
def test_renditions_are_the_frozen_bytes(sandbox: ProcessSandbox, media_type: str, extension: str) -> None:
    original = (VECTORS / f"original.{extension}").read_bytes()
    assert FORM.sniff(original) == media_type
    content = FORM.read(original, media_type, sandbox)
    out = FORM.rebuild(content, plan(content), MARK, bytes(range(32)))
    assert out.data == (VECTORS / f"rendition.{extension}").read_bytes()


@pytest.mark.parametrize("broken", json.loads((VECTORS / "broken.json").read_text("utf-8")))
def test_broken_ones_name_their_failure(sandbox: ProcessSandbox, broken: dict[str, Any]) -> None:
    with pytest.raises(TextRefused) as caught:
        FORM.read(broken["data"].encode(), broken["media_type"], sandbox)
    assert caught.value.detail.startswith(broken["says"])
