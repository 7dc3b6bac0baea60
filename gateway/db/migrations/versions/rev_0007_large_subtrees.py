"""Of the log's inner nodes only those over 256 entries and more: the others follow from the leaf hashes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_FROM_LEVEL = 8
_PAGE = 1 << 12  # a multiple of the largest subtree that is made
_ENTRY = sa.table("audit_entry", sa.column("index", sa.Integer), sa.column("leaf_hash", sa.LargeBinary))
_NODE = sa.table(
    "audit_node", sa.column("level", sa.Integer), sa.column("index", sa.Integer), sa.column("hash", sa.LargeBinary)
)


def upgrade() -> None:
    """Drop the small subtrees."""
    op.execute(_NODE.delete().where(_NODE.c.level < _FROM_LEVEL))


def downgrade() -> None:
    """Make them again of the leaf hashes, which entry for entry are without a gap."""
    connection, start = op.get_bind(), 0
    page = sa.select(_ENTRY.c.leaf_hash).order_by(_ENTRY.c.index).limit(_PAGE)
    while hashes := connection.scalars(page.where(_ENTRY.c.index >= start)).all():
        if nodes := list(_small(start, hashes)):
            connection.execute(_NODE.insert(), nodes)
        start += _PAGE


def _small(start: int, hashes: Sequence[bytes]) -> Iterator[dict[str, object]]:
    """The complete subtrees below `_FROM_LEVEL` over these leaves (RFC 6962)."""
    row = hashes
    for level in range(1, _FROM_LEVEL):
        row = [sha256(b"\x01" + left + right).digest() for left, right in zip(row[::2], row[1::2], strict=False)]
        yield from ({"level": level, "index": (start >> level) + place, "hash": made} for place, made in enumerate(row))
