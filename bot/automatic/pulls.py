"""Pushes and closed pull requests: what they end, and which of our pull requests conflict with their base now."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from bot.automatic import placing
from bot.automatic.ci import facts_of
from bot.automatic.work import NAMES, Work, active, is_busy, is_ours, look_again, on_behalf, owner_of, refuse, rules
from bot.automatic.work import submit as submit_work
from bot.events import Event
from jobs import policy
from jobs.kinds.fix_ci.deciding import Place
from jobs.types import BRANCH_PREFIX, Actor, Delivery, Kind, Status, Subject

if TYPE_CHECKING:
    import sqlalchemy as sa

    from bot.acting import Actions
    from bot.asks import BaseMoved, PullClosed, Pushed
    from config.repository import RepositoryConfig
    from jobs.github import PullRequestState
    from jobs.types import Task

OWN = "own"
"""The source of deliveries that we send ourselves, to look at something in a while."""
MOVED = "base_moved"
SETTLE_SECONDS = 10.0
"""GitHub finds out in the background what can be merged after a push."""
SETTLE_WAIT = 3.0
MOST_OWN = 500


def closed(actions: Actions, ask: PullClosed) -> None:
    """End the automatic work on a pull request that was merged or closed, unless it is open again."""
    event, store = actions.event, actions.services.store
    tasks = [task for task in store.tasks.active(event.repository, Subject("pull", ask.number)) if task.kind in NAMES]
    owner = owner_of(actions, ask.number)
    waiting = owner if owner is not None and owner.listens and owner.status is Status.QUEUED else None
    if not tasks and waiting is None:
        return
    state = placing.pull_request(actions, ask.number)
    if state is not None and state.state == "open":
        return
    for task in tasks:
        actions.cancel(task.id, ask.words)
    if waiting is not None and waiting.id not in {task.id for task in tasks}:
        _wake(actions, waiting)


def pushed(actions: Actions, ask: Pushed) -> None:
    """End what somebody's newer push made pointless, and have our pull requests into this branch looked at."""
    if not is_ours(actions, actions.event.actor):
        _end_older(actions, ask)
    if ask.sha and not ask.branch.startswith(BRANCH_PREFIX) and own_pulls(actions):
        _look_later(actions, ask)


def _end_older(actions: Actions, ask: Pushed) -> None:
    tasks = [
        task
        for task in active(actions)
        if task.kind is Kind.FIX_CI
        and task.about.get("branch") == ask.branch
        and task.about.get("place") != Place.FORK
        and task.about.get("sha") != ask.sha
    ]
    if not tasks:
        return
    head = actions.repository.branch_sha(ask.branch)
    who = f"@{actions.event.actor.login}"
    words = f"a newer push by {who}" if head else f"the branch `{ask.branch}` was deleted by {who}"
    for task in tasks:
        if task.about.get("sha") == head:
            continue  # this event is older than the task
        if task.listens and task.about.get("place") == Place.DEFAULT:
            _wake(actions, task)  # its work is done: the push may even be the merge of it
        else:
            actions.cancel(task.id, words)


def _wake(actions: Actions, task: Task) -> None:
    """Have a task that listens look at GitHub now."""
    store, now = actions.services.store, time.time()

    def change(connection: sa.Connection) -> None:
        for task_id in store.tasks.heard(connection, task.listens, now):
            actions.wake(task_id)

    actions.change(change)


def own_pulls(actions: Actions) -> frozenset[int]:
    """Return the numbers of the pull requests that we opened in the repository, the newest ones."""
    kept = actions.services.store.records.kept(f"pull:{actions.event.repository.lower()}#", MOST_OWN)
    return frozenset(int(number) for number in kept if number.isdigit())


def _look_later(actions: Actions, ask: Pushed) -> None:
    """Have our pull requests into a branch looked at, when GitHub knows what conflicts."""
    event, later = actions.event, time.time() + SETTLE_SECONDS
    body = {"repository": event.repository, "installation": event.installation_id, "branch": ask.branch}
    delivery = Delivery(f"moved-{event.guid}"[:80], OWN, MOVED, json.dumps(body).encode(), later)
    actions.change(lambda connection: actions.services.store.deliveries.put_off(connection, delivery, later))


def event_of(delivery: Delivery) -> tuple[Event, str]:
    """Return the event and the branch of a delivery that we sent ourselves."""
    body = json.loads(delivery.body)
    actor = Actor(policy.REPOSITORY, body["repository"])
    return Event(MOVED, "", delivery.guid, body["repository"], body["installation"], actor), body["branch"]


def moved(actions: Actions, ask: BaseMoved) -> None:
    """Merge a branch into those of our pull requests that came to conflict with it."""
    own, config = own_pulls(actions), rules(actions)
    if not own or config is None or not config.conflicts:
        return
    for state in actions.repository.open_pull_requests(base=ask.branch):
        if state.number in own:
            check(actions, config, state.number)


def check(actions: Actions, config: RepositoryConfig, number: int) -> None:
    """Start the resolution of a pull request's conflicts, once for each head; in the name of who asked for the work."""
    owner, state = owner_of(actions, number), placing.pull_request(actions, number, settle=SETTLE_WAIT)
    if owner is None or state is None or state.state != "open" or not _is_here(actions, state):
        return
    if state.mergeable is None:
        look_again(actions)
    if state.mergeable is not False:
        return
    work = updating(actions, state, owner)
    tasks = active(actions)
    if actions.services.store.records.value(work.once) is not None:
        return
    if is_busy(tasks, state.branch):
        look_again(actions)
        return
    acting = on_behalf(actions, owner.actor)
    facts = facts_of(acting, config, owner.actor)
    if owner.actor.platform == policy.REPOSITORY:
        decision = policy.within_budget(facts, config, "it goes on with what the repository's own CI asked for")
    else:
        decision = policy.ask(facts, config, "having conflicts resolved")
    if decision.allowed:
        submit_work(acting, work, config, decision)
    else:
        refuse(acting, work, decision)


def _is_here(actions: Actions, state: PullRequestState) -> bool:
    return state.head_repository.lower() == actions.event.repository.lower()


def updating(actions: Actions, state: PullRequestState, owner: Task, *, asked: bool = False) -> Work:
    """Return the merge of the base into a pull request of ours."""
    repository = actions.event.repository.lower()
    return Work(
        kind=Kind.RESOLVE_CONFLICTS,
        subject=Subject("pull", state.number),
        title=f"Merge {state.base} into #{state.number}",
        key=f"{Kind.RESOLVE_CONFLICTS}:{repository}#{state.number}",
        about={"pull": state.number, "asked": asked},
        followed=owner,
        once=f"conflicts:{repository}#{state.number}@{state.head}",
    )
