"""Stored objects and staged parts: ids, sizes and commitments, no names and no digests of content."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db.metadata import Base, UtcTime


class StoredObjectRow(Base):
    """One stored object; `shredded_at` marks one whose key is destroyed and whose blob may go."""

    __tablename__ = "stored_object"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    matter: Mapped[str] = mapped_column(String(40), index=True)
    role: Mapped[str] = mapped_column(String(32))
    key_id: Mapped[str] = mapped_column(String(40), unique=True)
    blob_name: Mapped[str] = mapped_column(String(64), unique=True)
    plaintext_bytes: Mapped[int] = mapped_column(BigInteger)
    ciphertext_bytes: Mapped[int] = mapped_column(BigInteger)
    commitment: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    shredded_at: Mapped[datetime | None] = mapped_column(UtcTime)


class StagedPartRow(Base):
    """One part of bytes that are still arriving; `sealed` holds its key and what the key is bound to."""

    __tablename__ = "staged_part"

    upload: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    blob_name: Mapped[str] = mapped_column(String(64), unique=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
