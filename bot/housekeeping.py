"""Keeps our picture of GitHub true: installations and their repositories, lost deliveries, missed labels, leftovers."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING

from bot import starting
from bot.acting import Actions
from bot.asks import InstallationChanged, Start
from bot.automatic import missed
from bot.events import Event
from config import repository as repository_file
from jobs import sandbox as sandboxes
from jobs import workspace
from jobs.types import Actor, GitHubUnavailable, Kind, Subject, UserError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from jobs.github import Issue, Repository
    from jobs.services import Services
    from jobs.types import Task

OK, FAILED = 200, 400
MISSED_DAYS = 30.0
"""A label older than this that never got a task is left alone: it was put on before the App was there."""

TURN_SECONDS = 10.0
MOST_OUTAGES = 2
"""After so many repositories in a row for which GitHub did not answer, the rest waits for the next time."""
CURSOR = "reconcile:cursor"

log = logging.getLogger(__name__)


def installation_changed(actions: Actions, ask: InstallationChanged) -> None:
    """Keep the list of repositories, and end the tasks of what the App may no longer touch."""
    store = actions.services.store
    tasks = store.tasks.open_in(installation_id=ask.installation_id)
    taken = {name.lower() for name in ask.removed_repositories}
    for task in tasks:
        if ask.gone or task.repository.lower() in taken:
            words = ask.gone or "the repository was taken from the App's installation"
            actions.cancel(task.id, words)
    actions.commits.append(partial(_save, actions.services, ask))
    for name in ask.removed_repositories:
        actions.follow_ups.append(partial(actions.services.mirror.forget, name))


def _save(services: Services, ask: InstallationChanged, connection: sa.Connection) -> None:
    records, now = services.store.records, time.time()
    if ask.removed:
        records.remove_installation(connection, ask.installation_id)
        return
    records.save_installation(connection, ask.installation_id, ask.account, now, suspended=bool(ask.gone))
    records.remove_repositories(connection, ask.removed_repositories)
    records.add_repositories(connection, ask.installation_id, ask.added_repositories)


def redeliver(services: Services) -> None:
    """Ask GitHub once for each delivery of the last days that did not reach us."""
    store = services.store
    try:
        newest_first = list(services.github.deliveries())
    except (GitHubUnavailable, UserError) as error:
        log.warning("GitHub's list of deliveries cannot be read now: %s", error)
        return
    arrived = {entry["guid"] for entry in newest_first if OK <= entry["status_code"] < FAILED}
    for entry in reversed(newest_first):
        guid = entry["guid"]
        if guid in arrived or store.deliveries.is_done(guid):
            continue
        arrived.add(guid)
        if store.records.value(f"redelivered:{guid}") is not None:
            continue
        try:
            services.github.redeliver(entry["id"])
        except GitHubUnavailable as outage:
            log.warning("delivery %s could not be asked for now: %s", guid, outage)
            return
        except UserError as refused:
            log.warning("delivery %s is not sent again: %s", guid, refused)
        store.records.keep(f"redelivered:{guid}", "", time.time())


def reconcile(services: Services) -> None:
    """Compare GitHub's state with ours: labelled issues without a task get one, tasks without a reason end.

    People's requests wait behind this in the same queue, so it works in turns, each beginning where the last one ended.
    """
    records, turn_ends = services.store.records, time.monotonic() + TURN_SECONDS
    done, outages = records.value(CURSOR) or "", 0
    try:
        if not done:
            _reconcile_installations(services)
    except (GitHubUnavailable, UserError) as error:
        log.warning("GitHub's installations cannot be read now: %s", error)
        return
    for name, installation_id in sorted(pair for pair in records.repositories() if pair[0] > done):
        repository = services.github.repository(name, installation_id)
        try:
            _reconcile_repository(services, repository, installation_id)
            outages = 0
        except (GitHubUnavailable, UserError) as error:
            log.warning("%s cannot be compared with GitHub now: %s", name, error)
            outages += isinstance(error, GitHubUnavailable)
        if outages >= MOST_OUTAGES:
            break
        if time.monotonic() > turn_ends or services.stopping.is_set():
            records.keep(CURSOR, name, time.time())
            services.waker.chore("reconcile")
            return
    if done:
        records.keep(CURSOR, "", time.time())


def _reconcile_installations(services: Services) -> None:
    known = {installation_id for _, installation_id in services.store.records.repositories()}
    live: set[int] = set()
    for found in services.github.installations():
        number, suspended = found["id"], bool(found.get("suspended_at"))
        live.add(number)
        try:
            names = [] if suspended else list(services.github.installation_repositories(number))
        except UserError as refused:
            log.warning("the repositories of installation %s cannot be read: %s", number, refused)
            continue
        account = str((found.get("account") or {}).get("login", ""))
        with services.store.write() as connection:
            records = services.store.records
            records.remove_installation(connection, number)
            records.save_installation(connection, number, account, time.time(), suspended=suspended)
            records.add_repositories(connection, number, names)
    for number in known - live:
        tasks = services.store.tasks.open_in(installation_id=number)
        with services.store.write() as connection:
            services.store.records.remove_installation(connection, number)
            for task in tasks:
                services.store.tasks.cancel(connection, task.id, "the App was uninstalled", time.time())


def _reconcile_repository(services: Services, repository: Repository, installation_id: int) -> None:
    written = repository.read_file(repository_file.PATH)
    try:
        config = starting.read_config(written)
    except repository_file.RepositoryConfigError:
        config = None
    labels = (config or repository_file.defaults()).labels
    wanted: set[int] = set()
    for label in labels:
        for issue in repository.open_issues(label):
            wanted.add(issue.number)
            subject = Subject("issue", issue.number)
            if services.store.tasks.latest(repository.full_name, subject, Kind.RESOLVE_ISSUE) is None:
                _start_missed(services, repository, installation_id, issue, label)
    for task in services.store.tasks.open_in(installation_id=installation_id, repositories=[repository.full_name]):
        if task.kind is Kind.RESOLVE_ISSUE and task.subject.number not in wanted:
            _end_stale(services, repository, task)
    if config is not None:
        missed.look(services, repository, installation_id, config)


def _start_missed(services: Services, repository: Repository, installation_id: int, issue: Issue, label: str) -> None:
    """Start what a lost delivery asked for, in the name of the person who put the label on."""
    who, at = repository.labeled_by(issue.number, label)
    if who is None or time.time() - at > MISSED_DAYS * 86400:
        return
    key = starting.missed_key(repository.full_name, issue.number, at)
    if services.store.records.value(key) is not None:
        return
    actor = Actor("github", str(who["id"]), who["login"], who["type"] == "Bot")
    event = Event(
        "issues",
        "labeled",
        guid=f"reconcile-{issue.number}-{label}",
        repository=repository.full_name,
        installation_id=installation_id,
        actor=actor,
        number=issue.number,
        title=issue.title,
        body=issue.body,
        label=label,
        state=issue.state,
    )
    actions = Actions(services, event)
    starting.start(actions, Start(Subject("issue", issue.number), label))
    with services.store.write() as connection:
        if not services.store.records.once(connection, key, time.time()):
            return
        actions.commit(connection)
    actions.follow_up()


def _end_stale(services: Services, repository: Repository, task: Task) -> None:
    """End a task whose issue was closed or deleted while nobody told us."""
    issue = repository.issue(task.subject.number)
    if issue is None:
        words = "the issue is gone"
    elif issue.state != "open":
        words = "the issue was closed"
    else:
        return
    with services.store.write() as connection:
        services.store.tasks.cancel(connection, task.id, words, time.time())
    services.waker.task(task.id)


def sweep_sandboxes(services: Services) -> None:
    """End sandboxes past their deadline or without a task, and what tasks left in quarantine."""
    alive = services.store.tasks.held(time.time())

    def is_alive(name: str) -> bool:
        return name.removeprefix("opus67-").partition("-")[0] in alive

    sandboxes.sweep(services.provider, services.settings.home, time.time(), is_alive)
    workspace.sweep(services.settings.home, alive)
