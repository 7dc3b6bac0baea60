"""The rows of this room. Names are sealed; keys, roles and digests are not secret. Token digests cannot be spent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db.metadata import Base, UtcTime


class FoundingRow(Base):
    """That the ceremony took place: at most one row for a deployment."""

    __tablename__ = "founding"

    deployment: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    entry: Mapped[int]


class PersonRow(Base):
    """A person and the one key they sign with; `key_entry` is the audit index that binds the two."""

    __tablename__ = "person"

    id: Mapped[str] = mapped_column(String(30), primary_key=True)
    name_sealed: Mapped[bytes]
    public_key: Mapped[str] = mapped_column(String(60), unique=True)
    state: Mapped[str] = mapped_column(String(10))
    key_entry: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcTime)


class PersonRoleRow(Base):
    """A role held now; `entry` is the audit index that granted it."""

    __tablename__ = "person_role"

    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(20), primary_key=True)
    entry: Mapped[int]


class ProposalRow(Base):
    """Roles proposed; `entry` is the audit index of the countersigner's signature, both empty while waiting."""

    __tablename__ = "people_proposal"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    roles: Mapped[str] = mapped_column(String(200))
    proposer: Mapped[str] = mapped_column(String(30))
    proposed_at: Mapped[datetime] = mapped_column(UtcTime)
    countersigner: Mapped[str | None] = mapped_column(String(30))
    entry: Mapped[int | None] = mapped_column(unique=True)


class TokenRow(Base):
    """A token by its SHA-256. The nonce stays as long as the row, so that a statement is good for one token.

    `terms_sealed` repeats person, scopes and end under a key that writing the database does not give.
    """

    __tablename__ = "token"
    __table_args__ = (UniqueConstraint("person_id", "nonce"), Index(None, "person_id", "revoked_at"))

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    scopes: Mapped[str] = mapped_column(String(600))
    nonce: Mapped[str] = mapped_column(String(64))
    terms_sealed: Mapped[bytes]
    issued_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcTime)


class SessionRow(Base):
    """A session by the SHA-256 of its cookie; `terms_sealed` repeats person, scopes and end as with a token."""

    __tablename__ = "web_session"
    __table_args__ = (Index(None, "person_id", "ended_at"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    means: Mapped[str] = mapped_column(String(10))
    scopes: Mapped[str] = mapped_column(String(600))
    terms_sealed: Mapped[bytes]
    opened_at: Mapped[datetime] = mapped_column(UtcTime)
    seen_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)


class PasskeyRow(Base):
    """A passkey of a person; it is good for something once `entry`, the second person's signature, is in the log.

    `backed_up` is what the authenticator said last, `sign_count` the highest that it counted to.
    """

    __tablename__ = "passkey"
    __table_args__ = (Index(None, "person_id", "entry"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    credential: Mapped[str] = mapped_column(String(1400), unique=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    origin: Mapped[str] = mapped_column(String(300))
    backup_eligible: Mapped[bool]
    backed_up: Mapped[bool]
    sign_count: Mapped[int] = mapped_column(BigInteger)
    proposer: Mapped[str] = mapped_column(String(30))
    proposed_at: Mapped[datetime] = mapped_column(UtcTime)
    countersigner: Mapped[str | None] = mapped_column(String(30))
    entry: Mapped[int | None] = mapped_column(unique=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcTime)


class InvitationRow(Base):
    """An invitation to register a passkey, by the SHA-256 of what its link holds; good once."""

    __tablename__ = "passkey_invitation"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    inviter: Mapped[str] = mapped_column(String(30))
    terms_sealed: Mapped[bytes]
    expires_at: Mapped[datetime] = mapped_column(UtcTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcTime)
