"""A green mend of the default branch is merged, where mode and repository want that and nothing is missing."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from jobs import merging
from jobs.budget import spent_today
from jobs.kinds.fix_ci.deciding import Place
from jobs.kinds.rights import facts_of
from jobs.notify import PULL_REQUEST, merged_key
from jobs.types import Mode, Outcome

if TYPE_CHECKING:
    from config.repository import RepositoryConfig
    from jobs.execute import Attempt
    from jobs.kinds.fix_ci.case import Case
    from jobs.policy import Facts

DONE = {
    "status": "completed",
    "conclusion": "success",
    "output": {"title": "CI is green", "summary": "The mend passed in CI and is merged if nothing else is missing."},
}


def merged(attempt: Attempt, config: RepositoryConfig, case: Case, sha: str, outcome: Outcome) -> Outcome:
    """Merge the mend's pull request for who asked for the task, or say what is missing."""
    task, records = attempt.task, attempt.services.store.records
    place = records.place(task.id, PULL_REQUEST)
    wanted = task.mode is Mode.AGGRESSIVE and config.ci.merge and case.place is Place.DEFAULT
    if not wanted or place is None or outcome.draft_reason:
        return outcome
    attempt.lease.check()
    attempt.teller.finish_check(sha, DONE)  # a merge would else wait for the task that makes it
    done = merging.merge(attempt.repository, int(place.external_id), config, _facts(attempt, config))
    if not done.allowed:
        words = f"It is not merged: {done.reason}. {done.cure}".strip()
        return replace(outcome, summary=f"{outcome.summary}\n\n{words}")
    with attempt.services.store.write() as connection:
        records.once(connection, merged_key(task.id), time.time(), done.reason)
    return replace(outcome, summary=f"Merged: {done.reason}.\n\n{outcome.summary}")


def _facts(attempt: Attempt, config: RepositoryConfig) -> Facts:
    """Ask GitHub what the one who asked for the task may do now."""
    task, services = attempt.task, attempt.services
    return replace(facts_of(attempt, config), spent_today=spent_today(services.store, task.repository, time.time()))
