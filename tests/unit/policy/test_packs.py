"""The shipped packs pass their own tests, which notice the loss of any one rule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.formats.model import Plan
from gateway.policy.actions import Action
from gateway.policy.load import STATEMENTS, load_library, packs_dir
from gateway.policy.model import Rule
from gateway.policy.problems import PolicyInvalid, PolicyUnknown
from gateway.policy.testing import Specimen, outcomes, read_tests, run_tests

LIBRARY = load_library()
USED = sorted(ref for ref, policy in LIBRARY.policies.items() if policy.kinds)
FILES = [file for file in packs_dir().rglob("*.test.yaml") if file.parent.name != STATEMENTS]
TESTS_OF = {LIBRARY.policy(tests.policy).ref: tests for tests in map(read_tests, FILES)}


def noticed(ref: str, *rules: Rule) -> bool:
    """Whether the pack's own tests fail where the policy has these rules."""
    library = LIBRARY.with_policy(replace(LIBRARY.policies[ref], rules=rules))
    return any(result.failures for result in outcomes(TESTS_OF[ref], library))


def test_all_pack_tests_pass_with_full_coverage() -> None:
    report = run_tests(packs_dir(), LIBRARY)
    assert report.passed, report.sentences()
    spoken = [one.ref for one in LIBRARY.statements]
    assert {one.policy: one.percent for one in report.coverage} == dict.fromkeys([*USED, *spoken], 100)
    assert any("Only decisions were checked" in sentence for sentence in report.sentences())
    assert [ref for ref in USED if not TESTS_OF[ref].never] == []


@pytest.mark.parametrize(
    ("ref", "rule"),
    [(ref, rule.id) for ref in USED for rule in LIBRARY.policies[ref].rules],
    ids=str,
)
def test_the_loss_of_any_rule_is_noticed(ref: str, rule: str) -> None:
    assert noticed(ref, *(one for one in LIBRARY.policies[ref].rules if one.id != rule))


@pytest.mark.parametrize("ref", USED)
def test_loosening_any_withholding_rule_is_noticed(ref: str) -> None:
    rules = LIBRARY.policies[ref].rules
    for rule in (rule for rule in rules if rule.do.op == "drop"):
        shown = rule.model_copy(update={"do": Action("allow")})
        assert noticed(ref, *(shown if one is rule else one for one in rules)), rule.id


@pytest.mark.parametrize("ref", USED)
def test_loosening_what_must_be_present_is_noticed(ref: str) -> None:
    rules = LIBRARY.policies[ref].rules
    less: dict[str, object] = {"present": "required", "not_only": ()}
    # What is cropped is asked for in any case.
    for rule in (rule for rule in rules if rule.present and rule.do.op != "crop"):
        for change in ({"present": None, "not_only": ()}, less, {"not_only": ()}):
            looser = rule.model_copy(update=change)
            assert looser == rule or noticed(ref, *(looser if one is rule else one for one in rules)), rule.id


TESTS = """\
policy: cn-mofcom-single.order-book
on: 2026-03-02
context: {recipient.class: authority, purpose: export_licence}
tests:
  - name: one
    headers: [RE content (kg), Destination, Price]
    rows: [["4.25", DE, "18.90"]]
    expect: {EXPECT}
    absent: ["18.90"]
    present: [DE]
"""


def report_of(folder: Path, expect: str, output: bytes | None = None) -> tuple[str, ...]:
    file = folder / "x.test.yaml"
    file.write_text(TESTS.replace("EXPECT", expect), encoding="utf-8")

    def renderer(specimen: Specimen, plan: Plan) -> bytes:
        assert specimen.headers[2] == "Price"
        assert len(plan.instructions) == 3
        return output or b""

    report = run_tests(file, LIBRARY, renderer if output is not None else None)
    assert report.rendered is (output is not None)
    assert not report.passed
    return report.results[0].failures


def test_what_is_as_expected_has_no_failures(tmp_path: Path) -> None:
    assert report_of(tmp_path, "dropped: {Price: money-never}") == ()
    assert report_of(tmp_path, "dropped: {Price: money-never}", b"x;DE") == ()


@pytest.mark.parametrize(
    "expect",
    [
        "columns: [Destination]",
        "dropped: {}",
        "dropped: {Price: prices-never}",
        "cells: {Price: [default]}",
        "asks: [Price]",
        "missing: [destination]",
        "refused: policy-expired",
        "approvals: {legal: 1}",
        "regions: {face: people}",
        'metadata: {"EXIF:Model": metadata-never}',
    ],
)
def test_what_is_not_as_expected_fails(tmp_path: Path, expect: str) -> None:
    assert len(report_of(tmp_path, expect)) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_an_absent_value_in_the_output_fails(tmp_path: Path, encoding: str) -> None:
    output = b"DE" + "now at 18.90".encode(encoding)
    assert report_of(tmp_path, "{}"[1:-1], output) == ("`18.90` leaves.",)


def test_a_present_value_that_is_not_in_the_output_fails(tmp_path: Path) -> None:
    assert report_of(tmp_path, "asks: []", b"nothing") == ("`DE` does not leave.",)


def test_an_unexpected_refusal_fails_with_its_sentence(tmp_path: Path) -> None:
    file = tmp_path / "x.test.yaml"
    file.write_text(TESTS.replace("EXPECT", "asks: []").replace("Destination, ", "Foo, "), encoding="utf-8")
    failures = run_tests(file, LIBRARY).results[0].failures
    assert any("missing" in failure or "asks" in failure for failure in failures)


def test_a_rule_that_no_test_shows_is_a_gap(tmp_path: Path) -> None:
    file = tmp_path / "x.test.yaml"
    file.write_text(TESTS.replace("EXPECT", "asks: []"), encoding="utf-8")
    report = run_tests(file, LIBRARY)
    assert not any(result.failures for result in report.results)
    assert not report.passed
    assert any("no test shows the rule quantity" in sentence for sentence in report.gaps)
    assert any("no test shows the action bucket" in sentence for sentence in report.gaps)


def test_files_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(PolicyUnknown):
        run_tests(tmp_path, LIBRARY)
    file = tmp_path / "x.test.yaml"
    file.write_text(TESTS.replace("EXPECT", "colums: []"), encoding="utf-8")
    with pytest.raises(PolicyInvalid, match=r"x\.test\.yaml, line 8"):
        run_tests(file, LIBRARY)
