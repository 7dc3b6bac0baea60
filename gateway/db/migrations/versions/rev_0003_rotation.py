"""Keys say which root key and which version they hang under; originals can be shredded by two people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import gateway.db.metadata

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Everything that is wrapped by the provider is wrapped under the one root key there has been."""
    op.create_table(
        "root_key",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=True),
        sa.Column("retired_at", gateway.db.metadata.UtcTime(length=24), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_root_key")),
    )
    op.execute("INSERT INTO root_key (number) VALUES (1)")
    with op.batch_alter_table("key") as key:
        key.add_column(sa.Column("root", sa.Integer(), nullable=True))
        key.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
        key.drop_constraint("uq_key_role_owner", type_="unique")
        key.create_unique_constraint(op.f("uq_key_role_owner_version"), ["role", "owner", "version"])
        key.create_index(op.f("ix_key_root"), ["root"], unique=False)
    with op.batch_alter_table("key") as key:
        key.alter_column("version", server_default=None)
    op.execute('UPDATE "key" SET root = 1 WHERE parent_id IS NULL')
    op.add_column("original", sa.Column("shredded_at", gateway.db.metadata.UtcTime(length=24), nullable=True))
    op.create_table(
        "shredding",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("original", sa.String(length=40), nullable=False),
        sa.Column("matter", sa.String(length=40), nullable=False),
        sa.Column("object_id", sa.String(length=40), nullable=False),
        sa.Column("proposer", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        sa.Column("proposed_at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.Column("countersigner", sa.String(length=40), nullable=True),
        sa.Column("entry", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shredding")),
    )
    op.create_index("ix_shredding_original", "shredding", ["original", "id"], unique=False)


def downgrade() -> None:
    """Take columns and tables away; refuses once something was rotated or shredded: no earlier gateway knows of it."""
    rotated = op.get_bind().scalar(sa.text('SELECT count(*) FROM "key" WHERE version > 1 OR root > 1'))
    shredded = op.get_bind().scalar(sa.text("SELECT count(*) FROM original WHERE shredded_at IS NOT NULL"))
    if rotated or shredded:
        raise RuntimeError("keys were rotated or originals shredded; an earlier gateway cannot work with that")
    op.drop_index("ix_shredding_original", table_name="shredding")
    op.drop_table("shredding")
    op.drop_column("original", "shredded_at")
    with op.batch_alter_table("key") as key:
        key.drop_index(op.f("ix_key_root"))
        key.drop_constraint("uq_key_role_owner_version", type_="unique")
        key.create_unique_constraint(op.f("uq_key_role_owner"), ["role", "owner"])
        key.drop_column("version")
        key.drop_column("root")
    op.drop_table("root_key")
