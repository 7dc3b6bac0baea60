"""Entries, the tree's inner nodes, and signed checkpoints."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db.metadata import Base, UtcTime


class EntryRow(Base):
    """One entry. `leaf` is what is hashed, `mac` shows that this gateway wrote it at this index.

    The other columns repeat parts of the leaf for look-up and prove nothing.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (UniqueConstraint("matter", "seq"), Index(None, "subject"))

    index: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    leaf: Mapped[bytes] = mapped_column(LargeBinary)
    leaf_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    mac: Mapped[bytes] = mapped_column(LargeBinary(32))
    type: Mapped[str] = mapped_column(String(64))
    actor: Mapped[str] = mapped_column(String(128))
    matter: Mapped[str | None] = mapped_column(String(128))
    seq: Mapped[int | None] = mapped_column(Integer)
    subject: Mapped[str | None] = mapped_column(String(128))
    at: Mapped[datetime] = mapped_column(UtcTime)
    body_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)


class NodeRow(Base):
    """The hash of a complete subtree of 2^level leaves, level ≥ 8; written once, when its last leaf arrives."""

    __tablename__ = "audit_node"

    level: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    index: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class CheckpointRow(Base):
    """A checkpoint that was signed, so that the next one is checked against it."""

    __tablename__ = "audit_checkpoint"

    size: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcTime)


class CosignatureRow(Base):
    """A witness's line over the checkpoint of this size, which held when it came; `cosigner` is name and key hash."""

    __tablename__ = "audit_cosignature"

    size: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    cosigner: Mapped[str] = mapped_column(String(264), primary_key=True)
    line: Mapped[str] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(UtcTime)


class MapRow(Base):
    """An entry that says how the map of all matters stood before it."""

    __tablename__ = "audit_map"

    index: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)


class MatterRow(Base):
    """Number and leaf hash of a matter's newest entry when the matters were last mapped. It proves nothing: it spares
    going through the whole log again, and is used only where it has the root that the map's entry speaks of.
    """

    __tablename__ = "audit_matter"

    matter: Mapped[str] = mapped_column(String(128), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer)
    leaf_hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class StampRow(Base):
    """A time-stamping authority's answer over the checkpoint of this size; `entry` holds its digest."""

    __tablename__ = "audit_stamp"

    entry: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(Integer)
    response: Mapped[bytes] = mapped_column(LargeBinary)
