"""Matters, their chain and what was asked."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field, StrictInt

from gateway.matter.model import (
    DemandDraft,
    Matter,
    MatterDraft,
    MatterSummary,
    Purpose,
    Recipient,
    RecipientDraft,
)
from gateway.web.schemas.common import In, Line, Out, Text, Time, example

_AGE = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
_MATTER = "mat_01kag5v3q8m2s7d9x4e6b0cfhn"
Hop = Annotated[StrictInt, Field(ge=1, le=100)]


class RecipientIn(In):
    """One hop of the chain. Without `hop` the order counts; without `custody` every hop up to its own."""

    model_config = example(name="Magnet Supply Co.", **{"class": "supplier"}, language="en", public_key=_AGE)
    name: Line
    recipient_class: Annotated[Line, Field(alias="class")]
    language: Line
    hop: Hop | None = None
    jurisdiction: Line | None = None
    public_key: Annotated[
        str | None,
        Field(min_length=1, max_length=2500, description="An age public key, X25519 or hybrid, for sealed packages."),
    ] = None
    profiles: Annotated[list[Line], Field(max_length=8)] | None = None
    custody: Annotated[list[Hop], Field(max_length=100, description="Hops through whose hands it passes.")] | None = (
        None
    )

    def draft(self, place: int) -> RecipientDraft:
        """As the room takes it."""
        usual = ("portal", "sealed") if self.public_key else ("portal",)
        return RecipientDraft(
            hop=self.hop or place,
            name=self.name,
            recipient_class=self.recipient_class,
            language=self.language,
            profiles=usual if self.profiles is None else tuple(self.profiles),
            jurisdiction=self.jurisdiction,
            age_key=self.public_key,
            custody=None if self.custody is None else tuple(self.custody),
        )


class ItemIn(In):
    """One thing asked, with its legal basis."""

    model_config = example(
        number="item-1", text="List of end users", legal_basis="published", citation=None, kinds=["customer_list"]
    )
    number: Line
    text: Text
    legal_basis: Line
    citation: Line | None = None
    kinds: Annotated[list[Line], Field(max_length=50, default_factory=list)]


class MatterIn(In):
    """A demand by an authority."""

    model_config = example(
        title="Export licence 2026-014",
        authority="mofcom",
        regime="cn-mofcom-single",
        purpose="export_licence",
        jurisdiction="CN",
        round=1,
        deadline="2026-03-01",
        recipients=[
            {"name": "Magnet Supply Co.", "class": "supplier", "language": "en", "public_key": _AGE},
            {"name": "Provincial Office", "class": "authority", "language": "zh"},
        ],
        items=[
            {"number": "item-1", "text": "List of end users", "legal_basis": "published", "kinds": ["customer_list"]}
        ],
    )
    title: Line
    authority: Line
    regime: Line
    purpose: Line
    jurisdiction: Line
    round: Annotated[StrictInt, Field(ge=1, le=1000)] = 1
    deadline: date | None = None
    recipients: Annotated[list[RecipientIn], Field(min_length=1, max_length=100)]
    items: Annotated[list[ItemIn], Field(max_length=1000, default_factory=list)]

    def draft(self) -> MatterDraft:
        """As the room takes it."""
        return MatterDraft(
            title=self.title,
            authority=self.authority,
            regime=self.regime,
            purpose=self.purpose,
            jurisdiction=self.jurisdiction,
            recipients=tuple(one.draft(place) for place, one in enumerate(self.recipients, start=1)),
            demands=tuple(
                DemandDraft(one.number, one.text, one.legal_basis, one.citation, tuple(one.kinds)) for one in self.items
            ),
            round=self.round,
            deadline=self.deadline,
        )


class RecipientOut(Out):
    """A recipient; `custody` holds recipient ids by hop, always with its own."""

    id: str
    hop: int
    name: str
    recipient_class: Annotated[str, Field(alias="class")]
    jurisdiction: str
    language: str
    profiles: list[str]
    public_key: str | None
    custody: list[str]

    @classmethod
    def of(cls, one: Recipient) -> RecipientOut:
        """As the interface says it."""
        return cls(
            id=one.id,
            hop=one.hop,
            name=one.name,
            recipient_class=one.recipient_class.value,
            jurisdiction=one.jurisdiction,
            language=one.language.value,
            profiles=[profile.value for profile in one.profiles],
            public_key=one.age_key,
            custody=list(one.custody),
        )


class ItemOut(Out):
    """One thing asked."""

    number: str
    text: str
    legal_basis: str
    citation: str | None
    kinds: list[str]


class MatterOut(Out):
    """A matter; `audit_index` is the entry of its opening."""

    model_config = example(id=_MATTER, title="Export licence 2026-014", authority="mofcom")
    id: str
    title: str
    authority: str
    regime: str
    purpose: Purpose
    jurisdiction: str
    round: int
    deadline: date | None
    recipients: list[RecipientOut]
    items: list[ItemOut]
    created_by: str
    created_at: Time
    audit_index: int

    @classmethod
    def of(cls, matter: Matter) -> MatterOut:
        """As the interface says it."""
        return cls(
            id=matter.id,
            title=matter.title,
            authority=matter.authority,
            regime=matter.regime,
            purpose=matter.purpose,
            jurisdiction=matter.jurisdiction,
            round=matter.round,
            deadline=matter.deadline,
            recipients=[RecipientOut.of(one) for one in matter.recipients],
            items=[ItemOut.model_validate(one) for one in matter.demands],
            created_by=matter.created_by,
            created_at=matter.created_at,
            audit_index=matter.entry,
        )


class MatterSummaryOut(Out):
    """A matter in a list; `title` is null where the matter's key was destroyed."""

    id: str
    title: str | None
    authority: str
    regime: str
    purpose: Purpose
    round: int
    deadline: date | None
    created_at: Time

    @classmethod
    def of(cls, one: MatterSummary) -> MatterSummaryOut:
        """As the interface says it."""
        return cls.model_validate(one)


class MattersOut(Out):
    """A page of matters, newest first."""

    matters: list[MatterSummaryOut]
    next_cursor: str | None
