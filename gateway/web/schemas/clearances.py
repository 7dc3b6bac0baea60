"""What third parties said about being named, and what was assessed."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from gateway.matter.model import Clearance, ClearanceDraft, ClearanceSort, ClearanceState
from gateway.web.schemas.common import In, Line, Out, Time, example

_TOLD = {
    "about": ["Fahrwerk AG"],
    "recipient_class": "authority",
    "state": "given",
    "start": "2026-01-15",
    "end": "2026-12-31",
    "reference": "letter of 2026-01-12, contracts folder 7",
}
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the document that proves it.")]
Several = Annotated[list[Line], Field(min_length=1, max_length=20)]


class ConsentIn(In):
    """What a party said: `about` holds all spellings of its name, `fields` where it may be named, as in policies."""

    model_config = example(**_TOLD)
    about: Several
    recipient_class: Line
    state: ClearanceState
    start: date
    end: date
    reference: Line
    fields: Annotated[list[Line], Field(min_length=1, max_length=20, default_factory=lambda: ["*"])]
    evidence_sha256: Digest | None = None

    def draft(self) -> ClearanceDraft:
        """As the room takes it."""
        told = self.model_dump()
        return ClearanceDraft("consent", **{**told, "about": tuple(self.about), "fields": tuple(self.fields)})


class AssessmentIn(In):
    """An assessment of disclosing personal data: `about` holds its classes, such as `PERSON`."""

    model_config = example(**{**_TOLD, "about": ["PERSON", "PASSPORT"], "reference": "DPIA 3 of 2026"})
    about: Several
    recipient_class: Line
    state: ClearanceState
    start: date
    end: date
    reference: Line
    evidence_sha256: Digest | None = None

    def draft(self) -> ClearanceDraft:
        """As the room takes it."""
        return ClearanceDraft("assessment", **{**self.model_dump(), "about": tuple(self.about)})


class ClearanceOut(Out):
    """A clearance as it was recorded; `audit_index` is its entry."""

    model_config = example(id="clr_01kag5v3q8m2s7d9x4e6b0cfhn", sort="consent", **_TOLD)
    id: str
    sort: ClearanceSort
    about: list[str]
    fields: list[str]
    recipient_class: str
    state: ClearanceState
    start: date
    end: date
    reference: str
    evidence_sha256: str | None
    recorded_by: str
    recorded_at: Time
    audit_index: int

    @classmethod
    def of(cls, one: Clearance) -> ClearanceOut:
        """As the interface says it."""
        return cls(
            id=one.id,
            sort=one.sort,
            about=list(one.about),
            fields=list(one.fields),
            recipient_class=one.recipient_class.value,
            state=one.state,
            start=one.start,
            end=one.end,
            reference=one.reference,
            evidence_sha256=one.evidence_sha256,
            recorded_by=one.recorded_by,
            recorded_at=one.recorded_at,
            audit_index=one.entry,
        )


class ClearancesOut(Out):
    """The clearances of a matter, oldest first."""

    clearances: list[ClearanceOut]
