"""Who holds a delivery, so that nobody waits for one that a dead process held."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the name of the holder; what is held now runs out by itself."""
    op.add_column("deliveries", sa.Column("lease_owner", sa.String(length=100), server_default="", nullable=False))
