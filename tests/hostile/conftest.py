"""Fixtures of the hostile tests."""

from __future__ import annotations

from tests.bot.conftest import inbox, local, private_key, services, settings, store
from tests.workspace.fixtures import box, forge, github, place, repository, settled, smith

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
