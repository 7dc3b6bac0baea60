"""Witnesses' lines over checkpoints of the log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import gateway.db.metadata

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table: nothing was cosigned yet."""
    op.create_table(
        "audit_cosignature",
        sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cosigner", sa.String(length=264), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("received_at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.PrimaryKeyConstraint("size", "cosigner", name=op.f("pk_audit_cosignature")),
    )


def downgrade() -> None:
    """Drop it: witnesses give the newest checkpoint's lines again, those of earlier ones are gone."""
    op.drop_table("audit_cosignature")
