"""Branches of ours that nobody is told of: who pushed them died before the pull request, and the task ended since."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from jobs.scope import acting, of_task
from jobs.types import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobs.github import Repository
    from jobs.services import Services
    from jobs.types import Task

REST_SECONDS = 3600.0
"""So long after its end a task may still be retried or gone on with."""
LOOKED = "branch-looked:"

log = logging.getLogger(__name__)


def sweep(services: Services, repository: Repository, ended: Iterable[Task]) -> None:
    """Delete the branches of ended tasks that have no pull request, where that takes nothing from anybody."""
    records, now = services.store.records, time.time()
    for task in ended:
        key = f"{LOOKED}{task.id}"
        if now - (task.completed_at or now) < REST_SECONDS or records.value(key) is not None:
            continue
        with acting(of_task(task)):
            if _is_orphan(services, repository, task):
                log.warning("the branch %s is deleted: its task ended and tells of none", task.own_branch)
                repository.delete_branch(task.own_branch)
        records.keep(key, "", now)


def _is_orphan(services: Services, repository: Repository, task: Task) -> bool:
    """Tell whether a task's own branch is there, holds just the task's commit, and is named nowhere."""
    row = services.store.tasks.row(task.id)
    told = row.summary + str(row.outcome or "")
    if (
        task.status is not Status.COMPLETED
        or task.own_branch in told
        or services.store.tasks.on_branch(task.own_branch)
    ):
        return False
    head = repository.branch_sha(task.own_branch)
    if head is None or repository.find_pull_request(task.own_branch) is not None:
        return False
    email, message = repository.commit_words(head)
    return email == services.github.bot_user()[1] and f"Task {task.id}" in message.splitlines()
