"""A store over empty tables, once SQLite and once PostgreSQL."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from jobs.store import Store
from jobs.store.tables import metadata
from tests.store.asking import ALICE, BOB
from tests.store.writers import SECRET, entry

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def tables_url(postgresql_url: str) -> str:
    """Return the URL of a PostgreSQL database with this version's tables, made once: that takes longer than a test."""
    import psycopg  # noqa: PLC0415 - not every machine has it

    name = f"tables_{secrets.token_hex(6)}"  # other packages' tests may have this fixture, too
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    return postgresql_url.replace("/postgres?", f"/{name}?")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Yield a store with empty tables, which a test of the migrations holds to what they make."""
    if request.param == "sqlite":
        opened = Store(f"sqlite:///{request.getfixturevalue('home')}/opus67.sqlite3")
    else:
        opened = Store(request.getfixturevalue("tables_url"))
    metadata.create_all(opened.database.engine)
    yield opened
    if not opened.database.is_sqlite:
        names = ", ".join(table.name for table in metadata.sorted_tables)
        with opened.write() as connection:
            connection.execute(sa.text(f"TRUNCATE {names} RESTART IDENTITY"))
    opened.close()


@pytest.fixture
def kept(store: Store) -> Iterator[Store]:
    """Yield a store with the installation's key, and five rows: by alice, by bob, and by nobody."""
    opened = Store(store.database.url, SECRET, ("a-secret-of-ours",))
    for number, actor in enumerate((ALICE, BOB, None, ALICE, BOB), 1):
        opened.audit.record(entry(number, actor=actor))
    yield opened
    opened.close()
