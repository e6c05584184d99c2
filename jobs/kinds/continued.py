"""The conversation that work goes on from: that of the task before it on the same branch, made light."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from jobs.agent import prompts
from jobs.agent.context import cut
from jobs.agent.transcript import calls_of, is_answered, text_of, user_message, words
from jobs.kinds.journal import first_step_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from jobs.execute import Attempt
    from jobs.kinds.base import Base
    from jobs.types import Block, Message, Step, Task

OPENING = "opening"
ROUND = "round"
LONGEST = 240_000
"""Characters of the earlier conversation; of a smaller model's context it may take a third."""
CUTS = (4_000, 600)
"""Characters of one tool's input or result: tried in this order until the whole is short enough."""
STOPPED = "(The work was stopped there.)"
ENDED = "I ended the work here: {title}\n\n{summary}"


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
    followed = tasks.get(attempt.task.follows) if attempt.task.follows else None
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
    """Return a conversation as far as there is room: without what came before it, or not at all, where there is not."""
    steps = [step for step in attempt.services.store.runs.steps(task.id) if first <= step.index < behind]
    if not steps:
        return list(stored["before"]) if stored else []
    request = stored["request"] if stored else _request(task)
    for before in ([*stored["before"]] if stored else [], []):
        for longest in CUTS:
            whole = [*before, request, *_light(steps, longest)]
            if len(json.dumps(whole)) <= room:
                return whole
    return []


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


def _light(steps: Sequence[Step], longest: int) -> Iterator[Message]:
    """Yield the messages of steps without thinking, which is bound to its own conversation, and with long texts cut.

    The last one is the model's own words, so that another request can follow.
    """
    for step in steps:
        if is_answered(step) and step.results is not None:
            yield {"role": "assistant", "content": _shown(step, longest)}
            yield user_message([_cut(block, longest) for block in step.results["content"]])
        else:
            yield {"role": "assistant", "content": [words(_in_words(step))]}
            if step is not steps[-1]:
                yield user_message([words(STOPPED)])
    if is_answered(steps[-1]):
        yield {"role": "assistant", "content": [words(STOPPED)]}


def _shown(step: Step, longest: int) -> list[Block]:
    kept = [_cut(block, longest) for block in step.reply["content"] if block["type"] in {"text", "tool_use"}]
    return kept or [words(STOPPED)]


def _in_words(step: Step) -> str:
    """Return what a step said whose calls have no result, as the call that ends the work has none."""
    said = [text_of(step.reply)]
    for call in calls_of(step.reply):
        given = call["input"] if isinstance(call["input"], dict) else {}
        if call["name"] == "finish":
            said.append(ENDED.format(title=given.get("title", ""), summary=given.get("summary", "")))
    return "\n\n".join(part for part in said if part.strip()) or STOPPED


def _cut(block: Block, longest: int) -> Block:
    if block["type"] == "tool_result":
        return {**block, "content": cut(str(block["content"]), longest)}
    if block["type"] == "tool_use" and isinstance(block["input"], dict):
        given = {
            name: cut(value, longest) if isinstance(value, str) else value for name, value in block["input"].items()
        }
        return {**block, "input": given}
    if block["type"] == "text":
        return {**block, "text": cut(block["text"], longest)}
    return block
