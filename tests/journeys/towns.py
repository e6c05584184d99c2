"""Towns: the whole product as its own processes, shared by the stories that leave it as it was."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.conftest import short_folder
from tests.journeys.town import Town
from tests.needs import CURES, bubblewrap_works, requires

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.journeys.chats import Chats


WORKERS = 4
"""So many tasks run at once in the shared town, for tests that wait for several stories together."""


@contextmanager
def running(**changes: str) -> Iterator[Town]:
    """Run a town with these settings, and end it."""
    if changes.get("OPUS67_SANDBOX", "bubblewrap") == "bubblewrap":
        requires(bubblewrap_works(), "bubblewrap", CURES["bubblewrap"])
    with short_folder("o67-j-") as home:
        town = Town.build(home, os.environ, **changes)
        with town.product as product:
            product.up()
            try:
                yield town
            finally:
                town.close()


@pytest.fixture(scope="session")
def town() -> Iterator[Town]:
    """Yield the town that all stories share which neither kill its processes nor spoil it for others."""
    with running(OPUS67_WORKERS=str(WORKERS)) as built:
        yield built


@pytest.fixture(scope="session")
def chats() -> Iterator[Chats]:
    """Yield a town with both chats, shared by all stories that leave them as they were; Slack comes over a socket."""
    from tests.journeys.chats import chatting  # noqa: PLC0415 - discord.py and slack-bolt are slow to import

    with chatting(socket_mode=True, OPUS67_OPERATORS="ada") as made:
        yield made


@pytest.fixture(scope="module")
def own_town() -> Iterator[Town]:
    """Yield a town of this file alone, to kill and spoil."""
    with running() as built:
        yield built
