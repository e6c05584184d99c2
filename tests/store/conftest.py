"""A store over a fresh database, once SQLite and once PostgreSQL, and what tests put into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.store import Store
from jobs.store.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """Yield a store with this version's tables, which a test of the migrations holds to what they make."""
    opened = Store(database_url)
    metadata.create_all(opened.database.engine)
    yield opened
    opened.close()
