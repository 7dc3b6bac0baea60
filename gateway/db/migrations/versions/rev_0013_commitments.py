"""Commitments to the tables that originals are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables. What is there already stays without a commitment: one made now would come too late."""
    op.create_table(
        "table_commitment",
        sa.Column("original", sa.String(length=40), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("release", sa.String(length=40), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("original", "slot", name=op.f("pk_table_commitment")),
        sa.UniqueConstraint("original", "release", name=op.f("uq_table_commitment_original_release")),
    )
    op.create_table(
        "commit_lease",
        sa.Column("original", sa.String(length=40), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("original", name=op.f("pk_commit_lease")),
    )


def downgrade() -> None:
    """Drop both: the log still holds the roots, and nothing opens them any more."""
    op.drop_table("commit_lease")
    op.drop_table("table_commitment")
