"""The residue report, frozen: whoever reads a package years later finds the members and the kinds that it names."""

from __future__ import annotations

import json
from pathlib import Path

from gateway.base.canon import canonical
from gateway.residue.model import Finding, Kind, Report

FROZEN = (Path(__file__).parents[2] / "vectors" / "residue" / "report.json").read_bytes()


def test_the_bytes_are_the_frozen_ones() -> None:
    told = json.loads(FROZEN)
    findings = tuple(Finding(Kind(one["kind"]), one["place"], one.get("field")) for one in told["findings"])
    report = Report(
        told["medium"], tuple(told["parsers"]), tuple(told["passed"]), findings, told["counts"], told["read_by"]
    )
    assert canonical(report.to_json()) + b"\n" == FROZEN


def test_every_kind_of_finding_keeps_its_name() -> None:
    assert {one["kind"] for one in json.loads(FROZEN)["findings"]} == {kind.value for kind in Kind}
