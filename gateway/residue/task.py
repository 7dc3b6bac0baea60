"""The gate as the sandbox's child runs it. Everything it reads from disk is read when this module is imported."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from typing import Any, cast

import numpy.ma
from PIL import ImageFile

from gateway.base.canon import Json
from gateway.marks import lettering
from gateway.residue import gate
from gateway.residue.fold import fold
from gateway.residue.walled import expected, unpacked
from gateway.sandbox.task import Answer

# Both libraries load these when they first need them, and behind the walls nothing can be loaded.
_PRELOADED = (numpy.ma, ImageFile)
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
    """No header; one blob, the report as JSON."""
    values_bytes = cast(int, request["values_bytes"])
    expectation = expected(str(request["sort"]), cast(dict[str, Any], request["expectation"]))
    report = gate.check(untrusted[values_bytes:], expectation, unpacked(untrusted[:values_bytes]))
    told = {
        "medium": report.medium,
        "parsers": report.parsers,
        "passed": report.passed,
        "findings": [(one.kind, one.place, one.field) for one in report.findings],
        "counts": dict(report.counts),
    }
    return {}, (json.dumps(told).encode(),)
