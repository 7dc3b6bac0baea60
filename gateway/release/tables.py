"""Releases and the parts of their packages as rows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db.metadata import Base, UtcTime


class ReleaseRow(Base):
    """One release. `composition` names the manifest and every part of it, sealed; `binding_object` keeps what was put
    beside them when the package was made.
    """

    __tablename__ = "release"
    __table_args__ = (Index("ix_release_matter", "matter", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    matter: Mapped[str] = mapped_column(String(40))
    recipient: Mapped[str] = mapped_column(String(40))
    profile: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(20))
    author: Mapped[str] = mapped_column(String(40))
    composition: Mapped[bytes | None] = mapped_column(LargeBinary)
    manifest_sha256: Mapped[str | None] = mapped_column(String(64))
    sealed_index: Mapped[int | None] = mapped_column(BigInteger)
    package_object: Mapped[str | None] = mapped_column(String(40))
    package_bytes: Mapped[int | None] = mapped_column(BigInteger)
    package_sha256: Mapped[str | None] = mapped_column(String(64))
    dispatcher: Mapped[str | None] = mapped_column(String(40))
    binding_object: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[datetime] = mapped_column(UtcTime)


class ShreddingRow(Base):
    """A proposal to destroy an original; `entry` is the audit index that says it was, empty while it waits."""

    __tablename__ = "shredding"
    __table_args__ = (Index("ix_shredding_original", "original", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    original: Mapped[str] = mapped_column(String(40))
    matter: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[str] = mapped_column(String(40))
    proposer: Mapped[str] = mapped_column(String(40))
    reason: Mapped[bytes] = mapped_column(LargeBinary)
    proposed_at: Mapped[datetime] = mapped_column(UtcTime)
    countersigner: Mapped[str | None] = mapped_column(String(40))
    entry: Mapped[int | None] = mapped_column(BigInteger)


class ReceiptRow(Base):
    """What came back after a dispatch: a portal number, a courier slip, a recall."""

    __tablename__ = "release_receipt"
    __table_args__ = (Index("ix_release_receipt_release", "release", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    release: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(16))
    person: Mapped[str] = mapped_column(String(40))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
