"""The policy for a kind nobody thought of, written from the page of the language alone, holds beside the packs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gateway.policy.lint import lint
from gateway.policy.load import Library, load_library, packs_dir
from gateway.policy.testing import outcomes, read_tests, run_tests

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
ID = "example.conflict-minerals"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder = tmp_path_factory.mktemp("policies") / "own"
    shutil.copytree(packs_dir(), folder)
    shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
    return load_library(folder)


def test_the_example_is_sound_and_its_tests_pass(library: Library) -> None:
    assert lint(library.policy(ID), library, on=date(2026, 3, 2)) == []
    report = run_tests(EXAMPLES, library)
    assert report.passed, report.sentences()
    assert [one.percent for one in report.coverage] == [100]


def test_the_loss_of_any_of_its_rules_is_noticed(library: Library) -> None:
    policy = library.policy(ID)
    tests = read_tests(EXAMPLES / "conflict-minerals.test.yaml")
    for rule in policy.rules:
        without = replace(policy, rules=tuple(one for one in policy.rules if one is not rule))
        assert any(result.failures for result in outcomes(tests, library.with_policy(without))), rule.id
