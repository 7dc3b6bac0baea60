"""`never` in a test file: proved on every run, and no claim about nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.policy.problems import PolicyInvalid
from gateway.policy.testing import TestReport, TestResult, run_tests
from tests.support.policies import HEAD, load, rule

ALLOW = rule("show", "{fields: [buyer], where: {licensed: ['yes']}}", "allow") + rule(
    "mail", "{classes: [EMAIL]}", "drop"
)
FILE = """\
policy: test.sample@1
on: 2026-03-02
never: [NEVER]
tests:
  - name: a licensed buyer is shown
    headers: [Buyer, Licensed]
    rows: [[a, "yes"]]
    expect: {columns: [Buyer]}
  - name: an address is not
    headers: [Buyer, Licensed]
    rows: [[a@b.example, "yes"]]
    expect: {columns: []}
"""


def reported(folder: Path, never: str) -> TestReport:
    library = load(folder, HEAD + ALLOW)
    file = folder / "sample.test.yaml"
    file.write_text(FILE.replace("NEVER", never), encoding="utf-8")
    return run_tests(file, library)


def claims(report: TestReport) -> list[TestResult]:
    return [result for result in report.results if result.name.startswith("never ")]


def test_a_claim_that_is_true_passes(tmp_path: Path) -> None:
    report = reported(
        tmp_path, "{classes: [EMAIL]}, {fields: [price, qty]}, {fields: [buyer], to: {date: {le: 2025-12-31}}}"
    )
    assert report.passed, report.sentences()
    assert claims(report)[0].name == "never class=EMAIL"


def test_a_claim_that_is_not_true_fails_with_the_rule_and_a_case(tmp_path: Path) -> None:
    (result,) = claims(reported(tmp_path, "{fields: [buyer]}"))
    (failure,) = result.failures
    assert "rule show" in failure
    assert "licensed is yes" in failure


@pytest.mark.parametrize("never", ["{fields: [passport.no]}", "{regions: [face]}"])
def test_a_claim_about_nothing_fails(tmp_path: Path, never: str) -> None:
    report = reported(tmp_path, never)
    assert not report.passed
    assert "correct the claim" in claims(report)[0].failures[0]


def test_a_claim_that_names_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match="names nothing"):
        reported(tmp_path, "{to: {round: {le: 2}}}")
