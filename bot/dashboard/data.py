"""What the pages show, and where it comes from: a small protocol that the store's side fulfils."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.types import Diagnosis, Outcome, PlanItem, Step, Task, Usage


@dataclass(frozen=True, slots=True)
class NextStep:
    """One thing to do before the bot is useful; ``link`` and ``command`` may be empty."""

    title: str
    text: str
    done: bool
    link: str = ""
    link_text: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the running bot; ``state`` is good, wait or bad, and ``words`` hold nothing private."""

    name: str
    state: str
    words: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How many tasks are where; ``completed`` are those of the last 24 hours, ``listening`` those that wait for CI."""

    queued: int = 0
    in_progress: int = 0
    waiting: int = 0
    completed: int = 0
    listening: int = 0


@dataclass(frozen=True, slots=True)
class TaskPage:
    """All that a task's page shows. Texts are shown as they are: secrets must have been redacted before.

    ``subject_url`` is of the issue, pull request or red commit, and empty for work that belongs to none; the first
    ``planning_steps`` made the plan that people approve before the work.
    """

    task: Task
    plan: tuple[PlanItem, ...]
    percent: int
    elapsed_seconds: float
    cost: float
    usage: Usage
    steps: tuple[Step, ...]
    outcome: Outcome | None = None
    subject_url: str = ""
    pull_request_url: str = ""
    note: str = ""
    planning_steps: int = 0
    approved_plan: str = ""
    diagnosis: Diagnosis | None = None


class DashboardData(Protocol):
    """What the pages ask for; every call must be quick, since the first page is public."""

    def next_steps(self) -> Sequence[NextStep]:
        """Return what is to be done, in order; see ``bot.dashboard.steps``."""
        ...

    def parts(self) -> Sequence[Part]:
        """Return the health of the parts, without anything private."""
        ...

    def counts(self) -> Counts:
        """Return how many tasks are where."""
        ...

    def task(self, task_id: str) -> TaskPage | None:
        """Return a task's page, or None where there is no such task."""
        ...


@dataclass(frozen=True)
class Dashboard:
    """What the blueprint finds in the application: the data, and the key of the capability links."""

    data: DashboardData
    secret: bytes = field(repr=False)
