"""Where each matter's entries ended when the matters were last mapped; nothing was mapped yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; the first map goes through the whole log and fills them."""
    op.create_table(
        "audit_map",
        sa.Column("index", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_audit_map")),
    )
    op.create_table(
        "audit_matter",
        sa.Column("matter", sa.String(length=128), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("matter", name=op.f("pk_audit_matter")),
    )


def downgrade() -> None:
    """Drop them: they follow from the entries."""
    op.drop_table("audit_matter")
    op.drop_table("audit_map")
