"""An index by age over the records of repeated writes, so that dropping the old ones reads no others."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index."""
    op.create_index(op.f("ix_idempotency_created_at"), "idempotency", ["created_at"])


def downgrade() -> None:
    """Drop the index."""
    op.drop_index(op.f("ix_idempotency_created_at"), table_name="idempotency")
