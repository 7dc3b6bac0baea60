"""Time stamps over checkpoints of the log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table: nothing was stamped yet."""
    op.create_table(
        "audit_stamp",
        sa.Column("entry", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("entry", name=op.f("pk_audit_stamp")),
    )


def downgrade() -> None:
    """Drop it: entries keep the digests, and an export says which stamps are missing."""
    op.drop_table("audit_stamp")
