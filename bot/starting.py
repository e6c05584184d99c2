"""Somebody asks for work, or the reason for it is gone: the facts from GitHub, the decision, the task."""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from config import repository as repository_file
from config.errors import RepositoryConfigError
from jobs import policy
from jobs.answer.refusal import configuration_error, refusal
from jobs.budget import spent_today
from jobs.scope import Pool
from jobs.text.cleaning import clean
from jobs.types import CHECK_NAME, Decision, Kind, Mode, Subject, TaskRequest, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import sqlalchemy as sa

    from bot.acting import Actions
    from bot.asks import Edited, End, Start
    from config.repository import RepositoryConfig
    from jobs.github import Issue
    from jobs.types import Task

LONGEST_TEXT = 60_000
LONGEST_TITLE = 100

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Situation:
    """What is true on GitHub now: the rules of the repository, who asks, and the issue."""

    config: RepositoryConfig
    facts: policy.Facts
    issue: Issue | None
    mistake: str = ""
    """What is wrong with the repository's file, in words: its limits are not known then, so nothing new begins."""


def start(actions: Actions, ask: Start) -> None:
    """Start a task for a label, when the label, the state of the issue, the person and the budget allow it."""
    event = actions.event
    try:
        here = look(actions, ask.subject)
    except RepositoryConfigError as error:
        if _names(repository_file.defaults().labels, event.label):
            _refuse_configuration(actions, ask.subject, error)
        return
    if not _names(here.config.labels, event.label):
        return
    if here.issue is None or here.issue.state != "open" or not _names(here.issue.labels, event.label):
        reason = "the issue was closed, deleted or unlabelled again before the request was read"
        record(actions, ask.subject, "start", Decision(allowed=False, reason=reason, silent=True))
        return
    if _is_answered(actions, ask):
        reason = "this label was found before by comparing with GitHub, and its delivery came late"
        record(actions, ask.subject, "start", Decision(allowed=False, reason=reason, silent=True))
        return
    begin(actions, ask.subject, here, event.title, event.body)


def missed_key(repository: str, number: int, at: float) -> str:
    """Return the key of a label, put on at a time of GitHub's clock, that was found by comparing."""
    return f"missed:{repository.lower()}#{number}:{at}"


def answered_key(repository: str, number: int) -> str:
    """Return the key under which it is kept, by GitHub's clock, up to when the labels of an issue led to tasks."""
    return f"label-answered:{repository.lower()}#{number}"


def _is_answered(actions: Actions, ask: Start) -> bool:
    """Tell whether the comparison with GitHub has seen to this label already; a first request costs no call."""
    event, store = actions.event, actions.services.store
    if store.tasks.latest(event.repository, ask.subject, Kind.RESOLVE_ISSUE) is None:
        return False
    _, at = actions.repository.labeled_by(ask.subject.number, event.label)
    return store.records.value(missed_key(event.repository, ask.subject.number, at)) is not None


def begin(actions: Actions, subject: Subject, here: Situation, title: str, text: str) -> None:
    """Decide, and then start a task for an issue or say in words why not."""
    decision = policy.ask(here.facts, here.config, "starting work")
    if not decision.allowed:
        refuse(actions, subject, "start", decision)
        return
    submit(actions, make_request(actions, subject, here.config, decision, title, text), decision)
    event, records = actions.event, actions.services.store.records
    if event.label and event.at:
        key, now = answered_key(event.repository, subject.number), time.time()
        actions.change(lambda connection: records.put(connection, key, str(event.at), now))
    actions.follow_ups.append(lambda: actions.repository.react(subject.number, "eyes"))


def submit(
    actions: Actions, request: TaskRequest, decision: Decision, then: Callable[[Task], None] | None = None
) -> None:
    """Have the transaction store a task, or join the running one, with the decision; ``then`` hears of it."""
    store, now = actions.services.store, time.time()

    def commit(connection: sa.Connection) -> None:
        task, created = store.tasks.submit(connection, request, now)
        joined = Decision(allowed=True, reason=f"{decision.reason}; joins the running task {task.id}")
        verdict = decision if created else joined
        key = decision_key(actions, request.subject)
        store.records.decided(connection, request.actor, "start", key, verdict, now, task.id, actions.place)
        actions.wake(task.id)
        if not created:
            words = f"@{request.actor.login} asked for the same meanwhile and joins this task."
            store.tasks.remark(connection, task.id, words)
        if then is not None:
            then(task)

    actions.commits.append(commit)


def end(actions: Actions, ask: End) -> None:
    """End the active tasks on a subject, when the label that was taken off is one that asks for work."""
    tasks = actions.services.store.tasks.active(actions.event.repository, ask.subject)
    if ask.label:  # What people asked for in words does not hang on a label.
        tasks = [task for task in tasks if task.kind is Kind.RESOLVE_ISSUE]
    if not tasks or (ask.label and not _names(_labels(actions), ask.label)) or _is_over(actions, ask):
        return
    for task in tasks:
        actions.cancel(task.id, ask.words)


def _is_over(actions: Actions, ask: End) -> bool:
    """Tell whether the reason to end is gone by now: events come late, and one of two labels may still be on."""
    if actions.event.action not in {"closed", "unlabeled"}:
        return False
    issue = actions.repository.issue(ask.subject.number)
    if issue is None or issue.state != "open":
        return False
    return not ask.label or any(_names(issue.labels, label) for label in _labels(actions))


def edited(actions: Actions, ask: Edited) -> None:
    """Mention in the active tasks on a subject that its text is not what they were asked with."""
    store = actions.services.store
    for task in store.tasks.active(actions.event.repository, ask.subject):
        actions.commits.append(partial(store.tasks.mark_edited, task_id=task.id))


def look(actions: Actions, subject: Subject, *, strict: bool = True) -> Situation:
    """Ask GitHub for the rules, the person's rights and the issue, at once.

    Raises RepositoryConfigError for a mistake in the repository's file, or takes the defaults when not ``strict``.
    """
    with Pool(3) as pool:
        text = pool.submit(actions.repository.read_file, repository_file.PATH)
        permission = pool.submit(permission_of, actions)
        issue = pool.submit(actions.repository.issue, subject.number) if subject.number else None
        written, rights, found = text.result(), permission.result(), issue.result() if issue else None
    config = read_config(written if strict else None)
    return Situation(config, facts_of(actions, config, rights), found)


def facts_of(actions: Actions, config: RepositoryConfig, permission: str) -> policy.Facts:
    """Return what a decision about the event's actor is made from."""
    event, services = actions.event, actions.services
    return policy.Facts(
        actor=event.actor,
        permission=permission,
        teams=_teams(actions, config) if permission not in policy.WRITERS and not event.actor.is_bot else frozenset(),
        app_id=_app_id(actions),
        own_app_id=services.settings.github_app_id,
        spent_today=spent_today(services.store, event.repository, time.time()),
    )


def read_config(written: bytes | None) -> RepositoryConfig:
    """Read a repository's file, or take the defaults where there is none; raises RepositoryConfigError."""
    if written is None:
        return repository_file.defaults()
    return repository_file.parse(written.decode("utf-8", errors="replace"))


def make_request(
    actions: Actions, subject: Subject, config: RepositoryConfig, decision: Decision, title: str, text: str
) -> TaskRequest:
    """Build the request: the text is made safe here, once, and never read from GitHub again."""
    event, settings = actions.event, actions.services.settings
    safe_title, safe_text = clean(title), clean(text[:LONGEST_TEXT])
    cut = (f"the text was cut at {LONGEST_TEXT} characters",) if len(text) > LONGEST_TEXT else ()
    return TaskRequest(
        kind=Kind.RESOLVE_ISSUE,
        repository=event.repository,
        installation_id=event.installation_id,
        subject=subject,
        title=safe_title.text,
        text=safe_text.text,
        actor=event.actor,
        mode=Mode(config.mode or settings.mode),
        limits=decision.limits,
        delivery=event.guid,
        removed=(*safe_title.removed, *safe_text.removed, *cut),
        at_once=(config.limits.tasks.repository, config.limits.tasks.actor),
    )


def safe_words(title: str, text: str) -> tuple[str, str]:
    """Return an issue's title and text as a request for work on it holds them."""
    return clean(title).text, clean(text[:LONGEST_TEXT]).text


def refuse(actions: Actions, subject: Subject, what: str, decision: Decision) -> None:
    """Say once, politely, why not; say nothing to bots and to ourselves."""
    record(actions, subject, what, decision)
    if decision.silent:
        return
    marker = _marker("refusal", what, actions.event.actor.id, decision.cure)
    body = refusal(marker, actions.event.actor.login, decision)
    actions.say(subject.number, marker, body)


def record(actions: Actions, subject: Subject, what: str, decision: Decision, task_id: str = "") -> None:
    """Store a decision with the change that it leads to."""
    store, actor, now = actions.services.store, actions.event.actor, time.time()
    actions.commits.append(
        lambda connection: store.records.decided(
            connection, actor, what, decision_key(actions, subject), decision, now, task_id, actions.place
        )
    )


def _refuse_configuration(actions: Actions, subject: Subject, error: RepositoryConfigError) -> None:
    """Show a mistake in the repository's file where people are: a comment, and a check run on the default branch."""
    record(actions, subject, "start", Decision(allowed=False, reason=f"{repository_file.PATH}: {error}"))
    marker = _marker("configuration", str(error))
    repository = actions.repository
    body = configuration_error(marker, actions.event.actor.login, error.line, f"{error.message}", error.cure)
    actions.say(subject.number, marker, body)
    output = {
        "status": "completed",
        "conclusion": "failure",
        "output": {
            "title": f"{repository_file.PATH} has a mistake in line {error.line}",
            "summary": f"{error}\n\nUntil it is mended, nothing in the file counts and no work is started.",
        },
    }
    try:
        repository.ensure_check_run(repository.head_sha(), marker, CHECK_NAME, output)
    except UserError as refused:
        log.warning("no check run tells of the mistake in %s: %s", repository.full_name, refused)


def permission_of(actions: Actions) -> str:
    """Ask GitHub what the actor may do now; where it refuses to tell, nobody may do anything, and words say so."""
    actor = actions.event.actor
    if actor.platform == policy.OPERATOR:
        return "admin"
    if actor.is_bot or not actor.login:
        return "none"
    try:
        permission, account = actions.repository.standing(actor.login)
    except UserError as refused:
        log.warning("the permission of %s in %s is not known: %s", actor.login, actions.event.repository, refused)
        return policy.UNKNOWN
    meant = actions.services.store.people.account_of(actor)
    return policy.SOMEBODY_ELSE if meant and account not in {"", meant} else permission


def _teams(actions: Actions, config: RepositoryConfig) -> frozenset[str]:
    """Return the configured teams that the actor is a member of."""
    login = actions.event.actor.login
    pairs = ((team, *team.split("/", 1)) for team in config.allow.teams)
    return frozenset(team for team, org, slug in pairs if actions.repository.team_member(org, slug, login))


def _app_id(actions: Actions) -> int | None:
    """Return the App behind a bot: from the event, or by the bot's name, which is its App's with ``[bot]`` behind."""
    event = actions.event
    if not event.actor.is_bot:
        return None
    if event.app_id is not None:
        return event.app_id
    return actions.services.github.app_id_of(event.actor.login.removesuffix("[bot]"))


def _labels(actions: Actions) -> tuple[str, ...]:
    try:
        return read_config(actions.repository.read_file(repository_file.PATH)).labels
    except RepositoryConfigError:
        return repository_file.defaults().labels


def _names(labels: Iterable[str], label: str) -> bool:
    """Tell whether a label is among others; GitHub does not tell labels apart by case."""
    return label.lower() in {name.lower() for name in labels}


def decision_key(actions: Actions, subject: Subject) -> str:
    """Return the name under which decisions on a subject are stored."""
    return f"{actions.event.repository.lower()} {subject}".strip()


def _marker(kind: str, *parts: str) -> str:
    digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
    return f"<!-- opus67:{kind}={digest} -->"
