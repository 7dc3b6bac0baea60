"""What originals are under lists of controlled goods, and the licences for that."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from gateway.matter.model import (
    ClearanceState,
    ExportClass,
    ExportClassDraft,
    ExportControl,
    Licence,
    LicenceDraft,
    RecipientClass,
)
from gateway.web.schemas.clearances import Digest, Several
from gateway.web.schemas.common import In, Line, Out, Time, example

_SHOWN = {"start": "2026-01-15", "end": "2026-12-31", "reference": "export control file 12"}
_CLASS = {"regime": "us_ear", "entry": "3A001", **_SHOWN}
_LICENCE = {
    "regime": "us_ear",
    "number": "D1234567",
    "entries": ["3A001"],
    "recipient_classes": ["supplier", "authority"],
    "countries": ["CN"],
    "state": "given",
    **_SHOWN,
}
Country = Annotated[str, Field(pattern="^[A-Z]{2}$", description="Two capitals (ISO 3166-1), or EU.")]


class ExportClassIn(In):
    """What an original is under a regime that policies name: its entry there, or `none`."""

    model_config = example(**_CLASS)
    regime: Line
    entry: Line
    start: date
    end: date
    reference: Line
    evidence_sha256: Digest | None = None

    def draft(self, original: str) -> ExportClassDraft:
        """As the room takes it."""
        return ExportClassDraft(original, **self.model_dump())


class ExportClassOut(Out):
    """A classification as it was recorded; `audit_index` is its entry."""

    model_config = example(id="clr_01kag5v3q8m2s7d9x4e6b0cfhn", **_CLASS)
    id: str
    original: str
    regime: str
    entry: str
    start: date
    end: date
    reference: str
    evidence_sha256: str | None
    recorded_by: str
    recorded_at: Time
    audit_index: int

    @classmethod
    def of(cls, one: ExportClass) -> ExportClassOut:
        """As the interface says it."""
        return cls(
            id=one.id,
            original=one.original,
            regime=one.regime,
            entry=one.entry,
            start=one.start,
            end=one.end,
            reference=one.reference,
            evidence_sha256=one.evidence_sha256,
            recorded_by=one.recorded_by,
            recorded_at=one.recorded_at,
            audit_index=one.index,
        )


class LicenceIn(In):
    """An export licence, or with the same number that it was `withdrawn` or `refused`."""

    model_config = example(**_LICENCE)
    regime: Line
    number: Line
    entries: Several
    recipient_classes: Annotated[list[RecipientClass], Field(min_length=1, max_length=20)]
    countries: Annotated[list[Country], Field(min_length=1, max_length=20)]
    state: ClearanceState
    start: date
    end: date
    reference: Line
    evidence_sha256: Digest | None = None

    def draft(self) -> LicenceDraft:
        """As the room takes it."""
        told = self.model_dump()
        lists = {name: tuple(map(str, told[name])) for name in ("entries", "recipient_classes", "countries")}
        return LicenceDraft(**{**told, **lists})


class LicenceOut(Out):
    """A licence as it was recorded; `audit_index` is its entry."""

    model_config = example(id="clr_01kag5v3q8m2s7d9x4e6b0cfhn", **_LICENCE)
    id: str
    regime: str
    number: str
    entries: list[str]
    recipient_classes: list[RecipientClass]
    countries: list[str]
    state: ClearanceState
    start: date
    end: date
    reference: str
    evidence_sha256: str | None
    recorded_by: str
    recorded_at: Time
    audit_index: int

    @classmethod
    def of(cls, one: Licence) -> LicenceOut:
        """As the interface says it."""
        return cls(
            id=one.id,
            regime=one.regime,
            number=one.number,
            entries=list(one.entries),
            recipient_classes=list(one.recipient_classes),
            countries=list(one.countries),
            state=one.state,
            start=one.start,
            end=one.end,
            reference=one.reference,
            evidence_sha256=one.evidence_sha256,
            recorded_by=one.recorded_by,
            recorded_at=one.recorded_at,
            audit_index=one.index,
        )


class ExportControlOut(Out):
    """All classifications and licences of a matter, each sort oldest first."""

    classes: list[ExportClassOut]
    licences: list[LicenceOut]

    @classmethod
    def of(cls, told: ExportControl) -> ExportControlOut:
        """As the interface says it."""
        return cls(
            classes=[ExportClassOut.of(one) for one in told.classes],
            licences=[LicenceOut.of(one) for one in told.licences],
        )
