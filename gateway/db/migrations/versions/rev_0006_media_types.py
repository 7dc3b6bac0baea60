"""Room for the media types of workbooks: 65 characters, which SQLite never counted and PostgreSQL refused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_COLUMNS = (("original", False), ("rendition", True))


def upgrade() -> None:
    """Widen the columns."""
    _resize(64, 128)


def downgrade() -> None:
    """Narrow them again; refused by PostgreSQL where a workbook is kept."""
    _resize(128, 64)


def _resize(old: int, new: int) -> None:
    for table, nullable in _COLUMNS:
        with op.batch_alter_table(table) as batch:
            batch.alter_column(
                "media_type",
                existing_type=sa.String(length=old),
                type_=sa.String(length=new),
                existing_nullable=nullable,
            )
