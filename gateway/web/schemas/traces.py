"""What a trace answers."""

from __future__ import annotations

import base64

from gateway.trace.model import Report
from gateway.web.schemas.common import Out, example


class CandidateOut(Out):
    """A copy that the file was made from. `by_chance` bounds the probability that this is wrong."""

    model_config = example(
        rendition="ren_01kag5v3q8m2s7d9x4e6b0cfhn",
        release="rel_01kag5v3q8m2s7d9x4e6b0cfhn",
        matter="mat_01kag5v3q8m2s7d9x4e6b0cfhn",
        original="org_01kag5v3q8m2s7d9x4e6b0cfhn",
        recipient="Ningbo Example Magnetics",
        custody=["MOFCOM Bureau"],
        left=True,
        score="41.20",
        by_chance="1.0e-300",
        commitment="60303ae2…",
        entry=41,
    )
    rendition: str
    release: str
    matter: str
    original: str
    recipient: str
    custody: list[str]
    left: bool
    score: str
    by_chance: str
    commitment: str
    entry: int


class TraceOut(Out):
    """The copies that a file was made from, best first; none of them means nobody.

    `evidence` is a PNG in base64, where a copy is named. `caution` says what this does not prove.
    """

    model_config = example(
        id="trc_01kag5v3q8m2s7d9x4e6b0cfhn",
        file_sha256="9f86d081…",
        tested=12,
        hypotheses=24,
        shredded=0,
        uncommitted=[],
        found_in=["org_01kag5v3q8m2s7d9x4e6b0cfhn"],
        bound="1.0e-09",
        needed="6.89",
        best="41.20",
        candidates=[],
        caution="This names a copy, not a person. …",
        evidence=None,
    )
    id: str
    file_sha256: str
    tested: int
    hypotheses: int
    shredded: int
    uncommitted: list[str]
    found_in: list[str]
    bound: str
    needed: str
    best: str
    candidates: list[CandidateOut]
    caution: str
    evidence: str | None


def shown(report: Report) -> TraceOut:
    """The report as it is answered."""
    evidence = base64.b64encode(report.evidence).decode() if report.evidence else None
    return TraceOut.model_validate({**report.to_json(), "evidence": evidence})
