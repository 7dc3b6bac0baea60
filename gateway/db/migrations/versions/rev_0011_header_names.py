"""What people said of headers, to be remembered within a matter."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table: nothing was remembered yet."""
    op.create_table(
        "header_name",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("matter_id", sa.String(length=30), nullable=False),
        sa.Column("rendition", sa.String(length=40), nullable=True),
        sa.Column("forgets", sa.String(length=40), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["matter_id"], ["matter.id"], name=op.f("fk_header_name_matter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_header_name")),
    )
    op.create_index("ix_header_name_matter", "header_name", ["matter_id", "id"])


def downgrade() -> None:
    """Drop it: of a matter that remembered something nothing is rendered any more, for the log still says so."""
    op.drop_index("ix_header_name_matter", table_name="header_name")
    op.drop_table("header_name")
