"""CI and reviews: what the event that asked for a task told, and the event that a task waits for."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add what tasks about CI runs and reviews need."""
    op.add_column("tasks", sa.Column("about", sa.JSON()))
    op.add_column("tasks", sa.Column("listens", sa.String(length=300), nullable=False, server_default=""))
