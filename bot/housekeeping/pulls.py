"""Pull requests as they stand now: work on those that were merged or closed ends, and ours that we lost are found."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from bot.acting import Actions
from bot.asks import PullClosed
from bot.automatic import placing, pulls
from bot.automatic.work import settle
from bot.events import Event
from bot.housekeeping import branches
from jobs.kinds.base import pull_key
from jobs.notify import PULL_REQUEST
from jobs.store import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.github import PullRequestState, Repository
    from jobs.services import Services
    from jobs.types import Task

RECONCILE = "reconcile"
LOST_SECONDS = 30 * 86400.0
"""How long after its end a task may be found to have left something on GitHub."""

log = logging.getLogger(__name__)


def compare(
    services: Services,
    repository: Repository,
    installation_id: int,
    listed: Callable[[], Sequence[PullRequestState]],
) -> None:
    """Compare the pull requests that tasks are about, or may have left behind; ``listed`` gives the open ones."""
    store, name = services.store, repository.full_name
    lost = {task.own_branch: task for task in store.tasks.unpublished(name, time.time() - LOST_SECONDS)}
    if lost:
        for state in listed():
            _adopt(services, repository, state, lost.get(state.branch))
        branches.sweep(services, repository, store.tasks.unpublished(name, time.time() - LOST_SECONDS))
    tasks = store.tasks.open_in(installation_id=installation_id, repositories=[name])
    concerned = {number for task in tasks for number in _pulls_of(services, task)}
    if not concerned:
        return
    for number in sorted(concerned - {state.number for state in listed()}):
        _end(Actions(services, Event(RECONCILE, "", RECONCILE, name, installation_id)), number)


def _pulls_of(services: Services, task: Task) -> set[int]:
    """Return the pull requests that a task is about, or whose CI it waits for."""
    place = services.store.records.place(task.id, PULL_REQUEST)
    own = {int(place.external_id)} if place is not None and place.external_id.isdigit() else set[int]()
    return own | ({task.subject.number} if task.subject.kind == "pull" else set())


def _end(actions: Actions, number: int) -> None:
    """Do what the event would have done that told of the end of a pull request."""
    state = placing.pull_request(actions, number)
    how = "is gone" if state is None else f"was {state.state}"
    pulls.closed(actions, PullClosed(number, f"the pull request {how}"))
    settle(actions)


def _adopt(services: Services, repository: Repository, state: PullRequestState, task: Task | None) -> None:
    """Take up an open pull request of ours that its task does not know of: who opened it died before that was kept."""
    records, name = services.store.records, repository.full_name
    if task is None or state.head_repository.lower() != name.lower():
        return
    key = pull_key(name, state.number)
    if records.value(key) is not None or state.author != services.github.bot_user()[0]:
        return
    log.warning("the pull request %s of task %s was opened and never written down", state.url, task.id)
    records.save_place(task.id, PULL_REQUEST, Place(str(state.number), state.url, ""))
    records.keep(key, task.id, time.time())
    services.store.tasks.tell_again(task.id)
    services.waker.task(task.id)
