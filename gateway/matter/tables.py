"""The rows of this room. Titles, names, texts and citations are sealed under the matter's record key."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db.metadata import Base, UtcTime


class MatterRow(Base):
    """A matter; `deadline` is an ISO date, `entry` the audit index of its opening."""

    __tablename__ = "matter"

    id: Mapped[str] = mapped_column(String(30), primary_key=True)
    title_sealed: Mapped[bytes]
    authority: Mapped[str] = mapped_column(String(64))
    regime: Mapped[str] = mapped_column(String(64))
    purpose: Mapped[str] = mapped_column(String(30))
    jurisdiction: Mapped[str] = mapped_column(String(2))
    round: Mapped[int]
    deadline: Mapped[str | None] = mapped_column(String(10))
    created_by: Mapped[str] = mapped_column(String(30))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    entry: Mapped[int]


class RecipientRow(Base):
    """A recipient; lists are words between spaces, custody the ids of recipients by hop."""

    __tablename__ = "recipient"
    __table_args__ = (UniqueConstraint("matter_id", "hop"),)

    id: Mapped[str] = mapped_column(String(30), primary_key=True)
    matter_id: Mapped[str] = mapped_column(ForeignKey("matter.id"))
    hop: Mapped[int]
    name_sealed: Mapped[bytes]
    recipient_class: Mapped[str] = mapped_column(String(20))
    jurisdiction: Mapped[str] = mapped_column(String(2))
    language: Mapped[str] = mapped_column(String(2))
    profiles: Mapped[str] = mapped_column(String(100))
    age_key: Mapped[str | None] = mapped_column(Text)
    custody: Mapped[str] = mapped_column(String(700))


class DemandRow(Base):
    """A demand item; `place` keeps the order in which the items were entered."""

    __tablename__ = "demand_item"

    matter_id: Mapped[str] = mapped_column(ForeignKey("matter.id"), primary_key=True)
    number: Mapped[str] = mapped_column(String(10), primary_key=True)
    place: Mapped[int]
    text_sealed: Mapped[bytes]
    legal_basis: Mapped[str] = mapped_column(String(20))
    citation_sealed: Mapped[bytes | None]
    kinds: Mapped[str] = mapped_column(String(2000))


class ClearanceRow(Base):
    """A clearance: whom it is about, for whom, until when and on what evidence is sealed."""

    __tablename__ = "clearance"
    __table_args__ = (Index("ix_clearance_matter", "matter_id", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    matter_id: Mapped[str] = mapped_column(ForeignKey("matter.id"))
    sort: Mapped[str] = mapped_column(String(16))
    sealed: Mapped[bytes]
    recorded_by: Mapped[str] = mapped_column(String(40))
    recorded_at: Mapped[datetime] = mapped_column(UtcTime)
    entry: Mapped[int]


class NameRow(Base):
    """That a header was said to be a field, sealed, or with `forgets` that this no longer holds; never changed.

    `rendition` is the one whose question was answered; when its original is shredded, what was said is overwritten.
    """

    __tablename__ = "header_name"
    __table_args__ = (Index("ix_header_name_matter", "matter_id", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    matter_id: Mapped[str] = mapped_column(ForeignKey("matter.id"))
    rendition: Mapped[str | None] = mapped_column(String(40))
    forgets: Mapped[str | None] = mapped_column(String(40))
    sealed: Mapped[bytes | None]
    entry: Mapped[int]
