"""Room for a recipient's hybrid key, which is thirty times as long; no way back while one is kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.base.problems import Refused

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_LENGTH = 100


def upgrade() -> None:
    """A recipient's key is a text of any length."""
    with op.batch_alter_table("recipient") as table:
        table.alter_column("age_key", existing_type=sa.String(length=_LENGTH), type_=sa.Text(), existing_nullable=True)


def downgrade() -> None:
    """At most 100 characters again; refused rather than cut a key short."""
    longest = op.get_bind().scalar(sa.text("SELECT max(length(age_key)) FROM recipient"))
    if longest is not None and longest > _LENGTH:
        raise Refused("A recipient has a hybrid key, which earlier versions cannot keep; stay with this version.")
    with op.batch_alter_table("recipient") as table:
        table.alter_column("age_key", existing_type=sa.Text(), type_=sa.String(length=_LENGTH), existing_nullable=True)
