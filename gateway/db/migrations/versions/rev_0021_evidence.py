"""What binds a dispatched package is kept for evidence of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for it: of releases dispatched earlier only the packages have it."""
    with op.batch_alter_table("release") as table:
        table.add_column(sa.Column("binding_object", sa.String(length=40), nullable=True))


def downgrade() -> None:
    """Forget where it is kept; packages keep what was put into them."""
    with op.batch_alter_table("release") as table:
        table.drop_column("binding_object")
