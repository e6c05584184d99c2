"""A repository whose CI is red, with a worker that sees to it, for tests of people who want to misuse that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.store import Store
from jobs.store.tables import metadata
from jobs.testing.github import LocalGitHub
from tests.jobs.fix_ci.till import Till
from tests.jobs.workshop import SHOP, Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def till(home: Path, private_key: str) -> Iterator[Till]:
    """Yield a repository whose CI runs its tests for real, and is green."""
    store = Store(f"sqlite:///{home}/opus67.sqlite3")
    metadata.create_all(store.database.engine)
    with LocalGitHub(home / "github", private_key_pem=private_key) as github:
        github.create_repository(SHOP, {"README.md": "# Shop\n"})
        with Workshop.open(home, github, store) as opened:
            made = Till(opened)
            made.open()
            yield made
    store.close()
