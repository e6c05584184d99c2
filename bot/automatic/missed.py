"""What no event told of: red default branches, red heads and conflicts of our own pull requests; few calls each."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.acting import Actions
from bot.automatic import ci, pulls
from bot.automatic.work import active, is_busy
from bot.events import NOBODY, Event, Run
from jobs.types import Actor

if TYPE_CHECKING:
    from config.repository import RepositoryConfig
    from jobs.github import PullRequestState, Repository, WorkflowRun
    from jobs.services import Services

MISSED_SECONDS = 86_400.0
"""A run older than this is left alone: it was red before the App was there, or somebody knows of it."""
MOST_RUNS = 50
MOST_PULLS = 20
RECONCILE = "reconcile"


def look(services: Services, repository: Repository, installation_id: int, config: RepositoryConfig) -> None:
    """Start what lost events would have started in a repository."""
    actions = _actions(services, repository, installation_id)
    if config.ci.default_branch:
        branch = repository.default_branch()
        _red(actions, [run for run in _newest(repository, branch=branch) if run.event != "pull_request"])
    own = pulls.own_pulls(actions)
    if not own or not (config.ci.own or config.conflicts):
        return
    found = (state for state in repository.open_pull_requests() if state.number in own)
    for state, _ in zip(found, range(MOST_PULLS), strict=False):
        _own(services, repository, installation_id, config, state)


def _own(
    services: Services,
    repository: Repository,
    installation_id: int,
    config: RepositoryConfig,
    state: PullRequestState,
) -> None:
    """See to one pull request of ours; one at which somebody works is left to them."""
    actions = _actions(services, repository, installation_id)
    if is_busy(active(actions), state.branch):
        return
    if config.ci.own and not _is_seen(actions, state.head):
        _red(actions, _newest(repository, sha=state.head))
    if config.conflicts:
        acting = _actions(services, repository, installation_id)
        pulls.check(acting, config, state.number)
        _commit(acting)


def _newest(repository: Repository, *, branch: str = "", sha: str = "") -> list[WorkflowRun]:
    """Return the newest completed run of each workflow."""
    found: dict[int, WorkflowRun] = {}
    for run in repository.workflow_runs(branch=branch, sha=sha, status="completed", most=MOST_RUNS):
        found.setdefault(run.workflow_id, run)
    return list(found.values())


def _red(actions: Actions, runs: list[WorkflowRun]) -> None:
    """Start the mending of those runs that are red, not too old, and not seen to yet."""
    for run in runs:
        late = time.time() - run.updated_at > MISSED_SECONDS
        if run.conclusion not in ci.RED or late or _is_seen(actions, run.sha):
            continue
        acting = Actions(actions.services, replace(actions.event, guid=f"{RECONCILE}-{run.id}-{run.attempt}"))
        ci.start(acting, "actions", _as_run(acting, run))
        _commit(acting)


def _is_seen(actions: Actions, sha: str) -> bool:
    return actions.services.store.records.value(ci.seen_key(actions.event.repository, sha)) is not None


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
        actor=_account(actions, run.triggering_actor or run.actor),
        pulls=run.pulls,
    )


def _account(actions: Actions, login: str) -> Actor:
    """Return the account of a login; bots are known by their name."""
    if not login:
        return NOBODY
    if login.endswith("[bot]"):
        return Actor("github", "0", login, is_bot=True)
    found = actions.repository.standing(login)[1]
    return Actor("github", found or "0", login)


def _actions(services: Services, repository: Repository, installation_id: int) -> Actions:
    event = Event(RECONCILE, "", RECONCILE, repository.full_name, installation_id)
    return Actions(services, event)


def _commit(actions: Actions) -> None:
    with actions.services.store.write() as connection:
        actions.commit(connection)
    actions.follow_up()
