"""Fixtures of the sandbox's tests: one shared sandbox of each provider for what leaves no trace, fresh ones for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import short_folder
from tests.sandbox.places import ENGINES, PROVIDERS, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jobs.types import Sandbox


@pytest.fixture(params=PROVIDERS, scope="module")
def shared(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Yield a sandbox that the tests of a module share."""
    with short_folder("o67-") as home:
        sandbox = start(request.param, home)
        yield sandbox
        sandbox.close()


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    """Return the name of a provider; the test is run for each."""
    return str(request.param)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Return the name of a container engine; the test is run for each."""
    return str(request.param)


@pytest.fixture
def fresh(provider: str, home: Path) -> Iterator[Sandbox]:
    """Yield a sandbox of this test alone, for what breaks it."""
    sandbox = start(provider, home)
    yield sandbox
    sandbox.close()
