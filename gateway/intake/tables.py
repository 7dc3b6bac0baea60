"""Originals, commitments to their tables and unfinished uploads as rows: what tells something is sealed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Float, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db.metadata import Base, UtcTime


class OriginalRow(Base):
    """One original. `sealed` holds digest and name, `classification` the answers: encrypted, empty once shredded."""

    __tablename__ = "original"
    __table_args__ = (
        UniqueConstraint("matter", "uploader", "idempotency_key"),
        Index("ix_original_matter", "matter", "id"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    matter: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(64))
    media_type: Mapped[str] = mapped_column(String(128))
    object_id: Mapped[str] = mapped_column(String(40), unique=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    uploader: Mapped[str] = mapped_column(String(40))
    idempotency_key: Mapped[str | None] = mapped_column(String(64))
    audit_index: Mapped[int] = mapped_column(BigInteger)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    classification: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    shredded_at: Mapped[datetime | None] = mapped_column(UtcTime)


class CommitmentRow(Base):
    """One commitment to the table that an original is; `release` is the only one that it may be opened for.

    `sealed` holds what opens it beside the slot's secret, encrypted; empty once shredded.
    """

    __tablename__ = "table_commitment"
    __table_args__ = (UniqueConstraint("original", "release"),)

    original: Mapped[str] = mapped_column(String(40), primary_key=True)
    slot: Mapped[int] = mapped_column(Integer, primary_key=True)
    release: Mapped[str | None] = mapped_column(String(40))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class CommitLeaseRow(Base):
    """That an original is still to be committed to, and until when somebody is at it: bookkeeping."""

    __tablename__ = "commit_lease"

    original: Mapped[str] = mapped_column(String(40), primary_key=True)
    lease_until: Mapped[float] = mapped_column(Float)
    attempt: Mapped[int] = mapped_column(Integer)


class UploadRow(Base):
    """One resumable upload: bookkeeping until it becomes an original. `sealed` holds file name and announced digest."""

    __tablename__ = "upload"
    __table_args__ = (UniqueConstraint("matter", "person", "token"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    matter: Mapped[str] = mapped_column(String(40))
    person: Mapped[str] = mapped_column(String(40))
    token: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(64))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    length_bytes: Mapped[int | None] = mapped_column(BigInteger)
    received_bytes: Mapped[int] = mapped_column(BigInteger)
    parts: Mapped[int] = mapped_column(Integer)
    original: Mapped[str | None] = mapped_column(String(40))
    expires_at: Mapped[datetime] = mapped_column(UtcTime, index=True)
