"""A run's memory in the store, under its lease, and its ear for what people say to it."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from jobs.agent.transcript import is_answered
from jobs.text import redact_all
from jobs.types import Approval, PatchRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.execute import Attempt
    from jobs.store.runs import Runs
    from jobs.types import Phase, PlanItem, Step, Task

VERDICT = "verdict"
"""The stage that holds what became of it when the agent said that it was done."""
CHECKPOINT_SECONDS = 30.0
"""How much work may be lost with a sandbox that outlives its worker."""
CHECKPOINT_SHARE = 10.0
"""In other sandboxes, each checkpoint is followed by at least so many times its own length of work."""


def approved_plan(attempt: Attempt) -> str:
    """Return the plan that people approved, or nothing where the work began without one."""
    planned = attempt.services.store.runs.stage(attempt.task.id, "planned")
    return str(planned["plan"]) if planned and attempt.task.approval is Approval.GIVEN else ""


def first_step(attempt: Attempt) -> int:
    """Return the number of the first step of this conversation: behind the steps of its planning and earlier rounds."""
    return first_step_of(attempt.services.store.runs, attempt.task)


def first_step_of(runs: Runs, task: Task) -> int:
    """Return the number of the first step of a task's newest conversation."""
    planned, current = runs.stage(task.id, "planned"), runs.stage(task.id, "round")
    before = int(planned["steps"]) if planned and task.approval is Approval.GIVEN else 0
    return max(before, int(current["steps"]) if current else 0)


class StoredJournal:
    """Each step of one conversation is stored before the next begins; from time to time the workspace is too.

    ``checkpoint`` keeps the workspace; a run that changes nothing has none.
    """

    def __init__(
        self,
        attempt: Attempt,
        checkpoint: Callable[[], object] | None = None,
        *,
        outlives: bool = True,
        notice: str = "",
    ) -> None:
        self._attempt, self._checkpoint, self._outlives = attempt, checkpoint, outlives
        self._first = first_step(attempt)
        self._notices = [notice] if notice else []
        self._holds_back = self._at_the_end()
        self._handed_out: set[int] = set()
        self._keep_at = time.monotonic() + (CHECKPOINT_SECONDS if outlives else 0.0)

    def steps(self) -> list[Step]:
        """Return the steps of earlier attempts at this conversation, numbered from 0."""
        steps = self._attempt.services.store.runs.steps(self._attempt.task.id)
        return [replace(step, index=step.index - self._first) for step in steps if step.index >= self._first]

    def paid(self) -> list[Step]:
        """Return the steps of the conversation before this one; they count in the task's limits."""
        steps = self._attempt.services.store.runs.steps(self._attempt.task.id)
        return [step for step in steps if step.index < self._first]

    def _at_the_end(self) -> bool:
        """Tell whether the agent said that it was done, had no answer yet, and the work was kept just then.

        A new sandbox has all of that, so a word about it must not send the agent back.
        """
        task, runs = self._attempt.task, self._attempt.services.store.runs
        verdict, steps = runs.stage(task.id, VERDICT), runs.steps(task.id)
        return bool(verdict and steps) and verdict.get("step") == len(steps) and not is_answered(steps[-1])

    def record(self, step: Step) -> None:
        """Store a step; raises LeaseLost."""
        task, runs = self._attempt.task, self._attempt.services.store.runs
        delivered = sorted(self._handed_out) if step.results is not None else ()
        placed = replace(step, index=step.index + self._first)
        runs.record(task.id, task.attempt, placed, time.time(), delivered=delivered)
        self._attempt.teller.changed()
        self._holds_back = self._holds_back and step.results is None
        if step.results is not None and self._checkpoint is not None and time.monotonic() > self._keep_at:
            self._keep(self._checkpoint)

    def _keep(self, checkpoint: Callable[[], object]) -> None:
        """Keep the workspace; what is too large for that now may be small again at the end, which tells if not."""
        began = time.monotonic()
        with contextlib.suppress(PatchRefused):
            checkpoint()
        now = time.monotonic()
        self._keep_at = now + (CHECKPOINT_SECONDS if self._outlives else (now - began) * CHECKPOINT_SHARE)

    def attend(self) -> list[str]:
        """Return what people said since; raises what must stop the run."""
        self._attempt.lease.check()
        heard: list[str] = []
        if not self._holds_back:
            heard, self._notices = self._notices, []
        for number, speaker, text in self._attempt.services.store.runs.unheard(self._attempt.task.id):
            if number not in self._handed_out:
                self._handed_out.add(number)
                heard.append(f"@{speaker}: {text}")
        return heard

    def progress(self, phase: Phase, plan: Sequence[PlanItem]) -> None:
        """Store and show how far the run has come."""
        task, services = self._attempt.task, self._attempt.services
        services.store.tasks.progress(task.id, task.attempt, phase, redact_all(tuple(plan), services.redacted))
        self._attempt.teller.changed()
