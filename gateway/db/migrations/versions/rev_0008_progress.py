"""How far a worker is with what it holds."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "stage": sa.String(length=16),
    "done": sa.BigInteger(),
    "total": sa.BigInteger(),
    "told_at": sa.Float(),
}


def upgrade() -> None:
    """Add the columns: nothing is said about work that is under way."""
    with op.batch_alter_table("render_lease") as batch:
        for name, kind in _COLUMNS.items():
            batch.add_column(sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    """Drop them again."""
    with op.batch_alter_table("render_lease") as batch:
        for name in reversed(_COLUMNS):
            batch.drop_column(name)
