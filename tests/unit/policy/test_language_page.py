"""The page from which a lawyer writes a policy is true: its example loads, lints and passes its own tests."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from gateway.matter.model import Purpose
from gateway.policy.actions import ELEMENTS
from gateway.policy.codes import DISCLOSING, EVIDENCE, WITHHOLDING
from gateway.policy.conditions import ATTRIBUTES
from gateway.policy.lint import lint
from gateway.policy.load import load_library, load_policy_file
from gateway.policy.testing import run_tests
from gateway.policy.words import CLASSES

PAGE = Path(__file__).parents[3] / "docs" / "policy-language.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_example_loads_lints_and_passes_its_tests(tmp_path: Path) -> None:
    policy_text, kind_text, test_text = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "kinds").mkdir()
    (tmp_path / "kinds" / "example.yaml").write_text(kind_text, encoding="utf-8")
    assert [*load_library(tmp_path).kinds] == ["smelter_list"]
    (tmp_path / "example.yaml").write_text(policy_text, encoding="utf-8")
    (tmp_path / "example.test.yaml").write_text(test_text, encoding="utf-8")
    library = load_library()
    policy = load_policy_file(tmp_path / "example.yaml", library)
    library = library.with_policy(policy)
    findings = [finding for finding in lint(policy, library, on=date(2026, 3, 2)) if finding.level == "error"]
    assert findings == []
    report = run_tests(tmp_path, library)
    assert [result.failures for result in report.results] == [()] * 6


def test_the_photo_policy_on_the_page_of_detection_is_sound_and_looks_first(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", (PAGE.parent / "detection.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    library = load_library()
    policy = load_policy_file(tmp_path / "own.yaml", library)
    assert policy.defaults.detection == "required"
    assert [finding for finding in lint(policy, library.with_policy(policy)) if finding.level == "error"] == []


def test_every_word_of_the_language_is_on_the_page() -> None:
    for word in (*DISCLOSING, *WITHHOLDING, *EVIDENCE, *ATTRIBUTES, *CLASSES, *ELEMENTS, *Purpose):
        assert re.search(rf"`[^`\n]*\b{re.escape(word)}\b", TEXT), word
