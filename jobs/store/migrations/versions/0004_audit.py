"""The audit: a chain of rows, and the keys by which what names a person in them is read."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the audit; what was decided before is in the table of decisions alone."""
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("what", sa.String(length=100), nullable=False),
        sa.Column("repository", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=400), nullable=False),
        sa.Column("task_id", sa.String(length=12), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("image", sa.String(length=300), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.Column("person", sa.String(length=16), nullable=False),
        sa.Column("private", sa.Text(), nullable=False),
        sa.Column("key", sa.String(length=8), nullable=False),
        sa.Column("mac", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)
    op.create_index("ix_audit_repository", "audit", ["repository", "number"], unique=False)
    op.create_index("ix_audit_person", "audit", ["person", "number"], unique=False)
    op.create_table(
        "audit_keys",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("account", sa.String(length=80), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_keys")),
        sa.UniqueConstraint("person", name=op.f("uq_audit_keys_person")),
    )
    op.create_index("ix_audit_keys_account", "audit_keys", ["account"], unique=False)
