"""Fixtures of the hostile tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.store import Store
from jobs.store.tables import metadata
from jobs.testing.github import LocalGitHub
from jobs.testing.github.keys import new_private_key
from tests.bot.conftest import inbox, local, private_key, services, settings, store
from tests.jobs.workshop import SHOP, Workshop
from tests.workspace.fixtures import box, forge, github, place, repository, settled, smith

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hostile.leaking import Leaking

__all__ = [
    "box",
    "forge",
    "github",
    "inbox",
    "local",
    "place",
    "private_key",
    "repository",
    "services",
    "settings",
    "settled",
    "smith",
    "store",
]


@pytest.fixture
def workshop(home: Path, private_key: str) -> Iterator[Workshop]:
    """Yield a worker with a repository of alice's."""
    store = Store(f"sqlite:///{home}/opus67.sqlite3")
    metadata.create_all(store.database.engine)
    with LocalGitHub(home / "github", private_key_pem=private_key) as github:
        github.create_repository(SHOP, {"README.md": "# Shop\n"})
        with Workshop.open(home, github, store) as opened:
            yield opened
    store.close()


@pytest.fixture(scope="session")
def leaky() -> Iterator[Leaking]:
    """Yield a worker whose agent has said all secrets in all ways, and all orders, in all places."""
    from tests.hostile.leaking import leaking  # noqa: PLC0415 - the chats are slow to import

    with leaking(new_private_key()) as made:
        yield made
