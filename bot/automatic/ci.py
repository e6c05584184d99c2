"""A CI run has ended: whoever listens for it goes on, and a red one starts the mending where that is wanted."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bot import starting
from bot.automatic import placing
from bot.automatic.work import (
    LONGEST_BRANCH,
    Work,
    account_of,
    active,
    is_busy,
    is_ours,
    leave,
    look_again,
    on_behalf,
    refuse,
    rules,
    submit,
)
from jobs import policy
from jobs.kinds.fix_ci.case import Case, event_of, seen_key
from jobs.kinds.fix_ci.ci import RED
from jobs.kinds.fix_ci.counting import LEFT
from jobs.kinds.fix_ci.deciding import Place
from jobs.types import Actor, Decision, Kind, Subject

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from bot.acting import Actions
    from bot.asks import CiEnded
    from bot.automatic.placing import Spot
    from bot.events import Run
    from config.repository import RepositoryConfig
    from jobs.types import Task

CODE_EVENTS = frozenset({"", "push", "pull_request", "schedule", "workflow_dispatch", "repository_dispatch"})
"""What runs that judge code are started by. Strangers start others, by a comment, say, and those judge something else.

https://docs.github.com/actions/reference/events-that-trigger-workflows
"""
SWITCHES = {
    Place.DEFAULT: "ci.default_branch",
    Place.OWN: "ci.own",
    Place.OTHER: "ci.others",
    Place.FORK: "ci.others",
}


def ended(actions: Actions, ask: CiEnded) -> None:
    """Wake who listens for a commit's CI; where it is red and nobody does, see whether it is to be mended."""
    run = ask.run
    if _is_our_own(actions, ask):
        return
    hear(actions, run.sha)
    told = told_key(actions.event.repository, run) if _is_status(ask.source, run) else ""
    if run.conclusion in RED and not (told and actions.services.store.records.value(told) is not None):
        start(actions, ask.source, run)


def _is_our_own(actions: Actions, ask: CiEnded) -> bool:
    """Tell whether we ourselves reported it: the suite of our checks, or a commit status."""
    run = ask.run
    if run.app_id:
        return run.app_id == actions.services.settings.github_app_id
    return _is_status(ask.source, run) and is_ours(actions, run.actor)


def _is_status(source: str, run: Run) -> bool:
    return source == "checks" and not run.suite


def hear(actions: Actions, sha: str) -> None:
    """Have the tasks go on that wait for the CI of a commit."""
    event, now = event_of(actions.event.repository, sha), time.time()

    def change(connection: sa.Connection) -> None:
        for task_id in actions.services.store.tasks.heard(connection, event, now):
            actions.wake(task_id)

    actions.change(change)


def told_key(repository: str, run: Run) -> str:
    """Return the key under which it is kept that a red status was acted on: services set the same one many times."""
    context = hashlib.sha256(run.workflow.encode()).hexdigest()[:16]
    return f"{seen_key(repository, run.sha)}/{context}"


def start(actions: Actions, source: str, run: Run) -> None:
    """Start the mending of a red commit, when it is the newest of its branch and the rules and the person allow it."""
    tasks = active(actions)
    if any(task.listens == event_of(actions.event.repository, run.sha) for task in tasks):
        return
    config = rules(actions)
    spot = placing.find(actions, run, config) if config and run.event in CODE_EVENTS else None
    if config is not None and (spot is None or spot.owner is None) and is_busy(tasks, run.branch):
        look_again(actions)  # CI was quicker than the task that pushed and opens its pull request now
        return
    if config is None or spot is None or len(spot.branch) > LONGEST_BRANCH:
        return
    work = work_of(actions, spot, source, run)
    if reason := _left_alone(actions, config, spot, run):
        leave(actions, work, reason)
        _remember(actions, source, run)
    elif _is_under_way(tasks, spot, run):
        return
    elif _waits(tasks, spot):
        look_again(actions)
    else:
        _begin(actions, work, config, spot, _whose(actions, spot, source, run))
        _remember(actions, source, run)


def _remember(actions: Actions, source: str, run: Run) -> None:
    """Keep that a red status was acted on."""
    store, now = actions.services.store, time.time()
    if _is_status(source, run):
        key = told_key(actions.event.repository, run)
        actions.change(lambda connection: store.records.once(connection, key, now))


def _whose(actions: Actions, spot: Spot, source: str, run: Run) -> Run:
    """Return a run with who is behind it: a status is set by whoever runs the service, and says nothing of that."""
    if not _is_status(source, run) or spot.place not in {Place.OTHER, Place.FORK}:
        return run
    return replace(run, actor=account_of(actions, spot.author))


def work_of(actions: Actions, spot: Spot, source: str, run: Run, *, asked: bool = False) -> Work:
    """Return the work on a red commit."""
    repository = actions.event.repository
    case = Case(
        sha=run.sha,
        branch=spot.branch,
        place=spot.place,
        source=source,
        pull=spot.pull,
        run=run.id,
        suite=run.suite,
        report=run.report,
        workflow=run.workflow,
        asked=asked,
    )
    return Work(
        kind=Kind.FIX_CI,
        subject=Subject("pull", spot.pull) if spot.pull else Subject("ci"),
        title=case.title,
        key=case.key(repository),
        about=case.dump(),
        followed=spot.owner,
        base=spot.branch if spot.place in {Place.DEFAULT, Place.OTHER} else "",
        once=seen_key(repository, run.sha),
    )


def _left_alone(actions: Actions, config: RepositoryConfig, spot: Spot, run: Run) -> str:
    """Return why a red run is left alone, by the repository's file or since a mend was given up there, or nothing."""
    left = LEFT.format(repository=actions.event.repository.lower(), sha=run.sha)
    if actions.services.store.records.value(left) is not None:
        return "a mend was taken back or given up there, and people were told; `/opus fix` asks for another"
    switch = SWITCHES[spot.place]
    if not getattr(config.ci, switch.partition(".")[2]):
        return f"`{switch}` is off in `.github/opus67.yml`"
    if run.workflow.lower() in {name.lower() for name in config.ci.ignore}:
        return "the workflow is named in `ci.ignore`"
    return ""


def _lane(task: Task) -> tuple[str, int]:
    """Return what a task about CI is alone with: a branch of ours, or the pull request of a fork."""
    fork = task.about.get("place") == Place.FORK
    return ("", task.about.get("pull", 0)) if fork else (str(task.about.get("branch", "")), 0)


def _rivals(tasks: Sequence[Task], spot: Spot) -> list[Task]:
    lane = ("", spot.pull) if spot.place == Place.FORK else (spot.branch, 0)
    return [task for task in tasks if task.kind is Kind.FIX_CI and _lane(task) == lane]


def _is_under_way(tasks: Sequence[Task], spot: Spot, run: Run) -> bool:
    """Tell whether a task is at work on this very commit: it looks at all of its runs."""
    return any(task.about.get("sha") == run.sha and not task.cancel for task in _rivals(tasks, spot))


def _waits(tasks: Sequence[Task], spot: Spot) -> bool:
    """Tell whether something about an older commit ends first, or something newer is about to be pushed."""
    return bool(_rivals(tasks, spot)) or (spot.place == Place.OWN and is_busy(tasks, spot.branch))


def _begin(actions: Actions, work: Work, config: RepositoryConfig, spot: Spot, run: Run) -> None:
    actor, decision = _decide(actions, config, spot, run)
    acting = on_behalf(actions, actor)
    if decision.allowed:
        submit(acting, work, config, decision)
    elif spot.place == Place.OWN:
        refuse(acting, work, decision)
    else:
        refuse(acting, work, replace(decision, silent=True))


def _decide(actions: Actions, config: RepositoryConfig, spot: Spot, run: Run) -> tuple[Actor, Decision]:
    """Return in whose name a red run is worked on, and whether that may be."""
    repository = Actor(policy.REPOSITORY, actions.event.repository)
    actor = run.actor if spot.owner is None else spot.owner.actor
    if spot.place != Place.OWN and is_ours(actions, actor):
        return actor, Decision(allowed=False, reason="the bot itself had this run made", silent=True)
    facts = facts_of(actions, config, actor)
    if spot.place == Place.DEFAULT:
        unknown = not actor.login or (actor.is_bot and not policy.person(facts, config, "").allowed)
        who = "the repository itself" if unknown else f"@{actor.login}"
        started = f", and {actor.login} started the run" if unknown and actor.login else ""
        reason = f"CI is red on `{spot.branch}`: on behalf of {who}{started}"
        chosen = repository if unknown else actor
        return chosen, policy.within_budget(facts, config, reason)
    if actor.platform == policy.REPOSITORY:
        return actor, policy.within_budget(facts, config, "it goes on with what the repository's own CI asked for")
    return actor, policy.ask(facts, config, "having CI mended")


def facts_of(actions: Actions, config: RepositoryConfig, actor: Actor) -> policy.Facts:
    """Find out what somebody may do now."""
    acting = on_behalf(actions, actor)
    return starting.facts_of(acting, config, starting.permission_of(acting))
