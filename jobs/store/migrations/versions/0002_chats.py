"""Chats: places with addresses, notices, people, tokens; tasks with approvals, models and follow-ups."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what a conversation on several surfaces needs."""
    for name, length in (("approval", 10), ("model", 200), ("follows", 12), ("onto", 200), ("base", 200)):
        op.add_column("tasks", sa.Column(name, sa.String(length=length), nullable=False, server_default=""))
    op.add_column("places", sa.Column("address", sa.JSON()))
    op.add_column("places", sa.Column("moment", sa.String(length=100), nullable=False, server_default=""))
    op.add_column("places", sa.Column("settled", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("places", sa.Column("not_before", sa.Float(), nullable=False, server_default="0"))
    op.create_index("ix_places_surface", "places", ["surface", "external_id"], unique=False)
    op.add_column("decisions", sa.Column("place", sa.String(length=200), nullable=False, server_default=""))
    op.create_index("ix_decisions_task_id", "decisions", ["task_id"], unique=False)
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("surface", sa.String(length=20), nullable=False),
        sa.Column("address", sa.JSON(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("not_before", sa.Float(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.Float()),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("key", name=op.f("uq_notices_key")),
    )
    op.create_index("ix_notices_surface", "notices", ["surface", "sent_at", "not_before"], unique=False)
    op.create_table(
        "identities",
        sa.Column("platform", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.String(length=100), nullable=False),
        sa.Column("login", sa.String(length=100), nullable=False),
        sa.Column("github_id", sa.String(length=40), nullable=False),
        sa.Column("how", sa.String(length=20), nullable=False),
        sa.Column("linked_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("platform", "user_id", name=op.f("pk_identities")),
    )
    op.create_table(
        "links",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("platform", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.String(length=100), nullable=False),
        sa.Column("address", sa.JSON(), nullable=False),
        sa.Column("device_code", sa.String(length=200), nullable=False),
        sa.Column("interval", sa.Float(), nullable=False),
        sa.Column("not_before", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_links")),
    )
    op.create_table(
        "tokens",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("login", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("used_at", sa.Float()),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_tokens")),
        sa.UniqueConstraint("name", name=op.f("uq_tokens_name")),
    )
