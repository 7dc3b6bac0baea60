from __future__ import annotations

import base64
import json

import pytest

from gateway.residue.gate import check
from gateway.residue.model import Finding, Kind, TextExpectation
from tests.support.renditions import withheld

SECRET = "Nordwind Turbinen AG"
README = """RELEASE rel_01k7m3v9q2x8d4n6b5t1c0zhep · 2026-01-31

This package holds two documents. What is missing, and why, stands in withheld.csv.
本文件包含两份文件。
"""
EXPECTED = TextExpectation("README.txt")


def findings(text: str | bytes, *constants: str) -> tuple[Finding, ...]:
    data = text.encode() if isinstance(text, str) else text
    return check(data, EXPECTED, withheld(SECRET, "4821150.77", constants=constants)).findings


def test_a_clean_text_passes() -> None:
    report = check(README.encode(), EXPECTED, withheld(SECRET, "DE"))
    assert report.clean
    assert report.passed == ("structure", "values", "bounds")
    assert findings(b"\xef\xbb\xbf" + README.encode()) == ()


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (f"Customer: {SECRET.upper()}.", Kind.VALUE),
        ("Total 4.821.150,77", Kind.NUMBER),
        (base64.b64encode(SECRET.encode()).decode(), Kind.ENCODED),
        (SECRET.encode().hex(), Kind.ENCODED),
    ],
)
def test_a_value_is_found_in_its_line(line: str, kind: Kind) -> None:
    assert findings(f"{README}{line}\nend\n") == (Finding(kind, "README.txt line 5"),)


def test_a_value_across_lines_is_found() -> None:
    assert findings(f"{README}the customer Nordwind\nTurbinen AG\n") == (Finding(Kind.VALUE, "README.txt"),)


def test_escapes_of_json_are_resolved() -> None:
    data = json.dumps({"note": "西门子电机 GmbH"}).encode()
    assert b"\\u" in data
    found = check(data, TextExpectation("manifest.json", "application/json"), withheld("西门子电机"))
    assert [finding.kind for finding in found.findings] == [Kind.ENCODED]


def test_what_the_text_says_itself_is_a_constant() -> None:
    sentence = f"Filed for {SECRET}."
    assert findings(sentence, sentence) == ()
    assert findings(sentence) != ()


@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", "a\u202eb", "a\u200bb", "a\x9fb"])
def test_hidden_and_control_characters_are_findings(text: str) -> None:
    assert [finding.kind for finding in findings(text)] == [Kind.STRUCTURE]


def test_other_character_sets_are_findings_and_searched() -> None:
    assert {finding.kind for finding in findings(f"{SECRET} für".encode("latin-1"))} == {Kind.STRUCTURE, Kind.VALUE}
    assert Kind.VALUE in {finding.kind for finding in findings(b"\xff\xfe" + SECRET.encode("utf-16-le"))}
