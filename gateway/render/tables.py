"""Renditions as rows, and the lease by which one worker at a time holds one of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Float, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db.metadata import Base, UtcTime


class RenditionRow(Base):
    """One rendition. `sealed` holds digests, reason and answers, encrypted."""

    __tablename__ = "rendition"
    __table_args__ = (
        Index("ix_rendition_release", "release", "id"),
        Index(
            "ix_rendition_ready",
            "id",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    release: Mapped[str] = mapped_column(String(40))
    matter: Mapped[str] = mapped_column(String(40))
    original: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(64))
    policy: Mapped[str] = mapped_column(String(128))
    library_digest: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    author: Mapped[str] = mapped_column(String(40))
    supersedes: Mapped[str | None] = mapped_column(String(40))
    media_type: Mapped[str | None] = mapped_column(String(128))
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    object_id: Mapped[str | None] = mapped_column(String(40))
    decisions_object: Mapped[str | None] = mapped_column(String(40))
    residue_object: Mapped[str | None] = mapped_column(String(40))
    withheld_object: Mapped[str | None] = mapped_column(String(40))
    answers: Mapped[bytes] = mapped_column(LargeBinary)
    result: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcTime)


class LeaseRow(Base):
    """Who works on a rendition until when, and how far it is. `fence` only grows: a late worker's finish is recognised
    by it.
    """

    __tablename__ = "render_lease"

    rendition: Mapped[str] = mapped_column(String(40), primary_key=True)
    owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[float] = mapped_column(Float)
    fence: Mapped[int] = mapped_column(Integer)
    attempt: Mapped[int] = mapped_column(Integer)
    stage: Mapped[str | None] = mapped_column(String(16))
    done: Mapped[int | None] = mapped_column(BigInteger)
    total: Mapped[int | None] = mapped_column(BigInteger)
    told_at: Mapped[float | None] = mapped_column(Float)
