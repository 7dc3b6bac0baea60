"""The gate as the sandbox's child runs it. Everything it reads from disk is read when this module is imported."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from typing import Any, cast

import numpy.ma

from gateway.base.canon import Json
from gateway.marks import lettering
from gateway.residue import gate
from gateway.residue.fold import fold
from gateway.residue.model import Report, TextExpectation
from gateway.residue.pixels import shown
from gateway.residue.values import Needles
from gateway.residue.walled import expected, unpacked
from gateway.sandbox.task import Answer

# numpy loads it when it first needs it, and behind the walls nothing can be loaded.
_PRELOADED = (numpy.ma,)
# Python would look for each of these in a file of its own, when it is first used.
for _charset in (
    "ascii",
    "latin-1",
    "cp1252",
    "utf-8-sig",
    "utf-16",
    "utf-16-be",
    "utf-16-le",
    "utf-32-le",
    "gb18030",
    "big5",
):
    codecs.lookup(_charset)
lettering.load()
fold("the tables of folding are made when they are first used")


def verify(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """No header; one blob for each rendition, its report as JSON. What follows the last one is its reference."""
    at = cast(int, request["values_bytes"])
    asked = cast(list[dict[str, Any]], request["checked"])
    expectations = [expected(one["sort"], one["expectation"]) for one in asked]
    values = unpacked(untrusted[:at])
    withheld = Needles(values) if all(isinstance(one, TextExpectation) for one in expectations) else values
    blobs = []
    for one, expectation in zip(asked, expectations, strict=True):
        end = at + one["size_bytes"]
        reference = untrusted[end:] if expectation is expectations[-1] else b""
        report = gate.check(untrusted[at:end], expectation, withheld, reference)
        blobs.append(json.dumps(_told(report)).encode())
        at = end
    return {}, tuple(blobs)


def search(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """No header; one blob, the report on a file that somebody else made."""
    at = cast(int, request["values_bytes"])
    start = at + cast(int, request["told_bytes"])
    media_type = cast(str, request["media_type"])
    report = gate.check_foreign(
        untrusted[start:], media_type, unpacked(untrusted[:at]), json.loads(untrusted[at:start])
    )
    return {}, (json.dumps(_told(report)).encode(),)


def pixels(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """No header; a blob for each surface that is asked for, its RGB rows."""
    expectation = expected(cast(str, request["sort"]), cast(dict[str, Any], request["expectation"]))
    return {}, tuple(shown(untrusted, expectation, cast(list[int], request["surfaces"])))


def compare(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """No header; one blob: which of the texts say a withheld value, and which nearly do, with its field."""
    at = cast(int, request["values_bytes"])
    said, nearly = gate.compare(json.loads(untrusted[at:]), unpacked(untrusted[:at]))
    return {}, (json.dumps([said, nearly]).encode(),)


def _told(report: Report) -> dict[str, Any]:
    return {
        "medium": report.medium,
        "parsers": report.parsers,
        "passed": report.passed,
        "findings": [(one.kind, one.place, one.field) for one in report.findings],
        "counts": dict(report.counts),
        "read_by": report.read_by,
    }
