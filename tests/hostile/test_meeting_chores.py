"""Where chores meet people's requests: one worker does both, so no outage and no poison may hold it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from bot.housekeeping.comparing import CURSOR, MOST_OUTAGES, reconcile
from jobs.store.deliveries import DEATHS, PutAside
from jobs.types import Delivery
from tests.bot.conftest import *  # noqa: F403 - the fixtures of the inbox

if TYPE_CHECKING:
    from jobs.services import Services
    from jobs.store import Store
    from jobs.testing.github import LocalGitHub


def test_an_outage_is_not_asked_of_every_repository(services: Services, local: LocalGitHub) -> None:
    """When GitHub does not answer for two repositories in a row, the comparison stops, and begins anew next time."""
    names = [f"octo/r{number}" for number in range(6)]
    for name in names:
        local.create_repository(name, {"README.md": "#\n"})
    local.faults.add("GET", "^/repos/octo/", status=502, times=None)
    reconcile(services)
    asked = {one.path.split("/")[3] for one in local.requests if one.path.startswith("/repos/octo/")}
    assert len(asked) == MOST_OUTAGES
    assert not services.store.records.value(CURSOR)


def test_one_broken_repository_does_not_stop_the_others(services: Services, local: LocalGitHub) -> None:
    """A repository for which GitHub fails is left out, and the label in the next one gets its task."""
    local.create_repository("octo/a", {"README.md": "#\n"})
    local.faults.add("GET", "^/repos/octo/a/", status=502, times=None)
    local.label_issue("octo/shop", 1, "assign-to-opus", by="alice")
    reconcile(services)
    assert [task.repository for task in services.store.tasks.recent()] == ["octo/shop"]


def test_a_comparison_that_was_interrupted_goes_on_where_it_was(services: Services, local: LocalGitHub) -> None:
    """A worker that must stop leaves the rest to the next turn, which does not begin from the first repository."""
    local.create_repository("octo/a", {"README.md": "#\n"})
    services.stopping.set()
    reconcile(services)
    assert services.store.records.value(CURSOR) == "octo/a"
    services.stopping.clear()
    local.label_issue("octo/shop", 1, "assign-to-opus", by="alice")
    before = len(local.requests)
    reconcile(services)
    paths = [one.path for one in local.requests[before:]]
    assert not [path for path in paths if path.startswith(("/repos/octo/a/", "/app/installations?"))]
    assert [task.repository for task in services.store.tasks.recent()] == ["octo/shop"]
    assert services.store.records.value(CURSOR) == ""


def test_a_delivery_that_kills_workers_is_given_up(store: Store) -> None:
    """What was taken up again and again and never came to an end is failed, so that the others have their turn."""
    store.deliveries.add(Delivery("12345678-poison", "github", "issues", b"{}", time.time()))
    later = time.time()
    for _ in range(DEATHS):
        later += 60
        assert store.deliveries.claim("12345678-poison", later) is not None
    with pytest.raises(PutAside):
        store.deliveries.claim("12345678-poison", later + 60)
    assert store.deliveries.claim("12345678-poison", later + 120) is None
    assert store.deliveries.counts() == {"failed": 1}
