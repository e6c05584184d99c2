"""What the local GitHub's API answers: one module per resource, each with a ``router``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github.resources import (
    actions,
    apps,
    checks,
    comments,
    graphql,
    issues,
    pulls,
    reactions,
    refs,
    repositories,
    review_comments,
    reviews,
    suites,
    users,
)

if TYPE_CHECKING:
    from jobs.testing.github.router import Route

# The order matters where a path with a rest could take what a longer path means.
MODULES = (
    checks,
    suites,
    actions,
    apps,
    users,
    graphql,
    refs,
    reactions,
    comments,
    issues,
    reviews,
    review_comments,
    pulls,
    repositories,
)
ROUTES: tuple[Route, ...] = tuple(route for module in MODULES for route in module.router.routes)
