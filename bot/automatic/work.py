"""What automatic work is asked for with: the repository's rules, and the request with its decision."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot import starting
from bot.acting import Actions
from bot.events import NOBODY
from config import repository as repository_file
from config.errors import RepositoryConfigError
from jobs.kinds.base import joined_event, pull_key
from jobs.text.cleaning import clean
from jobs.types import Actor, Decision, Delivery, Kind, Mode, Status, TaskRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from config.repository import RepositoryConfig
    from jobs.types import Subject, Task

NAMES = {
    Kind.FIX_CI: "fix",
    Kind.ADDRESS_REVIEW: "address",
    Kind.REVIEW_PULL_REQUEST: "review",
    Kind.RESOLVE_CONFLICTS: "update",
}
"""The kinds that may begin unasked, with the command by which people ask for the same."""
LONGEST_BRANCH = 140
LONGEST_TITLE = 200
_AGAIN = re.compile(r"(.+)-again-([0-9])")
"""The number of a delivery that is acted on once more, and how often that was."""
MOST_AGAIN = 5
AGAIN_SECONDS = 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done; ``key`` is what it is alone with, ``once`` what is kept when it was started.

    ``followed`` is the task whose pull request it goes on with, ``base`` the branch that it starts from.
    """

    kind: Kind
    subject: Subject
    title: str
    key: str
    about: Mapping[str, Any]
    followed: Task | None = None
    base: str = ""
    once: str = ""


def rules(actions: Actions) -> RepositoryConfig | None:
    """Return what the repository decides for itself; None where its file has a mistake: nothing begins then."""
    try:
        return starting.read_config(actions.repository.read_file(repository_file.PATH))
    except RepositoryConfigError as error:
        log.info("nothing begins by itself in %s: %s", actions.event.repository, error)
        return None


def on_behalf(actions: Actions, actor: Actor) -> Actions:
    """Return the same transaction's actions in somebody else's name."""
    event = replace(actions.event, actor=actor, app_id=None)
    return Actions(
        actions.services, event, actions.commits, actions.follow_ups, actions.started, actions.place, actions.again
    )


def is_ours(actions: Actions, actor: Actor) -> bool:
    """Tell whether somebody is the bot itself."""
    return actor.is_bot and actor.login == actions.services.github.bot_user()[0]


def account_of(actions: Actions, login: str) -> Actor:
    """Return the account of a login; bots are known by their name."""
    if not login:
        return NOBODY
    if login.endswith("[bot]"):
        return Actor("github", "0", login, is_bot=True)
    found = actions.repository.standing(login)[1]
    return Actor("github", found or "0", login)


def owner_of(actions: Actions, number: int) -> Task | None:
    """Return the task that opened a pull request, or the last one that went on with it; None where it is not ours."""
    task_id = actions.services.store.records.value(pull_key(actions.event.repository, number))
    return actions.services.store.tasks.get(task_id) if task_id else None


def active(actions: Actions) -> Sequence[Task]:
    """Return the repository's tasks that are not completed."""
    event = actions.event
    return actions.services.store.tasks.open_in(installation_id=event.installation_id, repositories=[event.repository])


def is_busy(tasks: Sequence[Task], branch: str) -> bool:
    """Tell whether a task is about to push to a branch: what is judged there now is judged anew then."""
    working = (Status.QUEUED, Status.IN_PROGRESS)
    return any(task.branch == branch and task.status in working and not task.listens for task in tasks)


def look_again(actions: Actions) -> None:
    """Have the same event acted on once more in a while, a few times; after that the comparison finds it."""
    before = _AGAIN.fullmatch(actions.event.guid)
    guid, number = (before[1], int(before[2]) + 1) if before else (actions.event.guid, 1)
    stored = actions.services.store.deliveries.read(actions.event.guid)
    if stored is None or number > MOST_AGAIN or actions.again:
        return
    actions.again = True
    later = time.time() + AGAIN_SECONDS
    copy = Delivery(f"{guid}-again-{number}", stored.source, stored.event, stored.body, later)
    actions.change(lambda connection: actions.services.store.deliveries.put_off(connection, copy, later))


def request_of(actions: Actions, work: Work, config: RepositoryConfig, decision: Decision) -> TaskRequest:
    """Build the request; what strangers named, such as a workflow, is made safe here."""
    event, title = actions.event, clean(work.title)
    return TaskRequest(
        kind=work.kind,
        repository=event.repository,
        installation_id=event.installation_id,
        subject=work.subject,
        title=" ".join(title.text.split())[:LONGEST_TITLE],
        text="",
        actor=event.actor,
        mode=Mode(config.mode or actions.services.settings.mode),
        limits=decision.limits,
        delivery=event.guid,
        removed=title.removed,
        at_once=(config.limits.tasks.repository, config.limits.tasks.actor),
        key=work.key,
        follows=work.followed.id if work.followed else "",
        onto=work.followed.branch if work.followed else "",
        base=work.base,
        about=work.about,
    )


def submit(actions: Actions, work: Work, config: RepositoryConfig, decision: Decision) -> None:
    """Have the transaction store a task with the decision; where one is at work on the same, it goes on."""
    store, now = actions.services.store, time.time()
    request = request_of(actions, work, config, decision)

    def commit(connection: sa.Connection) -> None:
        task, created = store.tasks.submit(connection, request, now)
        if created and work.once:
            store.records.once(connection, work.once, now, task.id)
        if not created:  # the task looks again before it ends
            store.tasks.heard(connection, joined_event(task.id), now)
        joined = Decision(allowed=True, reason=f"task {task.id} is at work on it")
        key = starting.decision_key(actions, work.subject)
        verdict = decision if created else joined
        store.records.decided(connection, request.actor, NAMES[work.kind], key, verdict, now, task.id)
        actions.wake(task.id)

    actions.change(commit)


def leave(actions: Actions, work: Work, reason: str) -> None:
    """Record why something is not begun; nobody asked, so that nobody is told."""
    decision = Decision(allowed=False, reason=reason, silent=True)
    starting.record(actions, work.subject, NAMES[work.kind], decision)


def refuse(actions: Actions, work: Work, decision: Decision) -> None:
    """Say once on our own pull request why it is not gone on with, where a person can do something about it."""
    told = decision if actions.event.actor.login else replace(decision, silent=True)
    starting.refuse(actions, work.subject, NAMES[work.kind], told)
    if work.once:
        now, store = time.time(), actions.services.store
        actions.change(lambda connection: store.records.once(connection, work.once, now))


def settle(actions: Actions) -> None:
    """Carry out what was decided without a delivery, in a transaction of its own."""
    with actions.services.store.write() as connection:
        actions.commit(connection)
    actions.follow_up()
