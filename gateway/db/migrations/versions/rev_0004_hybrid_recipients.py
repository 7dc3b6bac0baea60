"""Room for a recipient's hybrid key, which is thirty times as long.

PostgreSQL refuses the way back while such a key is kept, rather than cut it short.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A recipient's key is a text of any length."""
    with op.batch_alter_table("recipient") as table:
        table.alter_column("age_key", existing_type=sa.String(length=100), type_=sa.Text(), existing_nullable=True)


def downgrade() -> None:
    """At most 100 characters again."""
    with op.batch_alter_table("recipient") as table:
        table.alter_column("age_key", existing_type=sa.Text(), type_=sa.String(length=100), existing_nullable=True)
