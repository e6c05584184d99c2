"""How CI stands at a commit now: Actions runs by their workflows, checks of other Apps, statuses, reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.kinds.fix_ci.deciding import Place
from jobs.types import CHECK_NAME, REVIEW_CHECK_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from config.repository import RepositoryConfig
    from jobs.execute import Attempt
    from jobs.github import SuiteCheck, WorkflowRun
    from jobs.kinds.fix_ci.case import Case

RED = frozenset({"failure", "timed_out", "startup_failure"})
RED_STATES, PENDING = frozenset({"failure", "error"}), "pending"
"""What a commit status may be, besides success."""
OURS = frozenset({CHECK_NAME, REVIEW_CHECK_NAME})
ACTIONS = "github-actions"
DONE = "completed"
MOST_RUNS = 100
REPORTED = "ci_report:{repository}@{sha}"
"""Under this key the newest report about a commit from a CI of the operator's own is kept: ``conclusion:guid``."""


@dataclass(frozen=True, slots=True)
class Result:
    """One workflow, check or report at a commit: still going, red, or green."""

    name: str
    going: bool
    red: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """All results at a commit; ``runs`` are the Actions runs behind them, the newest of each workflow and event."""

    results: tuple[Result, ...] = ()
    runs: tuple[WorkflowRun, ...] = ()
    report: str = ""
    """The delivery of a CI of the operator's own that is behind it."""

    @property
    def going(self) -> tuple[str, ...]:
        """The names of what is not finished."""
        return tuple(one.name for one in self.results if one.going)

    @property
    def red(self) -> tuple[str, ...]:
        """The names of what failed."""
        return tuple(one.name for one in self.results if one.red)

    @property
    def green(self) -> tuple[str, ...]:
        """The names of what passed."""
        return tuple(one.name for one in self.results if not one.red and not one.going)

    @property
    def red_runs(self) -> tuple[WorkflowRun, ...]:
        """The Actions runs that failed."""
        return tuple(run for run in self.runs if is_red(run))


def is_red(run: WorkflowRun) -> bool:
    """Tell whether a run has ended and failed."""
    return run.status == DONE and run.conclusion in RED


def standing(attempt: Attempt, case: Case, config: RepositoryConfig) -> Standing:
    """Ask how CI stands at the case's commit now."""
    if case.source == "checks":
        return _checks(attempt, case.sha, config.ci.ignore)
    if case.source == "report":
        return _reported(attempt, case)
    found = attempt.repository.workflow_runs(sha=case.sha, most=MOST_RUNS)
    runs = newest((run for run in found if _is_of(run, attempt.task.repository, case)), config.ci.ignore)
    return Standing(tuple(Result(run.name, run.status != DONE, is_red(run)) for run in runs), runs)


def _is_of(run: WorkflowRun, repository: str, case: Case) -> bool:
    """Tell whether a run speaks of the case: a stranger's fork can have the same commit, and runs of its own."""
    return is_from(run, repository) is not (case.place is Place.FORK)


def is_from(run: WorkflowRun, repository: str) -> bool:
    """Tell whether what a run judges is in a repository; where that is gone its name is empty."""
    return run.head_repository.lower() == repository.lower()


def newest(runs: Iterable[WorkflowRun], ignored: Sequence[str] = ()) -> tuple[WorkflowRun, ...]:
    """Return the newest run of each workflow and event; cancelled and skipped ones say nothing and are left out."""
    left_alone = {name.casefold() for name in ignored}
    found: dict[tuple[int, str], WorkflowRun] = {}
    for run in sorted(runs, key=lambda one: one.id, reverse=True):
        if run.name.casefold() not in left_alone:
            found.setdefault((run.workflow_id, run.event), run)
    return tuple(
        run for run in found.values() if run.status != DONE or run.conclusion not in {"skipped", "cancelled", "stale"}
    )


def _checks(attempt: Attempt, sha: str, ignored: Sequence[str]) -> Standing:
    """Read the checks of all Apps but ours and Actions, whose runs are looked at by themselves, and the statuses."""
    left_alone = {name.casefold() for name in ignored}
    results = [
        *(Result(one.name, one.status != DONE, one.conclusion in RED) for one in checks_of_others(attempt, sha)),
        *(
            Result(one.context, one.state == PENDING, one.state in RED_STATES)
            for one in attempt.repository.statuses_at(sha)
        ),
    ]
    return Standing(tuple(one for one in results if one.name.casefold() not in left_alone))


def checks_of_others(attempt: Attempt, sha: str) -> list[SuiteCheck]:
    """Return the checks of all Apps at a commit but ours and Actions."""
    return [one for one in attempt.repository.checks_at(sha) if one.name not in OURS and one.app != ACTIONS]


def _reported(attempt: Attempt, case: Case) -> Standing:
    """Read the newest report about a commit; the one that the task began with stands until there is another."""
    key = REPORTED.format(repository=attempt.task.repository.lower(), sha=case.sha)
    conclusion, _, guid = (attempt.services.store.records.value(key) or f"failure:{case.report}").partition(":")
    if not guid:
        return Standing()
    return Standing((Result(case.workflow or "CI", going=False, red=conclusion != "success"),), report=guid)
