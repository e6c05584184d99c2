"""A local GitHub with one repository, and the client that is tested against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.github import GitHub, Repository
from jobs.testing.github import LocalGitHub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jobs.types import AuditEntry

SHOP = "octo/shop"


def unheard(_entry: AuditEntry) -> None:
    """Stand where the audit does, for tests that are not about it."""


@pytest.fixture(scope="session")
def private_key(tmp_path_factory: pytest.TempPathFactory) -> str:
    with LocalGitHub(tmp_path_factory.mktemp("key")) as made:
        return made.private_key_pem


@pytest.fixture
def local(tmp_path: Path, private_key: str) -> Iterator[LocalGitHub]:
    """Yield a GitHub with ``octo/shop``, where alice may write, and issue 1 of bob's."""
    with LocalGitHub(tmp_path / "github", private_key_pem=private_key) as github:
        github.create_repository(SHOP, {"README.md": "# Shop\n", "src/a b.py": "x = 1\n"})
        github.add_user("alice")
        github.add_user("bob")
        github.set_permission(SHOP, "alice", "write")
        github.create_issue(SHOP, "Total is wrong", "It is 0.31", by="bob")
        yield github


@pytest.fixture
def github(local: LocalGitHub) -> Iterator[GitHub]:
    """Yield the client of the App on the local GitHub."""
    client = GitHub(local.api_url, local.server_url, local.app_id, local.private_key_pem, timeout=2.0, witness=unheard)
    yield client
    client.close()


@pytest.fixture
def shop(github: GitHub, local: LocalGitHub) -> Repository:
    """Return the client of ``octo/shop``."""
    return github.repository(SHOP, local.installation_id)
