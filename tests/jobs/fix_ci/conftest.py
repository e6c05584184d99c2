"""A repository with a CI, and a worker for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.jobs.fix_ci.till import Till

if TYPE_CHECKING:
    from tests.jobs.workshop import Workshop


@pytest.fixture
def till(workshop: Workshop) -> Till:
    """Return a repository whose CI runs its tests for real, and is green."""
    made = Till(workshop)
    made.open()
    return made
