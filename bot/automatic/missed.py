"""What no event told of: red heads, conflicts and reviews of our pull requests, commits to review; few calls each."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from bot.acting import Actions
from bot.automatic import ci, missed_reviews, pulls
from bot.automatic.work import account_of, active, is_busy, owner_of, settle
from bot.events import Event, Run
from jobs.kinds.fix_ci.case import seen_key
from jobs.kinds.fix_ci.ci import RED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from config.repository import RepositoryConfig
    from jobs.github import PullRequestState, Repository, WorkflowRun
    from jobs.services import Services

MISSED_SECONDS = 86_400.0
"""What is older than this is left alone: it was there before the App was, or somebody knows of it."""
LONGEST_ABSENCE = 29 * 86_400.0
"""After a longer one nobody waits any more; that something was seen to is kept a little longer than this."""
MOST_RUNS = 50
MOST_PULLS = 20
MOST_OTHERS = 200
"""Of most nothing is asked: what is listed tells that nothing happened to them, or that they were reviewed."""
RECONCILE = "reconcile"


def since(compared: float, now: float) -> float:
    """Return from when on things are looked for: a day ago, or from the last comparison where that was earlier."""
    return max(now - LONGEST_ABSENCE, (compared or now) - MISSED_SECONDS)


def look(
    services: Services,
    repository: Repository,
    installation_id: int,
    config: RepositoryConfig,
    listed: Callable[[], Sequence[PullRequestState]],
    since: float,
) -> None:
    """Start what lost events would have started in a repository since a time; ``listed`` gives its open pulls."""
    actions = _actions(services, repository, installation_id)
    if config.ci.default_branch:
        branch = repository.default_branch()
        _red(actions, [run for run in _newest(repository, branch=branch) if run.event != "pull_request"], since)
    own = pulls.own_pulls(actions) if config.ci.own or config.conflicts or config.reviews.address else frozenset()
    if not own and not config.reviews.automatic:
        return
    states = listed()
    for state in islice((one for one in states if one.number in own), MOST_PULLS):
        _own(services, repository, installation_id, config, state, since)
    if config.reviews.automatic:
        ours = pulls.own_pulls(actions)
        for state in islice((one for one in states if one.number not in ours), MOST_OTHERS):
            missed_reviews.wanted(actions, config, state, since)


def _own(
    services: Services,
    repository: Repository,
    installation_id: int,
    config: RepositoryConfig,
    state: PullRequestState,
    since: float,
) -> None:
    """See to one pull request of ours; one at which somebody works is left to them."""
    actions = _actions(services, repository, installation_id)
    if is_busy(active(actions), state.branch):
        return
    if config.ci.own and not _is_seen(actions, state.head):
        _red(actions, _newest(repository, sha=state.head), since)
    if config.conflicts:
        acting = _actions(services, repository, installation_id)
        pulls.check(acting, config, state.number)
        settle(acting)
    owner = owner_of(actions, state.number)
    if config.reviews.address and owner is not None:
        missed_reviews.given(actions, state.number, owner, since)


def _newest(repository: Repository, *, branch: str = "", sha: str = "") -> list[WorkflowRun]:
    """Return the newest completed run of each workflow."""
    found: dict[int, WorkflowRun] = {}
    for run in repository.workflow_runs(branch=branch, sha=sha, status="completed", most=MOST_RUNS):
        found.setdefault(run.workflow_id, run)
    return list(found.values())


def _red(actions: Actions, runs: list[WorkflowRun], since: float) -> None:
    """Start the mending of those runs that are red, not too old, and not seen to yet."""
    for run in runs:
        if run.conclusion not in RED or run.updated_at < since or _is_seen(actions, run.sha):
            continue
        acting = Actions(actions.services, replace(actions.event, guid=f"{RECONCILE}-{run.id}-{run.attempt}"))
        ci.start(acting, "actions", _as_run(acting, run))
        settle(acting)


def _is_seen(actions: Actions, sha: str) -> bool:
    return actions.services.store.records.value(seen_key(actions.event.repository, sha)) is not None


def _as_run(actions: Actions, run: WorkflowRun) -> Run:
    return Run(
        id=run.id,
        suite=run.suite_id,
        sha=run.sha,
        branch=run.branch,
        head_repository=run.head_repository,
        workflow=run.name,
        conclusion=run.conclusion,
        event=run.event,
        actor=account_of(actions, run.triggering_actor or run.actor),
        pulls=run.pulls,
    )


def _actions(services: Services, repository: Repository, installation_id: int) -> Actions:
    event = Event(RECONCILE, "", RECONCILE, repository.full_name, installation_id)
    return Actions(services, event)
