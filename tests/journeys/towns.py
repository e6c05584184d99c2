"""Towns: the whole product as its own processes, shared by the stories that leave it as it was."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import short_folder
from tests.journeys.town import Town
from tests.needs import CURES, bubblewrap_works, requires

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.testing.product import Product
    from tests.journeys.chats import Chats


WORKERS = 4
"""So many tasks run at once in the shared town, for tests that wait for several stories together."""


LIVE: list[Product] = []
LOG = 10_000
"""How much of a product's log stands beside a failure."""


@contextmanager
def running(**changes: str) -> Iterator[Town]:
    """Run a town with these settings, and end it."""
    if changes.get("OPUS67_SANDBOX", "bubblewrap") == "bubblewrap":
        requires(bubblewrap_works(), "bubblewrap", CURES["bubblewrap"])
    with short_folder("o67-j-") as home:
        town = Town.build(home, os.environ, **changes)
        with town.product as product:
            product.up()
            LIVE.append(product)
            try:
                yield town
            except BaseException:
                print(product.log[-LOG:])  # noqa: T201 - what failed may stand here alone
                raise
            finally:
                LIVE.remove(product)
                town.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Show what the products that run here logged beside a test that failed."""
    report: Any = yield
    if report.failed:
        report.sections += [("log of the product", product.log[-LOG:]) for product in LIVE]
    return report


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
