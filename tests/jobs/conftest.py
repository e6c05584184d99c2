"""The workers' services over a fresh store and a local GitHub, without a process of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.settings import Settings, load
from jobs.services import Services
from jobs.store import Store
from jobs.store.tables import metadata
from jobs.testing.github import LocalGitHub
from tests.jobs.ci_host import certificate, ci  # noqa: F401 - fixtures, for the folders below, too
from tests.jobs.workshop import NOWHERE, SHOP, Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def private_key(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a private key for all Apps of this session."""
    with LocalGitHub(tmp_path_factory.mktemp("key")) as made:
        return made.private_key_pem


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    """Yield a store on SQLite; what differs on PostgreSQL is tested in tests/store."""
    opened = Store(f"sqlite:///{home}/opus67.sqlite3")
    metadata.create_all(opened.database.engine)
    yield opened
    opened.close()


@pytest.fixture
def github(home: Path, private_key: str) -> Iterator[LocalGitHub]:
    """Yield a GitHub with ``octo/shop``, where alice may write, and issue 1 of bob's."""
    with LocalGitHub(home / "github", private_key_pem=private_key) as local:
        local.create_repository(SHOP, {"README.md": "# Shop\n"})
        local.set_permission(SHOP, "alice", "write")
        local.create_issue(SHOP, "Total is wrong", "It is 0.31", by="bob")
        yield local


@pytest.fixture
def settings(home: Path, github: LocalGitHub) -> Settings:
    """Return settings that point to the local GitHub, and to a Redis that is not there."""
    return load({**github.environment(), "OPUS67_HOME": str(home), "REDIS_URL": NOWHERE}, dotenv=None)


@pytest.fixture
def services(settings: Settings, store: Store) -> Iterator[Services]:
    """Yield the services of a worker."""
    built = Services(settings, store)
    yield built
    if "github" in built.__dict__:
        built.github.close()


@pytest.fixture
def workshop(home: Path, github: LocalGitHub, store: Store) -> Iterator[Workshop]:
    """Yield a worker's services with a real sandbox and a scripted model."""
    with Workshop.open(home, github, store) as opened:
        yield opened
