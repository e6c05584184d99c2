"""A run's memory in the store, under its lease, and its ear for what people say to it."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from jobs.types import PatchRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.execute import Attempt
    from jobs.types import Phase, PlanItem, Step

CHECKPOINT_SECONDS = 30.0
"""How much work may be lost with a sandbox that outlives its worker."""
CHECKPOINT_SHARE = 10.0
"""In other sandboxes, each checkpoint is followed by at least so many times its own length of work."""


class StoredJournal:
    """Each step is stored before the next begins; from time to time the workspace is too."""

    def __init__(self, attempt: Attempt, checkpoint: Callable[[], object], *, outlives: bool, notice: str = "") -> None:
        self._attempt, self._checkpoint, self._outlives = attempt, checkpoint, outlives
        self._notices = [notice] if notice else []
        self._handed_out: set[int] = set()
        self._keep_at = time.monotonic() + (CHECKPOINT_SECONDS if outlives else 0.0)

    def steps(self) -> list[Step]:
        """Return the steps of earlier attempts."""
        return self._attempt.services.store.runs.steps(self._attempt.task.id)

    def record(self, step: Step) -> None:
        """Store a step; raises LeaseLost."""
        task, runs = self._attempt.task, self._attempt.services.store.runs
        delivered = sorted(self._handed_out) if step.results is not None else ()
        runs.record(task.id, task.attempt, step, time.time(), delivered=delivered)
        self._attempt.teller.changed()
        if step.results is not None and time.monotonic() > self._keep_at:
            self._keep()

    def _keep(self) -> None:
        """Keep the workspace; what is too large for that now may be small again at the end, which tells if not."""
        began = time.monotonic()
        with contextlib.suppress(PatchRefused):
            self._checkpoint()
        now = time.monotonic()
        self._keep_at = now + (CHECKPOINT_SECONDS if self._outlives else (now - began) * CHECKPOINT_SHARE)

    def attend(self) -> list[str]:
        """Return what people said since; raises what must stop the run."""
        self._attempt.lease.check()
        heard, self._notices = self._notices, []
        for number, speaker, text in self._attempt.services.store.runs.unheard(self._attempt.task.id):
            if number not in self._handed_out:
                self._handed_out.add(number)
                heard.append(f"@{speaker}: {text}")
        return heard

    def progress(self, phase: Phase, plan: Sequence[PlanItem]) -> None:
        """Store and show how far the run has come."""
        task = self._attempt.task
        self._attempt.services.store.tasks.progress(task.id, task.attempt, phase, plan)
        self._attempt.teller.changed()
