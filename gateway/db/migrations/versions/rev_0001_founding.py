"""The tables of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import gateway.db.metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "approval",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("release", sa.String(length=40), nullable=False),
        sa.Column("manifest_sha256", sa.String(length=64), nullable=False),
        sa.Column("approver", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("algorithm", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("audit_index", sa.BigInteger(), nullable=False),
        sa.Column("created_at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
        sa.UniqueConstraint(
            "release", "manifest_sha256", "approver", name=op.f("uq_approval_release_manifest_sha256_approver")
        ),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_audit_checkpoint")),
    )
    op.create_table(
        "audit_entry",
        sa.Column("index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("matter", sa.String(length=128), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=True),
        sa.Column("subject", sa.String(length=128), nullable=True),
        sa.Column("at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_audit_entry")),
        sa.UniqueConstraint("matter", "seq", name=op.f("uq_audit_entry_matter_seq")),
    )
    op.create_index(op.f("ix_audit_entry_subject"), "audit_entry", ["subject"], unique=False)
    op.create_table(
        "audit_node",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("level", "index", name=op.f("pk_audit_node")),
    )
    op.create_table(
        "founding",
        sa.Column("deployment", sa.String(length=64), nullable=False),
        sa.Column("at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("deployment", name=op.f("pk_founding")),
    )
    op.create_table(
        "idempotency",
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.String(length=40), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.PrimaryKeyConstraint("person", "key", name=op.f("pk_idempotency")),
    )
    op.create_table(
        "key",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("parent_id", sa.String(length=40), nullable=True),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.Column("shredded_at", gateway.db.metadata.UtcTime(length=24), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key")),
        sa.UniqueConstraint("role", "owner", name=op.f("uq_key_role_owner")),
    )
    op.create_index(op.f("ix_key_parent_id"), "key", ["parent_id"], unique=False)
    op.create_table(
        "matter",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("title_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("authority", sa.String(length=64), nullable=False),
        sa.Column("regime", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=30), nullable=False),
        sa.Column("jurisdiction", sa.String(length=2), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("deadline", sa.String(length=10), nullable=True),
        sa.Column("created_by", sa.String(length=30), nullable=False),
        sa.Column("created_at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_matter")),
    )
    op.create_table(
        "opening",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("object_id", sa.String(length=40), nullable=False),
        sa.Column("expires_at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opening")),
        sa.UniqueConstraint("person", "object_id", name=op.f("uq_opening_person_object_id")),
    )
    op.create_table(
        "original",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("matter", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("object_id", sa.String(length=40), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("uploader", sa.String(length=40), nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), nullable=True),
        sa.Column("audit_index", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("classification", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_original")),
        sa.UniqueConstraint(
            "matter", "uploader", "idempotency_key", name=op.f("uq_original_matter_uploader_idempotency_key")
        ),
        sa.UniqueConstraint("object_id", name=op.f("uq_original_object_id")),
    )
    op.create_index("ix_original_matter", "original", ["matter", "id"], unique=False)
    op.create_table(
        "person",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.String(length=60), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("key_entry", sa.Integer(), nullable=True),
        sa.Column("created_at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.Column("retired_at", gateway.db.metadata.UtcTime(length=24), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("public_key", name=op.f("uq_person_public_key")),
    )
    op.create_table(
        "release",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("matter", sa.String(length=40), nullable=False),
        sa.Column("recipient", sa.String(length=40), nullable=False),
        sa.Column("profile", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("author", sa.String(length=40), nullable=False),
        sa.Column("composition", sa.LargeBinary(), nullable=True),
        sa.Column("manifest_sha256", sa.String(length=64), nullable=True),
        sa.Column("sealed_index", sa.BigInteger(), nullable=True),
        sa.Column("package_object", sa.String(length=40), nullable=True),
        sa.Column("package_bytes", sa.BigInteger(), nullable=True),
        sa.Column("package_sha256", sa.String(length=64), nullable=True),
        sa.Column("dispatcher", sa.String(length=40), nullable=True),
        sa.Column("created_at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release")),
    )
    op.create_index("ix_release_matter", "release", ["matter", "id"], unique=False)
    op.create_table(
        "release_receipt",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("release", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_receipt")),
    )
    op.create_index("ix_release_receipt_release", "release_receipt", ["release", "id"], unique=False)
    op.create_table(
        "render_lease",
        sa.Column("rendition", sa.String(length=40), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=True),
        sa.Column("lease_until", sa.Float(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("rendition", name=op.f("pk_render_lease")),
    )
    op.create_table(
        "rendition",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("release", sa.String(length=40), nullable=False),
        sa.Column("matter", sa.String(length=40), nullable=False),
        sa.Column("original", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("policy", sa.String(length=128), nullable=False),
        sa.Column("library_digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("author", sa.String(length=40), nullable=False),
        sa.Column("supersedes", sa.String(length=40), nullable=True),
        sa.Column("media_type", sa.String(length=64), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("object_id", sa.String(length=40), nullable=True),
        sa.Column("decisions_object", sa.String(length=40), nullable=True),
        sa.Column("residue_object", sa.String(length=40), nullable=True),
        sa.Column("withheld_object", sa.String(length=40), nullable=True),
        sa.Column("answers", sa.LargeBinary(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rendition")),
    )
    op.create_index(
        "ix_rendition_ready",
        "rendition",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index("ix_rendition_release", "rendition", ["release", "id"], unique=False)
    op.create_table(
        "rendition_review",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("rendition", sa.String(length=40), nullable=False),
        sa.Column("release", sa.String(length=40), nullable=False),
        sa.Column("reviewer", sa.String(length=40), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rendition_review")),
    )
    op.create_index("ix_rendition_review_rendition", "rendition_review", ["rendition", "id"], unique=False)
    op.create_table(
        "stored_object",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("matter", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("blob_name", sa.String(length=64), nullable=False),
        sa.Column("plaintext_bytes", sa.BigInteger(), nullable=False),
        sa.Column("ciphertext_bytes", sa.BigInteger(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.Column("shredded_at", gateway.db.metadata.UtcTime(length=24), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_object")),
        sa.UniqueConstraint("blob_name", name=op.f("uq_stored_object_blob_name")),
        sa.UniqueConstraint("key_id", name=op.f("uq_stored_object_key_id")),
    )
    op.create_index(op.f("ix_stored_object_matter"), "stored_object", ["matter"], unique=False)
    op.create_table(
        "demand_item",
        sa.Column("matter_id", sa.String(length=30), nullable=False),
        sa.Column("number", sa.String(length=10), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("legal_basis", sa.String(length=20), nullable=False),
        sa.Column("citation_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("kinds", sa.String(length=2000), nullable=False),
        sa.ForeignKeyConstraint(["matter_id"], ["matter.id"], name=op.f("fk_demand_item_matter_id")),
        sa.PrimaryKeyConstraint("matter_id", "number", name=op.f("pk_demand_item")),
    )
    op.create_table(
        "people_proposal",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.String(length=30), nullable=False),
        sa.Column("roles", sa.String(length=200), nullable=False),
        sa.Column("proposer", sa.String(length=30), nullable=False),
        sa.Column("proposed_at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.Column("countersigner", sa.String(length=30), nullable=True),
        sa.Column("entry", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_people_proposal_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people_proposal")),
        sa.UniqueConstraint("entry", name=op.f("uq_people_proposal_entry")),
    )
    op.create_index(op.f("ix_people_proposal_person_id"), "people_proposal", ["person_id"], unique=False)
    op.create_table(
        "person_role",
        sa.Column("person_id", sa.String(length=30), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_role_person_id")),
        sa.PrimaryKeyConstraint("person_id", "role", name=op.f("pk_person_role")),
    )
    op.create_table(
        "recipient",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("matter_id", sa.String(length=30), nullable=False),
        sa.Column("hop", sa.Integer(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("recipient_class", sa.String(length=20), nullable=False),
        sa.Column("jurisdiction", sa.String(length=2), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("profiles", sa.String(length=100), nullable=False),
        sa.Column("age_key", sa.String(length=100), nullable=True),
        sa.Column("custody", sa.String(length=700), nullable=False),
        sa.ForeignKeyConstraint(["matter_id"], ["matter.id"], name=op.f("fk_recipient_matter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipient")),
        sa.UniqueConstraint("matter_id", "hop", name=op.f("uq_recipient_matter_id_hop")),
    )
    op.create_table(
        "token",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=30), nullable=False),
        sa.Column("scopes", sa.String(length=600), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("terms_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.Column("expires_at", gateway.db.metadata.UtcTime(length=24), nullable=False),
        sa.Column("revoked_at", gateway.db.metadata.UtcTime(length=24), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_token_person_id")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_token")),
        sa.UniqueConstraint("person_id", "nonce", name=op.f("uq_token_person_id_nonce")),
    )
    op.create_index(op.f("ix_token_person_id_token_revoked_at"), "token", ["person_id", "revoked_at"], unique=False)


def downgrade() -> None:
    """Drop every table."""
    op.drop_index(op.f("ix_token_person_id_token_revoked_at"), table_name="token")
    op.drop_table("token")
    op.drop_table("recipient")
    op.drop_table("person_role")
    op.drop_index(op.f("ix_people_proposal_person_id"), table_name="people_proposal")
    op.drop_table("people_proposal")
    op.drop_table("demand_item")
    op.drop_index(op.f("ix_stored_object_matter"), table_name="stored_object")
    op.drop_table("stored_object")
    op.drop_index("ix_rendition_review_rendition", table_name="rendition_review")
    op.drop_table("rendition_review")
    op.drop_index("ix_rendition_release", table_name="rendition")
    op.drop_index(
        "ix_rendition_ready",
        table_name="rendition",
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.drop_table("rendition")
    op.drop_table("render_lease")
    op.drop_index("ix_release_receipt_release", table_name="release_receipt")
    op.drop_table("release_receipt")
    op.drop_index("ix_release_matter", table_name="release")
    op.drop_table("release")
    op.drop_table("person")
    op.drop_index("ix_original_matter", table_name="original")
    op.drop_table("original")
    op.drop_table("opening")
    op.drop_table("matter")
    op.drop_index(op.f("ix_key_parent_id"), table_name="key")
    op.drop_table("key")
    op.drop_table("idempotency")
    op.drop_table("founding")
    op.drop_table("audit_node")
    op.drop_index(op.f("ix_audit_entry_subject"), table_name="audit_entry")
    op.drop_table("audit_entry")
    op.drop_table("audit_checkpoint")
    op.drop_table("approval")
