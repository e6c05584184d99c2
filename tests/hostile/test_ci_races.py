"""Events about one commit that come at the same time, to several workers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from bot.inbox import handle
from jobs.types import Delivery
from tests.bot.conftest import SHOP, ears

if TYPE_CHECKING:
    from tests.bot.ears import Ears

__all__ = ["ears"]

EVENTS = 6


@pytest.mark.parametrize("own", [False, True], ids=["the default branch", "our pull request"])
def test_red_runs_of_one_commit_at_once_are_one_task(ears: Ears, *, own: bool) -> None:
    """Six workflows end together, and six workers take what is told of them."""
    branch = ears.own_pull()[1].branch if own else "main"
    for number in range(EVENTS):
        ears.local.run_workflow(SHOP, branch, name=f"flow {number}", by="alice")
    told = [
        one for one in ears.local.deliveries[ears.taken :] if (one.event, one.action) == ("workflow_run", "completed")
    ]
    assert len(told) == EVENTS
    for one in told:
        ears.services.store.deliveries.add(Delivery(one.guid, "github", one.event, one.body, 1.0))
    with ThreadPoolExecutor(EVENTS) as pool:
        list(pool.map(lambda one: handle(ears.services, one.guid), told))
    ears.later()
    [task] = ears.tasks()
    assert task.about["sha"] == ears.head(branch)
