"""Issues as they stand now: labelled ones without a task get one, tasks whose reason is gone end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bot import starting
from bot.acting import Actions
from bot.asks import Start
from bot.events import Event
from jobs.types import Actor, Kind, Status, Subject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.github import Issue, Repository
    from jobs.services import Services
    from jobs.types import Task

MISSED_DAYS = 30.0
"""A label older than this that never got a task is left alone: it was put on before the App was there."""
LOOKED = "label-looked:"
"""Under this stands, for an issue whose task has ended, when the issue was changed last before it was looked at."""
CLOCKS_DIFFER = 60.0
"""What GitHub's clock and ours may differ by where nothing else tells which was first."""


def compare(services: Services, repository: Repository, installation_id: int, labels: Sequence[str]) -> None:
    """Compare the labelled issues of a repository, and the tasks on its issues."""
    wanted: dict[int, Issue] = {}
    for label in labels:
        for issue in repository.open_issues(label):
            wanted.setdefault(issue.number, issue)
            _see_to_label(services, repository, installation_id, issue, label)
    for task in services.store.tasks.open_in(installation_id=installation_id, repositories=[repository.full_name]):
        if task.subject.kind != "issue":
            continue
        if task.subject.number in wanted:
            _see_to_text(services, task, wanted[task.subject.number])
        else:
            _end_stale(services, repository, task, labels)


def _see_to_label(services: Services, repository: Repository, installation_id: int, issue: Issue, label: str) -> None:
    """Start what a lost delivery asked for: there was never a task, or the label was put on anew after its end."""
    subject = Subject("issue", issue.number)
    newest = services.store.tasks.latest(repository.full_name, subject, Kind.RESOLVE_ISSUE)
    if newest is None:
        _start(services, repository, installation_id, issue, label, after=time.time() - MISSED_DAYS * 86400)
        return
    looked = f"{LOOKED}{repository.full_name.lower()}#{issue.number}/{label.lower()}"
    changed = str(issue.updated_at)
    if newest.status is not Status.COMPLETED or services.store.records.value(looked) == changed:
        return
    known = services.store.records.value(starting.answered_key(repository.full_name, issue.number))
    after = float(known) if known else newest.created_at + CLOCKS_DIFFER
    _start(services, repository, installation_id, issue, label, after=after)
    services.store.records.keep(looked, changed, time.time())


def _start(
    services: Services, repository: Repository, installation_id: int, issue: Issue, label: str, *, after: float
) -> None:
    """Start a task in the name of the person who put the label on, when that was after a time of GitHub's clock."""
    who, at = repository.labeled_by(issue.number, label)
    if who is None or at <= after:
        return
    key = starting.missed_key(repository.full_name, issue.number, at)
    if services.store.records.value(key) is not None:
        return
    actor = Actor("github", str(who["id"]), who["login"], who["type"] == "Bot")
    event = Event(
        "issues",
        "labeled",
        guid=f"reconcile-{issue.number}-{label}"[:80],
        repository=repository.full_name,
        installation_id=installation_id,
        actor=actor,
        number=issue.number,
        title=issue.title,
        body=issue.body,
        label=label,
        state=issue.state,
        at=at,
    )
    actions = Actions(services, event)
    starting.start(actions, Start(Subject("issue", issue.number), label))
    with services.store.write() as connection:
        if not services.store.records.once(connection, key, time.time()):
            return
        actions.commit(connection)
    actions.follow_up()


def _see_to_text(services: Services, task: Task, issue: Issue) -> None:
    """Mention that the text is not what the task was asked with."""
    if task.edited or task.kind is not Kind.RESOLVE_ISSUE:
        return
    if starting.safe_words(issue.title, issue.body) != (task.title, task.text):
        with services.store.write() as connection:
            services.store.tasks.mark_edited(connection, task.id)


def _end_stale(services: Services, repository: Repository, task: Task, labels: Sequence[str]) -> None:
    """End a task whose issue was closed, deleted, moved or unlabelled while nobody told us."""
    words = _gone(repository, task, labels)
    if words:
        with services.store.write() as connection:
            services.store.tasks.cancel(connection, task.id, words, time.time())
        services.waker.task(task.id)


def _gone(repository: Repository, task: Task, labels: Sequence[str]) -> str:
    """Return why the reason for a task is gone; empty while it is not."""
    issue = repository.issue(task.subject.number)
    if issue is None:
        return "the issue is gone"
    if issue.repository.lower() not in {"", repository.full_name.lower()}:
        return "the issue was transferred"
    if issue.state != "open":
        return "the issue was closed"
    if task.kind is not Kind.RESOLVE_ISSUE or {name.lower() for name in issue.labels} & {one.lower() for one in labels}:
        return ""
    label, login, at = repository.unlabeled_by(issue.number, labels)
    # What was asked for again in words, after the label was gone, does not hang on it.
    return f"the label `{label}` was taken off by @{login}" if label and at > task.created_at else ""
