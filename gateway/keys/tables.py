"""The key table: wrapped keys, their place in the hierarchy, never a key in clear."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DDL, Integer, LargeBinary, String, UniqueConstraint, event
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db.metadata import Base, UtcTime


class KeyRow(Base):
    """One wrapped key; `wrapped` None means it was shredded.

    `parent_id` None means that the provider wrapped it under the root key `root`. A rotated key of the same role and
    owner has the next `version`.
    """

    __tablename__ = "key"
    __table_args__ = (UniqueConstraint("role", "owner", "version"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    parent_id: Mapped[str | None] = mapped_column(String(40), index=True)
    root: Mapped[int | None] = mapped_column(Integer, index=True)
    role: Mapped[str] = mapped_column(String(32))
    owner: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(Integer, default=1)
    wrapped: Mapped[bytes | None] = mapped_column(LargeBinary)
    commitment: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    shredded_at: Mapped[datetime | None] = mapped_column(UtcTime)


class RootKeyRow(Base):
    """A root key that the provider holds, or held until `retired_at`; the newest one wraps what is new.

    `commitment` ties it to the key file; the founding root has none before the first rotation.
    """

    __tablename__ = "root_key"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    commitment: Mapped[bytes | None] = mapped_column(LargeBinary)
    retired_at: Mapped[datetime | None] = mapped_column(UtcTime)


# Every key file begins with root 1, so every database does.
_FIRST = DDL("INSERT INTO root_key (number) VALUES (1)")  # type: ignore[no-untyped-call]
event.listen(RootKeyRow.__table__, "after_create", _FIRST)
