"""What was before a red run: whether it was ever green, how the base branch stands, and what changed since."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jobs.kinds.fix_ci import ci, counting, gathering
from jobs.kinds.fix_ci.deciding import Place
from jobs.types import History, Reading, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from config.repository import RepositoryConfig
    from jobs.execute import Attempt
    from jobs.github import WorkflowRun
    from jobs.kinds.fix_ci.case import Case
    from jobs.types import Change

MOST_RUNS = 50
MOST_CHANGES = 50
MOST_ATTEMPTS = 3
GREEN = "success"


@dataclass(frozen=True, slots=True)
class BaseRun:
    """The newest finished run of the same workflow on the base branch, which is red as well."""

    branch: str
    sha: str
    run: int
    workflow: str


def history(
    attempt: Attempt, case: Case, config: RepositoryConfig, reading: Reading, red: Iterable[WorkflowRun]
) -> tuple[History, BaseRun | None]:
    """Find out what was before; what GitHub does not tell is left empty."""
    signatures = [failure.signature for failure in reading.failures]
    known = History(reruns=counting.reruns_of(attempt, case.sha), known_flaky=counting.known_flaky(attempt, signatures))
    runs = tuple(red)
    if not runs:
        return known, None
    base = _base_branch(attempt, case)
    base_run = _base_run(attempt, base, runs, config) if base else None
    known = replace(
        known,
        passed_on_commit=all(_passed_before(attempt, run) for run in runs),
        base_signatures=_signatures(attempt, base_run) if base_run is not None else frozenset(),
    )
    green, changes = _since_green(attempt, case, base, runs[0])
    failing = None if base_run is None else BaseRun(base, base_run.sha, base_run.id, base_run.name)
    return replace(known, green=green, changes=changes), failing


def _base_branch(attempt: Attempt, case: Case) -> str:
    """Return the branch that a pull request goes to; empty for the default branch itself."""
    if case.place is Place.DEFAULT or not case.pull:
        return ""
    return attempt.repository.pull_request(case.pull).base


def _passed_before(attempt: Attempt, run: WorkflowRun) -> bool:
    """Tell whether the workflow was green on the same commit: in another run, or in an earlier attempt at this one."""
    repository = attempt.repository
    others = repository.workflow_runs(sha=run.sha, most=MOST_RUNS)
    if any(_is_alike(one, run) and one.conclusion == GREEN for one in others):
        return True
    earlier = range(run.attempt - 1, max(0, run.attempt - 1 - MOST_ATTEMPTS), -1)
    return any(_all_green(attempt, run.id, number) for number in earlier)


def _is_alike(one: WorkflowRun, other: WorkflowRun) -> bool:
    """Tell whether two runs judge the same: that of a pull request judges its merge into the base, a fork's its own."""
    alike = one.workflow_id == other.workflow_id and _is_its_own(one) == _is_its_own(other)
    return alike and ci.is_from(one, other.head_repository)


def _all_green(attempt: Attempt, run_id: int, number: int) -> bool:
    jobs = attempt.repository.jobs_of(run_id, number)
    return bool(jobs) and all(job.conclusion in {GREEN, "skipped", "neutral"} for job in jobs)


def _base_run(
    attempt: Attempt, base: str, red: tuple[WorkflowRun, ...], config: RepositoryConfig
) -> WorkflowRun | None:
    """Return the newest finished run of one of the red workflows on the base branch, where that is red."""
    wanted = {run.workflow_id for run in red}
    found = attempt.repository.workflow_runs(branch=base, status=ci.DONE, most=MOST_RUNS)
    on_base = [run for run in found if run.branch == base and run.workflow_id in wanted and _is_its_own(run)]
    newest = ci.newest(on_base, config.ci.ignore)
    return next((run for run in newest if ci.is_red(run)), None)


def _is_its_own(run: WorkflowRun) -> bool:
    """Tell whether a run is about the branch itself: a pull request may come from a branch of the same name."""
    return run.event not in {"pull_request", "pull_request_target"}


def _signatures(attempt: Attempt, run: WorkflowRun) -> frozenset[str]:
    reading = gathering.of_runs(attempt, [run])
    return frozenset(failure.signature for failure in reading.failures)


def _since_green(attempt: Attempt, case: Case, base: str, run: WorkflowRun) -> tuple[str, tuple[Change, ...]]:
    """Return the last green commit of the workflow before this one, and the commits since then, oldest first."""
    repository = attempt.repository
    for branch in dict.fromkeys(filter(None, (case.branch, base))):
        home = run.head_repository if branch == case.branch else attempt.task.repository
        for one in repository.workflow_runs(branch=branch, workflow_id=run.workflow_id, most=MOST_RUNS):
            older = one.id < run.id and one.sha != case.sha
            if older and one.conclusion == GREEN and one.branch == branch and ci.is_from(one, home):
                return one.sha, _changes(attempt, one.sha, case.sha)
    return "", _changes(attempt, base, case.sha) if base else ()


def _changes(attempt: Attempt, green: str, sha: str) -> tuple[Change, ...]:
    try:
        return attempt.repository.changes_between(green, sha, most=MOST_CHANGES)
    except UserError:  # the branch was rewritten since, or the commit is a fork's
        return ()
