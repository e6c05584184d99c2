"""Fixtures of the hostile tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.testing.github.keys import new_private_key
from tests.bot.conftest import inbox, local, private_key, services, settings, store
from tests.workspace.fixtures import box, forge, github, place, repository, settled, smith

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@pytest.fixture(scope="session")
def leaky() -> Iterator[Leaking]:
    """Yield a worker whose agent has said all secrets in all ways, and all orders, in all places."""
    from tests.hostile.leaking import leaking  # noqa: PLC0415 - the chats are slow to import

    with leaking(new_private_key()) as made:
        yield made
