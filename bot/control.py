"""Carries out what people told the bot: a command and an actor in, a change and an answer out."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bot import starting
from bot.commands import ENTRIES, Command, help_text
from config.errors import RepositoryConfigError
from jobs import policy
from jobs.answer.words import headline
from jobs.notify import view_of
from jobs.text.cleaning import clean
from jobs.text.neutral import cell
from jobs.types import Kind, Status, Subject

if TYPE_CHECKING:
    from bot.acting import Actions
    from bot.asks import Pressed, Told
    from jobs.types import Task

BUTTONS = {"cancel": "cancel", "run_again": "retry", "resume": "resume"}


@dataclass(frozen=True, slots=True)
class Order:
    """One command in its place: who said it is the event's actor; ``key`` tells it from all others, for ever."""

    actions: Actions
    here: starting.Situation
    subject: Subject
    task: Task | None
    command: Command
    key: str


def told(actions: Actions, ask: Told) -> None:
    """Carry out the commands of a comment, for people who may; a reply is written only where words are needed."""
    task = _task_of(actions, ask.subject)
    if task is None and ask.subject.kind == "pull":
        return
    subject = task.subject if task else ask.subject
    here = _look(actions, subject)
    what = f"to tell me `{ask.commands[0].name}`"
    decision = policy.person(here.facts, here.config, what)
    if not decision.allowed:
        starting.refuse(actions, ask.subject, what, decision)
        return
    said = []
    for index, command in enumerate(ask.commands):
        order = Order(actions, here, subject, task, command, _key(ask.comment_id, index, command))
        starting.record(actions, subject, command.name, decision, task.id if task else "")
        said.append(command.problem or _HANDLERS[command.name](order))
    _answer(actions, ask, [words for words in dict.fromkeys(said) if words])


def _key(comment_id: int, index: int, command: Command) -> str:
    """Return the name of a command for ever: an edit of the comment may put other words in the same place."""
    words = hashlib.sha256(command.text.encode(errors="replace")).hexdigest()[:32]
    return f"{comment_id}:{index}:{command.name}:{words}"


def pressed(actions: Actions, ask: Pressed) -> None:
    """Carry out a button of a check run, for people who may; there is no place to refuse others but the comment."""
    task = actions.services.store.tasks.get(ask.task_id)
    name = BUTTONS.get(ask.button)
    if task is None or name is None or task.repository.lower() != actions.event.repository.lower():
        return
    here = _look(actions, task.subject)
    what = f"to press “{ENTRIES[name].name}”"
    decision = policy.person(here.facts, here.config, what)
    if not decision.allowed:
        starting.refuse(actions, task.subject, what, decision)
        return
    starting.record(actions, task.subject, name, decision, task.id)
    words = _HANDLERS[name](Order(actions, here, task.subject, task, Command(name), actions.event.guid))
    if words:
        actions.say(
            task.subject.number, f"<!-- opus67:answer={actions.event.guid} -->", f"@{actions.event.actor.login} {words}"
        )


def _look(actions: Actions, subject: Subject) -> starting.Situation:
    """Find out who speaks; a mistake in the repository's file must not keep people from cancelling."""
    try:
        return starting.look(actions, subject)
    except RepositoryConfigError:
        return starting.look(actions, subject, strict=False)


def _task_of(actions: Actions, subject: Subject) -> Task | None:
    store, repository = actions.services.store, actions.event.repository
    if subject.kind == "pull":
        task_id = store.records.value(f"pull:{repository.lower()}#{subject.number}")
        return store.tasks.get(task_id) if task_id else None
    return store.tasks.latest(repository, subject)


def _answer(actions: Actions, ask: Told, said: list[str]) -> None:
    """Write the reply that words need, found again by the comment that it answers; or just a thumb."""
    if not said:
        actions.follow_ups.append(partial(actions.repository.react_to_comment, ask.comment_id, "+1"))
        return
    marker = f"<!-- opus67:answer={ask.comment_id} -->"
    body = "\n\n".join([marker, *said])
    actions.say(ask.subject.number, marker, body)


def _live(order: Order) -> Task | None:
    return order.task if order.task is not None and order.task.status is not Status.COMPLETED else None


NO_TASK = "There is no task on this issue. Put the label `assign-to-opus` on it to start one."
ENDED = "Task `{id}` has ended already. `/opus retry` starts it again."


def _need(order: Order) -> str:
    return ENDED.format(id=order.task.id) if order.task else NO_TASK


def _help(_order: Order) -> str:
    return help_text()


def _status(order: Order) -> str:
    if order.task is None:
        return NO_TASK
    view = view_of(order.actions.services, order.task.id)
    return f"Task `{order.task.id}`: {headline(view)}, {view.percent} % of the plan, ${view.cost:.2f}."


def _why(order: Order) -> str:
    key = starting.decision_key(order.actions, order.subject)
    rows = order.actions.services.store.records.decisions(key)
    if not rows:
        return "Nothing was decided here yet."
    lines = ["| when (UTC) | who | what | decision | reason |", "|---|---|---|---|---|"]
    for at, actor, what, allowed, reason in rows:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))
        verdict = "allowed" if allowed else "refused"
        lines.append(f"| {when} | {cell(actor)} | {cell(what)} | {verdict} | {cell(reason)} |")
    return "\n".join(lines)


def _say(order: Order) -> str:
    """Hand words to the task: its next step hears them; a waiting one goes on with them."""
    task, actions = _live(order), order.actions
    if task is None:
        return _need(order)
    if order.command.name == "answer" and task.status is not Status.WAITING:
        return f"Task `{task.id}` is not waiting for an answer. `/opus steer` tells it something while it works."
    tasks, runs, now = actions.services.store.tasks, actions.services.store.runs, time.time()
    words, actor = clean(order.command.text).text, actions.event.actor
    actions.commits.append(lambda connection: _drop(runs.say(connection, task.id, order.key, actor, words, now)))
    if task.status is Status.WAITING and (task.question or order.command.name == "answer"):
        actions.commits.append(lambda connection: _drop(tasks.resume(connection, task.id)))
        actions.wake(task.id)
    return ""


def _pause(order: Order) -> str:
    task, now = _live(order), time.time()
    if task is None:
        return _need(order)
    words = f"by @{order.actions.event.actor.login}; `/opus resume` goes on."
    tasks = order.actions.services.store.tasks
    order.actions.commits.append(lambda connection: _drop(tasks.pause(connection, task.id, words, now)))
    order.actions.wake(task.id)
    return ""


def _resume(order: Order) -> str:
    task = _live(order)
    if task is None:
        return _need(order)
    if task.question:
        return f"Task `{task.id}` waits for an answer: `/opus answer <text>`."
    tasks = order.actions.services.store.tasks
    order.actions.commits.append(lambda connection: _drop(tasks.resume(connection, task.id)))
    order.actions.wake(task.id)
    return ""


def _cancel(order: Order) -> str:
    task = _live(order)
    if task is None:
        return _need(order)
    order.actions.cancel(task.id, f"by @{order.actions.event.actor.login}")
    return ""


def _retry(order: Order) -> str:
    """Start again with the text as it is now: a new request, decided anew."""
    if _live(order) is not None:
        return f"Task `{order.task.id if order.task else ''}` is still running. `/opus cancel` ends it first."
    issue = order.here.issue
    if order.task is None or order.task.kind is not Kind.RESOLVE_ISSUE or issue is None:
        return _need(order)
    if issue.state != "open":
        return "The issue is closed. Open it again first."
    starting.begin(order.actions, order.subject, order.here, issue.title, issue.body)
    return ""


def _drop(_value: object) -> None:
    """Drop an answer that changes nothing here."""


_HANDLERS = {
    "help": _help,
    "status": _status,
    "why": _why,
    "steer": _say,
    "answer": _say,
    "pause": _pause,
    "resume": _resume,
    "cancel": _cancel,
    "retry": _retry,
}
