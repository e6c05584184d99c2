"""Very many red workflows at once: the work on them is bounded, whoever adds another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.kinds.fix_ci.gathering import MOST_LOGS
from jobs.testing.github import Job
from jobs.types import Mode, Status
from tests.hostile.red import till
from tests.jobs.fix_ci.test_for_nothing import log
from tests.jobs.fix_ci.till import TILL

if TYPE_CHECKING:
    from tests.jobs.fix_ci.till import Till

__all__ = ["till"]

WORKFLOWS = 30
JOBS = 4
MOST_CALLS = 100


def test_many_red_workflows(till: Till) -> None:
    """Thirty workflows with four red jobs each, on this commit and the one before: twenty logs are read."""
    till.github.set_ci(TILL, None)
    for sha in (till.github.branches(TILL)["main"], till.github.commit_file(TILL, "main", "a.md", "a\n")):
        for number in range(WORKFLOWS):
            told = log(f"a{number}.py:1:1: error: Name is not defined  [name-defined]", command="mypy .")
            jobs = [Job(f"job {one}", "failure", log=told) for one in range(JOBS)]
            till.github.run_workflow(TILL, sha, branch="main", name=f"flow {number}", jobs=jobs)
    before = len(till.github.requests)
    task = till.task(till.github.branches(TILL)["main"], mode=Mode.CONSERVATIVE)
    assert till.go(task).status == Status.WAITING
    asked = [one.path for one in till.github.requests[before:]]
    assert sum(path.endswith("/logs") for path in asked) == MOST_LOGS
    assert len(asked) < MOST_CALLS
    assert len(till.diagnosis(task).failures) == MOST_LOGS // JOBS
