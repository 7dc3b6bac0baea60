"""The texts that go along with a rendition, read again: README, withheld index, reasons, manifest, reports.

1. UTF-8, perhaps behind one byte order mark, without control characters but line ends and tabs, without characters
that hide or reorder. 2. Nothing in it gives away a withheld value (`values`), neither in a line nor across lines. What
these texts say themselves belongs to the constants of the withheld set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.base.text import has_hidden
from gateway.residue.layers import Budget
from gateway.residue.model import Finding, Kind, Ledger, Report, TextExpectation, unique
from gateway.residue.values import Needles

PARSER = "own text reader"

_BOM = b"\xef\xbb\xbf"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def check_text(data: bytes, expected: TextExpectation, needles: Needles) -> Report:
    """Check 1 and 2; what is not UTF-8 is searched as bytes."""
    ledger = Ledger("text", (PARSER,), counts=needles.counts())
    budget = Budget()
    try:
        text = data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        ledger.note("structure", [Finding(Kind.STRUCTURE, f"{expected.name} byte {error.start}")])
        hits = needles.in_bytes([data], budget)
        ledger.note("values", unique(Finding(hit.kind, expected.name) for hit in hits))
        return ledger.report()
    ledger.note("structure", _structure(text, expected.name))
    ledger.note("values", unique(in_lines(text, expected.name, needles, budget)))
    ledger.note("bounds", [Finding(Kind.BOUND, expected.name)] if budget.exhausted else [])
    return ledger.report()


def _structure(text: str, name: str) -> Iterator[Finding]:
    if match := _CONTROL.search(text):
        yield Finding(Kind.STRUCTURE, f"{name} line {text.count(chr(10), 0, match.start()) + 1}")
    if has_hidden(text):
        yield Finding(Kind.STRUCTURE, name)


def in_lines(text: str, name: str, needles: Needles, budget: Budget) -> Iterator[Finding]:
    """Finds by line; what only shows across lines is placed in the whole text."""
    across = {hit.kind for hit in needles.in_texts([text], budget)}
    if not across:
        return
    for hit in needles.in_texts(text.splitlines(), budget):
        across.discard(hit.kind)
        yield Finding(hit.kind, f"{name} line {hit.unit + 1}")
    yield from (Finding(kind, name) for kind in sorted(across))
