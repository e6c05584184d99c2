"""Bring a database to the tables of this version; every release can start from any earlier one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa
    from alembic.config import Config

HEAD = "0005"
"""The newest migration; a test holds it to the folder."""


def migrate(database_url: str, revision: str = "head", *, connection: sa.Connection | None = None) -> None:
    """Create or upgrade the tables; does nothing when they are up to date.

    With a ``connection`` it is a part of that connection's transaction.
    """
    from alembic import command  # noqa: PLC0415 - slow to import, and used by one command

    config = _config(database_url)
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def known_versions() -> tuple[str, ...]:
    """Return the migrations that this version knows, oldest first."""
    names = (path.name.partition("_")[0] for path in (Path(__file__).parent / "versions").glob("[0-9]*_*.py"))
    return tuple(sorted(names))


def current(database_url: str) -> str | None:
    """Return the migration that a database stands at, or None where it has no tables yet."""
    import sqlalchemy as sa  # noqa: PLC0415 - slow to import, and used by one command

    engine = sa.create_engine(database_url)
    try:
        with engine.connect() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            version = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
            return None if version is None else str(version)
    finally:
        engine.dispose()


def _config(database_url: str) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - slow to import, and used by one command

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["database_url"] = database_url
    return config
