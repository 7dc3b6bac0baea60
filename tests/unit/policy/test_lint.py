"""Every finding has a policy that provokes it, and the shipped packs provoke none."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gateway.policy.lint import Finding, Level, lint
from gateway.policy.load import load_library
from tests.support.policies import HEAD, REQ, TS, load, rule

ALL = rule("keep", "{fields: [buyer, licensed]}", "allow", more="present: required")
REST = rule("rest", "{fields: [qty, day]}", "drop")
CLASSES = rule("classes", "{classes: [PERSON, EMAIL, PHONE, PASSPORT, NATIONAL_ID, IBAN, MONEY]}", "drop")
DEFAULTS = "defaults: {because: {code: TS, reason: {en: r, zh: 理}, no_summary_reason: {en: r, zh: 理}}}\nrules:"
CLEAN = HEAD.replace("rules:", DEFAULTS) + ALL + REST + CLASSES


def findings(folder: Path, *texts: str, on: date | None = None) -> list[Finding]:
    library = load(folder, *texts)
    return lint(library.policy("test.sample"), library, on=on)


def test_a_clean_policy_has_no_findings(tmp_path: Path) -> None:
    assert findings(tmp_path, CLEAN) == []


def test_the_shipped_packs_have_no_findings() -> None:
    library = load_library()
    for policy in library.policies.values():
        assert lint(policy, library, on=date(2026, 3, 2)) == [], policy.ref


@pytest.mark.parametrize(
    ("old", "new", "code", "level"),
    [
        (
            REST,
            rule("rest", "{fields: ['zz*', qty, day]}", "drop") + rule("d", "{fields: ['zz*']}", "drop"),
            "dead",
            "error",
        ),
        (
            REST,
            REST + rule("never", "{fields: [qty]}", "{bucket: {edges: [1], unit: kg}}"),
            "shadowed",
            "error",
        ),
        (
            CLASSES,
            CLASSES + "    final: true\n" + rule("loose", "{fields: [price]}", "{round: {to: 10}}"),
            "loosens-final",
            "error",
        ),
        (
            REST,
            rule("rest", "{fields: [qty, day]}", "drop", TS.replace("basis: law, evidence: verified, ", "")),
            "no-basis",
            "error",
        ),
        (REST, rule("rest", "{fields: [qty]}", "drop"), "uncovered", "error"),
        ("because: {code: TS, reason", "leave_to_default: [qty], because: {code: TS, reason", "uncovered", "warning"),
        (CLASSES, CLASSES.replace(", IBAN", ""), "open-class", "warning"),
        ("n: 2}", "n: 1}", "quorum", "error"),
        ("n: 2}", "n: 2, when: {class_in: [MONEY]}}", "quorum", "error"),
        ("    present: required\n", "", "nothing-required", "warning"),
        (DEFAULTS, "rules:", "no-basis", "warning"),
        (REST, REST.replace("evidence: verified, ", ""), "no-evidence", "warning"),
        ("because: {code: TS, reason", "because: {code: TS, basis: law, reason", "no-evidence", "warning"),
    ],
)
def test_each_finding(tmp_path: Path, old: str, new: str, code: str, level: str) -> None:
    assert old in CLEAN
    found = findings(tmp_path, CLEAN.replace(old, new, 1))
    assert (code, level) in {(finding.code, finding.level.value) for finding in found}
    assert all(finding.sentence.endswith(".") for finding in found)


def test_personal_data_that_leaves(tmp_path: Path) -> None:
    library = load(tmp_path, CLEAN, kind=_personal())
    found = lint(library.policy("test.sample"), library)
    assert ("personal-data-leaves", Level.ERROR) in {(finding.code, finding.level) for finding in found}


def _personal() -> str:
    from tests.support.policies import KIND

    return KIND.replace("synonyms: [Kunde]", "classes: [PERSON]")


def test_a_rule_whose_when_can_never_hold(tmp_path: Path) -> None:
    text = CLEAN.replace("[sample]}", "[sample], when: {round: [1]}}")
    text += rule("late", "{fields: [qty]}", "drop", more="when: {round: [2]}")
    assert ("dead", "late") in {(finding.code, finding.rule) for finding in findings(tmp_path, text)}


def test_two_policies_for_one_original(tmp_path: Path) -> None:
    other = CLEAN.replace("test.sample", "test.other")
    assert [finding.code for finding in findings(tmp_path, CLEAN, other)] == ["ambiguous"]


def test_lapsed_and_not_yet(tmp_path: Path) -> None:
    assert [(f.code, f.level) for f in findings(tmp_path, CLEAN, on=date(2027, 1, 1))] == [("lapsed", Level.ERROR)]
    assert [(f.code, f.level) for f in findings(tmp_path, CLEAN, on=date(2025, 1, 1))] == [("lapsed", Level.WARNING)]
    assert REQ
