"""Signing in with a browser: sessions, passkeys and invitations to register one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import gateway.db.metadata

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None

_TIME = gateway.db.metadata.UtcTime(length=24)


def upgrade() -> None:
    """Make the tables: nobody signed in yet."""
    op.create_table(
        "web_session",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=30), nullable=False),
        sa.Column("means", sa.String(length=10), nullable=False),
        sa.Column("scopes", sa.String(length=600), nullable=False),
        sa.Column("terms_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_web_session_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_web_session")),
        sa.UniqueConstraint("sha256", name=op.f("uq_web_session_sha256")),
    )
    op.create_index(op.f("ix_web_session_person_id_web_session_ended_at"), "web_session", ["person_id", "ended_at"])
    op.create_table(
        "passkey",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.String(length=30), nullable=False),
        sa.Column("credential", sa.String(length=1400), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("backup_eligible", sa.Boolean(), nullable=False),
        sa.Column("backed_up", sa.Boolean(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("proposer", sa.String(length=30), nullable=False),
        sa.Column("proposed_at", _TIME, nullable=False),
        sa.Column("countersigner", sa.String(length=30), nullable=True),
        sa.Column("entry", sa.Integer(), nullable=True),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_passkey_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("credential", name=op.f("uq_passkey_credential")),
        sa.UniqueConstraint("key", name=op.f("uq_passkey_key")),
        sa.UniqueConstraint("entry", name=op.f("uq_passkey_entry")),
    )
    op.create_index(op.f("ix_passkey_person_id_passkey_entry"), "passkey", ["person_id", "entry"])
    op.create_table(
        "passkey_invitation",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=30), nullable=False),
        sa.Column("inviter", sa.String(length=30), nullable=False),
        sa.Column("terms_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_passkey_invitation_person_id")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_passkey_invitation")),
    )


def downgrade() -> None:
    """Drop them: whoever is signed in signs in again, passkeys are registered and countersigned anew."""
    op.drop_table("passkey_invitation")
    op.drop_table("passkey")
    op.drop_table("web_session")
