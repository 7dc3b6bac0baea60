"""The one metadata of the database, and the column types every room uses.

Rooms own their tables; no foreign key crosses a room, so that a room can be tested and migrated alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Dialect, MetaData, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase

from gateway.base import clock


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time, kept as sortable RFC 3339 text so that every database gives back what it got."""

    impl = String(24)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002 the signature is SQLAlchemy's
        return None if value is None else clock.to_text(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 the signature is SQLAlchemy's
        return None if value is None else clock.from_text(value)


class Base(DeclarativeBase):
    """Parent of every `…Row`."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
