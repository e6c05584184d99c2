"""Command and actor in, change and answer out: every surface ends here."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bot import starting
from bot.commands import ENTRIES, Command, Entry, Who
from bot.control import aiming, beginning, finishing, identity, looking, mission, pulling, rights, steering
from bot.control.order import GITHUB, NotAllowed, Order, Place, key_of
from jobs.answer.parts import LEFT_OUT, Answer, Say, refused, with_left_out
from jobs.answer.reply import reply
from jobs.types import Decision, Kind, Status, Subject, UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.acting import Actions
    from bot.asks import Pressed, Told
    from jobs.types import Task

BUTTONS = {"cancel": "bg cancel", "run_again": "retry", "resume": "resume", "approve": "approve"}
IDENTITY = frozenset({"link", "unlink"})
"""What everybody may say on GitHub, too: it is about themselves."""
NODS = {
    "bg": "Task `{id}` is on its way.",
    "plan": "Task `{id}` makes a plan first, and asks then.",
    "ask": "Task `{id}` looks for the answer.",
    "fix": "Task `{id}` finds out why CI is red.",
    "address": "Task `{id}` works on the review.",
    "review": "Task `{id}` reviews the pull request.",
    "update": "Task `{id}` merges the base into the pull request.",
    "retry": "It starts again, as task `{id}`.",
    "clone": "The same starts again, as task `{id}`.",
    "steer": "Task `{id}` hears it at its next step.",
    "answer": "Task `{id}` goes on with your answer.",
    "pause": "Task `{id}` pauses after its current step. `/opus resume {id}` goes on.",
    "hold": "Task `{id}` does not begin until `/opus resume {id}`.",
    "resume": "Task `{id}` goes on.",
    "bg cancel": "Task `{id}` is being cancelled.",
    "approve": "The plan is approved, and task `{id}` begins.",
    "reject": "Task `{id}` makes another plan, with your reason.",
    "leave": "Task `{id}` leaves it to you.",
    "high": "Task `{id}` comes before all others now.",
    "normal": "Task `{id}` comes in its turn now.",
    "low": "Task `{id}` comes after all others now.",
    "reassign": "Task `{id}` goes on with that model from its next step.",
}


def obey(actions: Actions, place: Place, command: Command, key: str) -> Answer:
    """Carry out one command; raises NotAllowed, and GitHubUnavailable where GitHub must be asked and is away."""
    if command.problem:
        return _mistaken(actions, place, refused(command.problem))
    command = aiming.plain(place, command)
    if command.problem:
        return _mistaken(actions, place, refused(command.problem))
    entry = ENTRIES[command.name]
    try:
        order, problem = aiming.aim(actions, place, command, entry, key)
    except UserError as error:
        problem = refused(str(error))
    if problem is not None:
        return _mistaken(actions, place, problem)
    try:
        here, decision = _may(order, entry)
    except NotAllowed as no:
        no.order = order
        raise
    order = replace(order, here=here, decision=decision)
    answer = _HANDLERS[entry.name](order)
    if not answer.ok:
        decision = Decision(allowed=False, reason=str(answer.data.get("error") or "it was not possible"))
    if not answer.data.get("started"):
        task_id = order.task.id if order.task else ""
        starting.record(order.actions, order.subject, entry.name, decision, task_id)
    return replace(answer, data={**answer.data, "command": entry.name})


def _mistaken(actions: Actions, place: Place, answer: Answer) -> Answer:
    """Return what helps somebody who made a mistake; on GitHub strangers, bots and we ourselves get no such answers."""
    if place.surface == GITHUB:
        rights.check(actions, place, ENTRIES["help"], place.subject or Subject(""), None)
    return answer


def final(actions: Actions, answer: Answer) -> Answer:
    """Return an answer as it reads once its transaction has stored what was asked for."""
    key = answer.data.get("started")
    task = actions.started.get(key) if isinstance(key, str) else None
    if task is None:
        return answer
    data: dict[str, Any] = {"command": answer.data["command"], "task": task.id, "status": task.status.value}
    data |= {LEFT_OUT: list(task.removed)} if task.removed else {}
    return replace(answer, task_id=task.id, data=data)


def worded(answer: Answer) -> Answer:
    """Put a nod into words, where there is no comment to put a thumb on, and tell what was left out."""
    if not answer.parts and answer.ok:
        words = NODS.get(str(answer.data.get("nod") or answer.data.get("command", "")), "Done.")
        answer = replace(answer, parts=(Say(words.format(id=answer.task_id)),))
    return with_left_out(answer)


def _may(order: Order, entry: Entry) -> tuple[starting.Situation | None, Decision]:
    if entry.who is Who.ANYONE and (order.place.surface != GITHUB or entry.name in IDENTITY):
        if order.actor.is_bot:
            raise NotAllowed(Decision(allowed=False, reason="bots are not linked", silent=True), f"to `{entry.name}`")
        return None, Decision(allowed=True, reason="anybody may")
    return rights.check(order.actions, order.place, entry, order.subject, order.task)


def told(actions: Actions, ask: Told) -> None:
    """Carry out the commands of a comment, for people who may; a reply is written only where words are needed."""
    place = _place(actions, ask.subject)
    answers: list[Answer] = []
    for index, command in enumerate(ask.commands):
        key = key_of(str(ask.comment_id), index, command)
        try:
            answers.append(obey(actions, place, command, key))
        except NotAllowed as no:
            starting.refuse(actions, ask.subject, no.what, no.decision)
            return
    said = [words for words in dict.fromkeys(reply(with_left_out(answer)) for answer in answers) if words]
    _answer(actions, ask, said, ok=all(answer.ok for answer in answers))


def pressed(actions: Actions, ask: Pressed) -> None:
    """Carry out a button of a check run, for people who may; there is no place to refuse others but the comment."""
    task = actions.services.store.tasks.get(ask.task_id)
    name = BUTTONS.get(ask.button)
    if task is None or name is None or task.repository.lower() != actions.event.repository.lower():
        return
    event = actions.event
    place = Place(GITHUB, event.repository, event.repository, event.installation_id, task.subject, task)
    try:
        answer = obey(actions, place, Command(name), f"{event.guid}:{name}")
    except NotAllowed as no:
        starting.refuse(actions, task.subject, no.what, no.decision)
        return
    words = reply(answer)
    number = task.subject.number or actions.event.number
    if words and number and not event.actor.is_bot:
        marker = f"<!-- opus67:answer={event.guid} -->"
        actions.say(number, marker, f"{marker}\n@{event.actor.login} {words}")


def _place(actions: Actions, subject: Subject) -> Place:
    event = actions.event
    task, own = _task_of(actions, subject)
    return Place(GITHUB, event.repository, event.repository, event.installation_id, subject, task, own=own)


def _task_of(actions: Actions, subject: Subject) -> tuple[Task | None, bool]:
    """Return the task that is meant on an issue or pull request, and whether the pull request is its own.

    What is under way there comes first, and of that what waits for people; a review has nothing to be told.
    """
    store, repository = actions.services.store, actions.event.repository
    if subject.kind == "pull":
        under_way = [
            task for task in store.tasks.active(repository, subject) if task.kind is not Kind.REVIEW_PULL_REQUEST
        ]
        if under_way:
            return max(under_way, key=lambda task: (task.status is Status.WAITING, task.created_at)), False
        task_id = store.records.value(f"pull:{repository.lower()}#{subject.number}")
        found = store.tasks.get(task_id) if task_id else None
        if found is not None:
            return found, True
    return store.tasks.latest(repository, subject), False


def _answer(actions: Actions, ask: Told, said: list[str], *, ok: bool) -> None:
    """Write the reply that words need, found again by the comment that it answers; or just a thumb.

    Bots get thumbs alone: two that answer each other's words would go on for ever.
    """
    if not said or actions.event.actor.is_bot:
        thumb = "+1" if ok else "confused"
        actions.follow_ups.append(partial(actions.repository.react_to_comment, ask.comment_id, thumb))
        return
    marker = f"<!-- opus67:answer={ask.comment_id} -->"
    actions.say(ask.subject.number, marker, "\n\n".join([marker, *said]))


def _again(order: Order) -> Answer:
    """Say words to a task; on a pull request of ours whose task has ended they begin its next run."""
    if order.task is not None and order.place.follows(order.task, order.command.name):
        return beginning.go_on(order, order.task)
    return steering.say(order)


def _retry(order: Order) -> Answer:
    """Start ended work again; what is about a pull request begins from how that stands now."""
    handler = _ANEW.get(order.task.kind) if order.task is not None and order.live is None else None
    return handler(order) if handler else steering.retry(order)


_ANEW: dict[Kind, Callable[[Order], Answer]] = {
    Kind.FIX_CI: pulling.fix,
    Kind.ADDRESS_REVIEW: pulling.address,
    Kind.REVIEW_PULL_REQUEST: pulling.review,
    Kind.RESOLVE_CONFLICTS: pulling.update,
}
"""How the kinds of work begin anew that are about something on GitHub, and not about words."""
_HANDLERS: dict[str, Callable[[Order], Answer]] = {
    "bg": beginning.background,
    "bg status": looking.status,
    "bg cancel": steering.cancel,
    "bg review": looking.review,
    "bg merge": finishing.merge,
    "answer": steering.say,
    "steer": _again,
    "pause": steering.pause,
    "resume": steering.resume,
    "retry": _retry,
    "clone": steering.clone,
    "priority": steering.prioritise,
    "reassign": steering.reassign,
    "ask": beginning.ask,
    "fix": pulling.fix,
    "address": pulling.address,
    "review": pulling.review,
    "update": pulling.update,
    "plan": beginning.plan,
    "approve": steering.approve,
    "reject": steering.reject,
    "mission status": mission.status,
    "mission agents": mission.agents,
    "mission": looking.mission,
    "mission pause all": mission.pause_all,
    "mission resume all": mission.resume_all,
    "mission scale": mission.scale,
    "why": looking.why,
    "cost": looking.cost,
    "link": identity.link,
    "unlink": identity.unlink,
    "whoami": identity.whoami,
    "help": looking.help_about,
}
