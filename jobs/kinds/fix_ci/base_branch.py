"""The task for a base branch that is red: one for the branch, whichever pull requests meet it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jobs.kinds.fix_ci.case import Case, seen_key
from jobs.kinds.fix_ci.deciding import Place
from jobs.types import Decision, Kind, Subject, TaskRequest

if TYPE_CHECKING:
    from config.repository import RepositoryConfig
    from jobs.execute import Attempt
    from jobs.kinds.fix_ci.history import BaseRun


def see_to_base(attempt: Attempt, config: RepositoryConfig, base: BaseRun) -> str:
    """Have the base branch worked on, once for each of its commits, and return the id of the task that does it."""
    store, task, now = attempt.services.store, attempt.task, time.time()
    key = seen_key(task.repository, base.sha)
    known = store.records.value(key)
    if known is not None:
        return known
    with store.write() as connection:
        store.tasks.hold(connection, task.id, task.attempt)
        made, created = store.tasks.submit(connection, _request(attempt, config, base), now)
        store.records.once(connection, key, now, made.id)
        if created:
            reason = f"the base branch of pull request {task.subject} fails in the same way; found by task {task.id}"
            decision = Decision(allowed=True, reason=reason, limits=task.limits)
            subject = f"{task.repository.lower()} {made.subject}"
            store.records.decided(connection, task.actor, "start", subject, decision, now, made.id)
    attempt.services.waker.task(made.id)
    return made.id


def _request(attempt: Attempt, config: RepositoryConfig, base: BaseRun) -> TaskRequest:
    task = attempt.task
    case = Case(base.sha, base.branch, Place.DEFAULT, run=base.run, workflow=base.workflow)
    return TaskRequest(
        kind=Kind.FIX_CI,
        repository=task.repository,
        installation_id=task.installation_id,
        subject=Subject("ci"),
        title=case.title,
        text="",
        actor=task.actor,
        mode=task.mode,
        limits=task.limits,
        at_once=(config.limits.tasks.repository, config.limits.tasks.actor),
        key=case.key(task.repository),
        base=base.branch,
        about=case.dump(),
    )
