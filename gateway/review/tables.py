"""Reviews and approvals as rows. Statements name ids and digests only; reasons are sealed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db.metadata import Base, UtcTime


class ReviewRow(Base):
    """One reviewer's word on one rendition's bytes."""

    __tablename__ = "rendition_review"
    __table_args__ = (Index("ix_rendition_review_rendition", "rendition", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    rendition: Mapped[str] = mapped_column(String(40))
    release: Mapped[str] = mapped_column(String(40))
    reviewer: Mapped[str] = mapped_column(String(40))
    verdict: Mapped[str] = mapped_column(String(20))
    sha256: Mapped[str] = mapped_column(String(64))
    reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcTime)


class ApprovalRow(Base):
    """One signature over one statement. An approval of an earlier manifest stays, and counts for nothing."""

    __tablename__ = "approval"
    __table_args__ = (UniqueConstraint("release", "manifest_sha256", "approver"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    release: Mapped[str] = mapped_column(String(40))
    manifest_sha256: Mapped[str] = mapped_column(String(64))
    approver: Mapped[str] = mapped_column(String(40))
    role: Mapped[str] = mapped_column(String(20))
    statement: Mapped[bytes] = mapped_column(LargeBinary)
    algorithm: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(200))
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    audit_index: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
