"""Mend, push, red, mend, for ever: nothing that costs begins by itself where a task gave up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from bot.automatic import missed
from config.repository import defaults
from jobs.types import Conclusion, Kind, Status
from tests.hostile.red import till
from tests.jobs.fix_ci.test_after_the_push import blind, mend, own
from tests.jobs.fix_ci.till import OTHERWISE, TILL, WRONG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.types import Task
    from tests.jobs.fix_ci.till import Till

__all__ = ["till"]

pytestmark = pytest.mark.bubblewrap

SAME = WRONG.replace("+ 1", "+ 1  # still")
ANOTHER = WRONG.replace("+ 1", "+ 7")


def begun(till: Till) -> Sequence[Task]:
    """Have GitHub looked over for red heads, as every quarter of an hour, and return the mends that are open then."""
    services = till.workshop.services
    repository = services.github.repository(TILL, till.github.installation_id)
    since = time.time() - 86_400
    missed.look(services, repository, till.github.installation_id, defaults(), repository.open_pull_requests, since)
    found = [task for task in services.store.tasks.recent() if task.kind is Kind.FIX_CI]
    return [task for task in found if task.status is not Status.COMPLETED]


@pytest.mark.parametrize("texts", [(SAME,), (ANOTHER, OTHERWISE)], ids=["the same", "others twice"])
def test_a_mend_that_was_given_up_is_not_begun_again(till: Till, texts: tuple[str, ...]) -> None:
    """What is red at the bot's own commit was told of; a quarter of an hour later it is not paid for once more."""
    blind(till)
    owner, number, sha = own(till, WRONG)
    task, row = mend(till, owner, number, sha, *texts)
    assert row.conclusion == Conclusion.ACTION_REQUIRED, row.summary
    paid = till.paid()
    found = begun(till)
    assert [one.about["sha"] for one in found if one.id != task.id] == []
    assert till.paid() == paid


def test_what_a_person_pushes_on_top_is_looked_at(till: Till) -> None:
    """Their commit is another one, and begins anew."""
    blind(till)
    owner, number, sha = own(till, WRONG)
    mend(till, owner, number, sha, SAME)
    theirs = till.push(ANOTHER, branch=f"opus/bg-{owner}")
    [task] = begun(till)
    assert task.about["sha"] == theirs
