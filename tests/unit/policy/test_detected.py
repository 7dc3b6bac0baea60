"""A policy over what a detector finds is tested like any other."""

from __future__ import annotations

import shutil
from pathlib import Path

from gateway.policy.load import load_library
from gateway.policy.testing import TestReport, run_tests

RULES = """rules:
  - id: plates
    select: {regions: {class: [text], source: detector}}
    do: allow
    because: {code: REQ, basis: "State Council Order 792, art. 16", asked_for: item-6}
  - id: no-addresses
    select: {classes: [EMAIL, PLATE]}
    do: drop
    because:
      code: PD-MIN
      basis: GDPR, art. 5(1)(c)
      reason: {en: Nobody asked for it., zh: 未要求提供。}
      no_summary_reason: {en: It is an address., zh: 为联系地址。}
"""
TESTS = """
policy: cn-mofcom-single.production-photo@1.0.0
on: 2026-03-02
context: {recipient.class: authority, recipient.hop: "2", purpose: export_licence}
tests:
  - name: writing is shown, an address is not
    regions:
      - {class: work_area, box: [0, 0, 800, 600]}
      - {class: TEXT, box: [10, 10, 90, 20], source: detector, words: "WORDS"}
    expect: {regions: {work_area: work-area, TEXT: RULE}}
"""


def reported(folder: Path, region: str, words: str, rule: str) -> TestReport:
    packs = folder / f"{words[:1]}{rule}"
    shutil.copytree("policies", packs)
    file = packs / "cn-mofcom-single" / "production-photo.yaml"
    file.write_text(file.read_text("utf-8").replace("rules:\n", RULES, 1), "utf-8")
    tests = packs / "cn-mofcom-single" / "production-photo.test.yaml"
    tests.write_text(TESTS.replace("TEXT", region).replace("WORDS", words).replace("RULE", rule), "utf-8")
    return run_tests(tests, load_library(packs))


def test_what_was_found_goes_by_its_class_and_by_what_was_read(tmp_path: Path) -> None:
    for region, words, rule in (
        ("text", "Line 7", "plates"),
        ("text", "a@b.example", "no-addresses"),
        ("text", "S-XY 1234", "no-addresses"),
        ("face", "", "people"),
        ("code", "", "default"),
    ):
        (result,) = reported(tmp_path, region, words, rule).results
        assert result.failures == ()


def test_a_wrong_expectation_fails(tmp_path: Path) -> None:
    (result,) = reported(tmp_path, "text", "a@b.example", "plates").results
    assert result.failures
