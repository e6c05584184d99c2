"""Runs the agent for a task: the models that it may ask, what it is told at the beginning, and where its steps go."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.agent import prompts
from jobs.agent.loop import work
from jobs.agent.tools import Purpose
from jobs.kinds.choosing import ChosenModel
from jobs.kinds.journal import approved_plan
from jobs.kinds.preparing import budgeted
from jobs.lease import InterruptibleModel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from jobs.agent.tools import FinishRequest
    from jobs.execute import Attempt
    from jobs.kinds.base import Base
    from jobs.kinds.journal import StoredJournal
    from jobs.kinds.preparing import Bench
    from jobs.types import Message, Model

EARLIER_LIMIT = 12_000


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the agent is asked to do, where that is more than the task's own words.

    ``request`` is the first message and ``before`` the conversation that it goes on from; ``asked`` is what the
    reviewer is told of the request. ``hear`` answers the tools that report something; ``on_finish`` may send the agent
    back to work before anything is checked. ``worked_seconds`` is how long this attempt has worked already.
    Whatever is empty comes from the task.
    """

    purpose: Purpose = Purpose.WORK
    request: Message | None = None
    before: tuple[Message, ...] = ()
    asked: str = ""
    hear: Callable[[str, Mapping[str, Any]], str] | None = None
    worked_seconds: float = 0.0
    on_finish: Callable[[FinishRequest], str | None] | None = None


PLAIN = Assignment()


def run_agent(
    attempt: Attempt,
    opened: Bench,
    journal: StoredJournal,
    purpose: Purpose,
    on_finish: Callable[[FinishRequest], str | None] = lambda _request: None,
    *,
    request: Message | None = None,
    hear: Callable[[str, Mapping[str, Any]], str] | None = None,
    before: Sequence[Message] = (),
    worked_seconds: float = 0.0,
) -> FinishRequest:
    """Let the agent go on until it finishes; raises what stops it.

    ``request`` stands in place of the task's own words; the rest is as in an ``Assignment``.
    """
    base, task = opened.base, attempt.task
    models = base.config.models
    plans = purpose not in {Purpose.ASK, Purpose.REVIEW}
    with ExitStack() as stack:

        def model(names: Sequence[str]) -> Model:
            chosen = stack.enter_context(closing(ChosenModel(attempt, names)))
            return budgeted(attempt, base.config, InterruptibleModel(chosen, attempt.lease))

        return work(
            model=model(models.review if purpose is Purpose.REVIEW else models.code),
            planner=model(models.plan) if models.plan and plans else None,
            sandbox=opened.sandbox,
            journal=journal,
            system=_system(attempt, base, purpose),
            request=request or _request(attempt, base, purpose),
            limits=task.limits,
            on_finish=on_finish,
            # A clock that people set must not end a run at its limit of minutes.
            now=time.monotonic,
            started_at=time.monotonic() - attempt.services.store.tasks.row(task.id).worked_seconds - worked_seconds,
            purpose=purpose,
            paid=journal.paid(),
            before=before,
            hear=hear,
        )


def earlier_work(attempt: Attempt) -> str:
    """Return what the task that this one follows was asked, and how it ended; empty where it follows none."""
    tasks = attempt.services.store.tasks
    earlier = tasks.get(attempt.task.follows) if attempt.task.follows else None
    if earlier is None:
        return ""
    parts = [
        "Asked: " + earlier.title,
        earlier.text[:EARLIER_LIMIT],
        "Done: " + (earlier.summary or "(nothing is known)"),
    ]
    return "\n\n".join(part for part in parts if part.strip())


def _request(attempt: Attempt, base: Base, purpose: Purpose) -> Message:
    task, earlier = attempt.task, earlier_work(attempt)
    return prompts.request_message(
        repository=task.repository,
        subject=task.subject,
        title=task.title,
        text=task.text,
        asked_by=task.actor.login or task.actor.id,
        purpose=purpose,
        earlier="" if base.expected else earlier,
        followed=earlier if base.expected else "",
        plan=approved_plan(attempt),
    )


def _system(attempt: Attempt, base: Base, purpose: Purpose) -> str:
    task = attempt.task
    if purpose in prompts.READERS:
        return prompts.reading_prompt(
            purpose,
            repository=task.repository,
            base_branch=base.checked_out,
            commit=base.commit,
            limits=task.limits,
            instructions=base.instructions,
        )
    return prompts.system_prompt(
        repository=task.repository,
        base_branch=base.checked_out,
        mode=task.mode,
        limits=task.limits,
        checks=base.checks,
        hosts=base.config.hosts.work,
        protected=base.config.protected,
        instructions=base.instructions,
    )
