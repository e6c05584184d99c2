"""A database that is busy with somebody else."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.discord_bot.conftest import Opus


@contextmanager
def locked(opus: Opus) -> Iterator[None]:
    """Hold the database's write lock for a while, as a long transaction of another process does."""
    path = opus.settings.database_url.removeprefix("sqlite:///")
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.rollback()
    finally:
        connection.close()
