"""Evidence, frozen: it verifies for ever, and each broken bundle fails at its step and says why."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.base.canon import canonical
from gateway.verify import SCRIPT, verify_evidence
from gateway.verify.verify import Report

VECTORS = Path(__file__).parents[2] / "vectors/evidence"
BROKEN = json.loads((VECTORS / "broken.json").read_text("utf-8"))
BY_DAY = {"another document", "an entry left out", "a document changed", "a policy signer left out"}
CASES = [
    pytest.param(case, id=case["name"], marks=[] if case["name"] in BY_DAY else [pytest.mark.nightly])
    for case in BROKEN
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle, unpacked."""
    folder = tmp_path_factory.mktemp("evidence") / "whole"
    with zipfile.ZipFile(VECTORS / "evidence.zip") as archive:
        archive.extractall(folder)
    return folder


def check(folder: Path) -> Report:
    """What the verifier says, given both keys."""
    keys = [(VECTORS / name).read_text("ascii") for name in ("log.vkey", "package.keys")]
    return verify_evidence(folder, log_key=keys[0], package_key=keys[1])


def test_the_frozen_bundle_holds(whole: Path) -> None:
    report = check(whole)
    assert report.ok, [step for step in report.steps if step.state != "ok"]
    assert {"policies", "package: time stamp", "log: log key"} <= {step.title for step in report.steps}


def test_the_script_alone_says_so(whole: Path) -> None:
    command = [sys.executable, "-I", str(SCRIPT), str(whole), "--log-key", str(VECTORS / "log.vkey")]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=60, check=True)
    told = json.loads(done.stdout)
    assert (told["kind"], told["ok"], told["pinned"]) == ("evidence bundle", True, False)


@pytest.mark.parametrize("case", CASES)
def test_what_is_broken_fails_at_its_step_and_says_why(case: Mapping[str, Any], whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "broken"))
    for edit in case["edits"]:
        path = folder / edit["path"]
        data = path.read_bytes().decode("latin-1")
        assert edit["find"] in data
        made = data.replace(edit["find"], edit["with"], 1) if edit["find"] else data + edit["with"]
        path.write_bytes(made.encode("latin-1"))
    for name in case["without"]:
        (folder / name).unlink()
    for name in case["more"]:
        (folder / name).write_bytes(b"more")
    if case["index.sig"]:
        told = json.loads((folder / "index.json").read_bytes())
        for item in told["files"]:
            data = (folder / item["path"]).read_bytes()
            item.update(sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))
        (folder / "index.json").write_bytes(canonical(told))
        (folder / "index.sig").write_text(case["index.sig"], "ascii")
    report = check(folder)
    assert not report.ok
    failed = {step.title: step.detail for step in report.steps if step.state == "failed"}
    assert case["words"] in failed[case["step"]]
    assert case["index.sig"] is None or "index" not in failed
