"""The key table: wrapped keys, their place in the hierarchy, never a key in clear."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db.metadata import Base, UtcTime


class KeyRow(Base):
    """One wrapped key. `parent_id` None means the root provider wrapped it; `wrapped` None means it was shredded."""

    __tablename__ = "key"
    __table_args__ = (UniqueConstraint("role", "owner"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    parent_id: Mapped[str | None] = mapped_column(String(40), index=True)
    role: Mapped[str] = mapped_column(String(32))
    owner: Mapped[str] = mapped_column(String(64))
    wrapped: Mapped[bytes | None] = mapped_column(LargeBinary)
    commitment: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    shredded_at: Mapped[datetime | None] = mapped_column(UtcTime)
