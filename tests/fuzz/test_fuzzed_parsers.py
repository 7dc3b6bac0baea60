"""Whatever is done to a file, every reader of hostile bytes reads it or refuses it with a problem, within its bounds.

Every night for `FUZZ_S` seconds each, from a new seed; at every push for a few cases that are always the same.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.app import built_in_formats
from tests.fuzz.targets import NOT_YET, READERS, SEARCHED, TARGETS

ROOT = Path(__file__).parents[2]
FUZZ_S = float(os.environ.get("FUZZ_S", "20"))
FEW = 2


def findings(seed: str, seconds: float, cases: int, *targets: str) -> list[str]:
    """What went wrong: target, number of the case, and what it was."""
    command = [
        sys.executable,
        "-X",
        "faulthandler",
        "-m",
        "tests.fuzz.fuzzing",
        seed,
        str(seconds),
        str(cases),
        *targets,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=280)
    said = done.stdout.splitlines()
    begun = [line.removeprefix("case ") for line in said if line.startswith("case ")]
    assert {line.split()[0] for line in begun} == set(targets) or done.returncode, done.stderr
    found, at = [], ""
    for line in said:
        if line.startswith("case "):
            at = line
        else:
            found.append(f"seed {seed} {at}: {line}")
    if done.returncode:
        found.append(f"seed {seed} {at}: ended with {done.returncode}: {done.stderr[-300:]}")
    return found


def test_a_few_cases_of_every_parser() -> None:
    assert findings("always", 60, FEW, *TARGETS) == []


@pytest.mark.nightly
@pytest.mark.parametrize("target", TARGETS)
def test_every_parser_for_a_while(target: str) -> None:
    assert findings(secrets.token_hex(4), FUZZ_S, 1_000_000, target) == []


def test_every_type_that_is_taken_is_fuzzed() -> None:
    taken = {media for form in built_in_formats() for media in form.media_types}
    assert taken - READERS.keys() - NOT_YET == set(), "give it honest files in tests/fuzz/targets.py"
    assert len(TARGETS) == len(READERS) + len(SEARCHED) + 2
