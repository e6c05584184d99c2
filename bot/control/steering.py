"""What is done to one task that there is: its words, its pauses, its end, its turn, its model."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bot import starting
from bot.automatic.work import NAMES
from bot.control import beginning
from bot.control.order import Order, person
from jobs import policy
from jobs.answer.parts import LEFT_OUT, Answer, refused
from jobs.text.cleaning import clean
from jobs.types import Approval, Kind, Status, Subject, TaskRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.types import Task

ENDED = "Task `{id}` has ended already. `/opus retry {id}` starts it again."


def _ended(task: Task) -> Answer:
    return refused(ENDED.format(id=task.id), task_id=task.id)


def _done(task: Task) -> Answer:
    return Answer(task_id=task.id)


def _heard(task: Task, removed: Sequence[str], **data: str) -> Answer:
    """Return the nod to words that a task hears, with what was hidden in them and left out."""
    return Answer(task_id=task.id, data={**data, **({LEFT_OUT: list(removed)} if removed else {})})


def say(order: Order) -> Answer:
    """Hand words to the task: its next step hears them; a waiting one goes on with them."""
    task, actions = order.live, order.actions
    if order.task is None:
        return refused("There is no task that could hear this.")
    if task is None:
        return _ended(order.task)
    planned = task.approval is Approval.ASKED and task.status is Status.WAITING
    if order.command.name == "answer" and task.status is not Status.WAITING:
        hint = f"`/opus steer {task.id} <text>` tells it something while it works."
        return refused(f"Task `{task.id}` is not waiting for an answer. {hint}", task_id=task.id)
    tasks, runs, now = order.services.store.tasks, order.services.store.runs, time.time()
    words = clean(order.command.text)
    actions.change(lambda connection: runs.say(connection, task.id, order.key, order.actor, words.text, now))
    if planned:
        actions.change(lambda connection: tasks.plan_again(connection, task.id))
        actions.wake(task.id)
    elif task.status is Status.WAITING and (task.question or order.command.name == "answer"):
        actions.change(lambda connection: tasks.resume(connection, task.id))
        actions.wake(task.id)
        return _heard(task, words.removed, nod="answer")
    return _heard(task, words.removed)


def pause(order: Order) -> Answer:
    """Have the task wait after its current step."""
    task = order.live
    if task is None:
        return _none(order)
    if task.status is Status.WAITING:
        return refused(f"Task `{task.id}` waits for a person already; nothing is spent meanwhile.", task_id=task.id)
    words = f"by {person(order.actor)}; `/opus resume` goes on."
    tasks, now = order.services.store.tasks, time.time()
    order.actions.change(lambda connection: tasks.pause(connection, task.id, words, now))
    order.actions.wake(task.id)
    return Answer(task_id=task.id, data={"nod": "hold" if task.status is Status.QUEUED else "pause"})


def resume(order: Order) -> Answer:
    """Have a paused task go on."""
    task = order.live
    if task is None:
        return _none(order)
    if task.approval is Approval.ASKED:
        words = f"Task `{task.id}` waits for its plan to be approved: `/opus approve {task.id}`."
        return refused(words, task_id=task.id)
    if task.question:
        return refused(f"Task `{task.id}` waits for an answer: `/opus answer {task.id} <text>`.", task_id=task.id)
    if task.status is not Status.WAITING and not task.pause:
        return refused(f"Task `{task.id}` is not paused.", task_id=task.id)
    tasks = order.services.store.tasks
    order.actions.change(lambda connection: tasks.resume(connection, task.id))
    order.actions.wake(task.id)
    return _done(task)


def cancel(order: Order) -> Answer:
    """End the task."""
    task = order.live
    if task is None:
        return _none(order)
    order.actions.cancel(task.id, f"by {person(order.actor)}")
    return _done(task)


def approve(order: Order) -> Answer:
    """Let the work of an approved plan begin."""
    task = order.live
    if task is None:
        return _none(order)
    if task.approval is not Approval.ASKED:
        return _no_plan(task)
    tasks, who = order.services.store.tasks, person(order.actor)
    order.actions.change(lambda connection: tasks.approve(connection, task.id))
    order.actions.change(lambda connection: tasks.remark(connection, task.id, f"The plan was approved by {who}."))
    order.actions.wake(task.id)
    return _done(task)


def reject(order: Order) -> Answer:
    """Have the task make another plan, with the reason why not this one."""
    task = order.live
    if task is None:
        return _none(order)
    if task.approval is not Approval.ASKED:
        return _no_plan(task)
    answer = say(order)
    return replace(answer, data={**answer.data, "nod": "leave"}) if task.kind is Kind.FIX_CI else answer


def _no_plan(task: Task) -> Answer:
    given = task.approval is Approval.GIVEN
    words = "its plan is approved already." if given else "it has no plan that waits for approval."
    return refused(f"Task `{task.id}`: {words} `/opus bg status {task.id}` tells how far it is.", task_id=task.id)


def prioritise(order: Order) -> Answer:
    """Put a task before others or after them."""
    task, level = order.live, order.command.text
    if task is None:
        return _none(order)
    tasks = order.services.store.tasks
    order.actions.change(lambda connection: tasks.prioritise(connection, task.id, beginning.LEVELS[level]))
    return Answer(task_id=task.id, data={"nod": level})


def reassign(order: Order) -> Answer:
    """Have another model go on with a task."""
    task, model = order.live, order.command.text
    if task is None:
        return _none(order)
    problem = beginning.model_problem(order.services.settings, model)
    if problem:
        return refused(f"{problem} For example: `/opus reassign {task.id} {order.services.settings.models[0]}`.")
    tasks = order.services.store.tasks
    order.actions.change(lambda connection: tasks.reassign(connection, task.id, model))
    return _done(task)


def retry(order: Order) -> Answer:
    """Start again: an issue with its text as it is now, other work as it was asked for; decided anew."""
    task, here = order.task, order.here
    if task is None or here is None:
        return _none(order)
    running = f"Task `{task.id}` is still running. `/opus bg cancel {task.id}` ends it first." if order.live else ""
    if running or here.mistake:
        return refused(running or here.mistake, task_id=task.id)
    if task.kind is not Kind.RESOLVE_ISSUE:
        return again(order, task, task.title, task.text, onto=task.onto)
    if here.issue is None or here.issue.state != "open":
        return refused("The issue is closed. Open it again first.", task_id=task.id)
    decision = policy.ask(here.facts, here.config, "starting work")
    if not decision.allowed:
        return beginning.refusal(decision)
    title, text = here.issue.title, here.issue.body
    request = starting.make_request(order.actions, task.subject, here.config, decision, title, text)
    return beginning.submitted(order, request, decision)


def clone(order: Order) -> Answer:
    """Start the same work beside the task, in other words if some were said."""
    task = order.task
    if task is None:
        return _none(order)
    if task.kind in NAMES:
        words = f"Task `{task.id}` was not asked for in words. `/opus retry {task.id}` starts it anew."
        return refused(words, task_id=task.id)
    changed = clean(order.command.text)
    if not changed.text.strip():
        return again(order, task, task.title, task.text)
    quoted = "\n".join(f"> {line}" for line in (task.text or task.title).splitlines())
    text = (
        f"{changed.text}\n\nThis task was cloned from task {task.id}, which was asked for in these words:\n\n{quoted}"
    )
    return again(order, task, changed.text, text, removed=changed.removed)


def again(order: Order, task: Task, title: str, text: str, *, onto: str = "", removed: Sequence[str] = ()) -> Answer:
    """Start a task like another one, decided anew; with ``onto`` in the pull request in which that one went on.

    ``removed`` is what was hidden in words that are new, beside what was in those of the other one.
    """
    if order.here is None:
        return _none(order)
    if order.here.mistake:
        return refused(order.here.mistake, task_id=task.id)
    decision = policy.ask(order.here.facts, order.here.config, "starting work")
    if not decision.allowed:
        return beginning.refusal(decision)
    kind = Kind.BACKGROUND if task.kind is Kind.RESOLVE_ISSUE else task.kind
    subject = task.subject if task.kind is not Kind.RESOLVE_ISSUE else Subject("issue", task.subject.number)
    limits = order.here.config.limits.tasks
    request = TaskRequest(
        kind=kind,
        repository=task.repository,
        installation_id=task.installation_id,
        subject=subject,
        title=beginning.title_of(title),
        text=text,
        actor=order.actor,
        mode=beginning.narrowed(task.mode, order.here.config.mode),
        limits=decision.limits,
        delivery=order.actions.event.guid,
        removed=(*removed, *task.removed),
        at_once=(limits.repository, limits.actor),
        key=f"again:{order.key}",
        plan_first=task.approval is not Approval.NONE,
        model=task.model,
        base=task.base,
        follows=task.follows if onto else "",
        onto=onto,
    )
    return beginning.submitted(order, request, decision)


def _none(order: Order) -> Answer:
    if order.task is not None:
        return _ended(order.task)
    return refused("There is no such task. `/opus bg status` lists what runs.")
