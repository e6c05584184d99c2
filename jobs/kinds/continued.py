"""The conversation that work goes on from: that of the task before it on the same branch, made light."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from jobs.agent import prompts
from jobs.agent.earlier import earlier_conversation
from jobs.kinds.journal import first_step_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.execute import Attempt
    from jobs.kinds.base import Base
    from jobs.types import Message, Task

OPENING = "opening"
ROUND = "round"
LONGEST = 240_000
"""Characters of the earlier conversation; of a smaller model's context it may take a third."""

MOST_FOLLOWED = 20


def opening(attempt: Attempt, base: Base, make: Callable[[bool], Message]) -> tuple[tuple[Message, ...], Message]:
    """Return the earlier conversation and the first message behind it, the same in every attempt of a round.

    ``make`` writes that message, and is told whether an earlier conversation stands before it.
    """
    task, runs = attempt.task, attempt.services.store.runs
    stored = runs.stage(task.id, OPENING)
    if stored is None:
        before = _before(attempt, _room(attempt, base))
        stored = {"before": before, "request": make(bool(before))}
        runs.finish_stage(task.id, task.attempt, OPENING, stored, time.time())
    return tuple(stored["before"]), stored["request"]


def _before(attempt: Attempt, room: int) -> list[Message]:
    """Return what came before: the rounds before this one in the same task, or the task that this one follows."""
    tasks, runs = attempt.services.store.tasks, attempt.services.store.runs
    earlier = runs.stage(attempt.task.id, ROUND)
    if earlier is not None:
        return _fitting(earlier.get("opening"), earlier.get("from", 0), earlier["steps"], attempt, attempt.task, room)
    followed, most = tasks.get(attempt.task.follows) if attempt.task.follows else None, MOST_FOLLOWED
    # A task in between that asked no model, such as a merge that went by itself, has nothing to tell.
    while followed is not None and followed.follows and most and not runs.steps(followed.id):
        followed, most = tasks.get(followed.follows), most - 1
    if followed is None:
        return []
    steps = len(runs.steps(followed.id))
    return _fitting(runs.stage(followed.id, OPENING), first_step_of(runs, followed), steps, attempt, followed, room)


def so_far(attempt: Attempt) -> dict[str, Any]:
    """Return what the next round of a task must know of this one, for ``begin_round``."""
    runs, task = attempt.services.store.runs, attempt.task
    steps = len(runs.steps(task.id))
    return {"opening": runs.stage(task.id, OPENING), "from": first_step_of(runs, task), "steps": steps}


def _fitting(stored: Any, first: int, behind: int, attempt: Attempt, task: Task, room: int) -> list[Message]:
    steps = [step for step in attempt.services.store.runs.steps(task.id) if first <= step.index < behind]
    if not steps:
        return list(stored["before"]) if stored else []
    before, request = (stored["before"], stored["request"]) if stored else ((), _request(task))
    return earlier_conversation(before, request, steps, room)


def _room(attempt: Attempt, base: Base) -> int:
    """Return how many characters of earlier conversation all the models that may be asked can take."""
    from jobs.models.prices import known  # noqa: PLC0415 - only workers need it

    chosen = attempt.task.model
    names = (chosen,) if chosen else (base.config.models.code or attempt.services.settings.models)
    # A third of the context, at three characters a token.
    return min([LONGEST, *(known(name).context for name in (*names, *base.config.models.plan))])


def _request(task: Task) -> Message:
    return prompts.request_message(
        repository=task.repository,
        subject=task.subject,
        title=task.title,
        text=task.text,
        asked_by=task.actor.login or task.actor.id,
    )
