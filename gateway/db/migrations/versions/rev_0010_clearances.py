"""What third parties consented to, and what was assessed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import gateway.db.metadata

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table: nothing was recorded yet."""
    op.create_table(
        "clearance",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("matter_id", sa.String(length=30), nullable=False),
        sa.Column("sort", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["matter_id"], ["matter.id"], name=op.f("fk_clearance_matter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clearance")),
    )
    op.create_index("ix_clearance_matter", "clearance", ["matter_id", "id"])


def downgrade() -> None:
    """Drop it: what relied on a clearance can then not leave."""
    op.drop_index("ix_clearance_matter", table_name="clearance")
    op.drop_table("clearance")
