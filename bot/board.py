"""What the pages show, read from the store; nothing of it asks GitHub or a model, so a page is always quick."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.dashboard.data import Counts, NextStep, Part, TaskPage
from bot.dashboard.steps import next_steps
from config.settings import problems, secrets
from jobs.breaker import Breaker
from jobs.notify import DIAGNOSED, PULL_REQUEST
from jobs.text.redact import redact
from jobs.types import Approval, Diagnosis, Kind, Outcome, PlanItem, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from config.settings import Settings
    from jobs.store import Store
    from jobs.types import Message, Step, Task

LATE_SECONDS = 60.0
LEAST_FREE_BYTES = 2 * 1024**3


class Board:
    """The dashboard's data."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings, self._store = settings, store
        self._secrets = secrets(settings)

    def next_steps(self) -> Sequence[NextStep]:
        """Return what is to be done, in order."""
        from config.repository import defaults  # noqa: PLC0415 - the web process answers sooner without YAML

        settings = self._settings
        return next_steps(
            problems(settings),
            public_url=settings.public_url,
            installations=self._store.records.installation_count(),
            install_url=f"{settings.github_server_url}/settings/apps",
            label=defaults().labels[0],
            tasks=sum(self._store.tasks.counts().values()),
        )

    def parts(self) -> Sequence[Part]:
        """Return the health of the parts."""
        late = self._store.tasks.late(time.time() - LATE_SECONDS)
        waiting = self._store.deliveries.late(time.time() - LATE_SECONDS)
        free = _free_bytes(self._settings.home)
        kinds = sorted({name.partition(":")[0] for name in Breaker(self._store.records).open()})
        away = [Part(kind.capitalize(), "wait", "away; what needs it waits") for kind in kinds]
        return [
            Part("Receiver", "good", "stores what GitHub sends"),
            Part("Inbox", "wait" if waiting else "good", f"{waiting} deliveries wait" if waiting else "nothing waits"),
            Part("Workers", "wait" if late else "good", f"{late} tasks wait for their turn" if late else "keep up"),
            *away,
            Part("Disk", "good" if free > LEAST_FREE_BYTES else "bad", f"{free / 1024**3:.1f} GB free"),
        ]

    def counts(self) -> Counts:
        """Return how many tasks are where."""
        counts = self._store.tasks.counts()
        recent = self._store.tasks.completed_since(time.time() - 86400)
        queued, running, waiting = (
            counts.get(status, 0) for status in (Status.QUEUED, Status.IN_PROGRESS, Status.WAITING)
        )
        listening = self._store.tasks.listening()
        return Counts(queued - listening, running, waiting, recent, listening)

    def task(self, task_id: str) -> TaskPage | None:
        """Return a task's page, without secrets."""
        store = self._store
        row, task = store.tasks.row(task_id), store.tasks.get(task_id)
        if task is None:
            return None
        task = replace(
            task, title=self._text(task.title), text=self._text(task.text), question=self._text(task.question)
        )
        outcome = None if row.outcome is None else Outcome.load(_walk(row.outcome, self._text))
        plan = tuple(PlanItem(**item) for item in row.plan)
        usage, cost, _ = store.runs.totals(task_id)
        pull_request = store.records.place(task_id, PULL_REQUEST)
        planned = store.runs.stage(task_id, "planned")
        triaged = store.runs.stage(task_id, DIAGNOSED) if task.kind is Kind.FIX_CI else None
        steps = store.runs.steps(task_id)
        working = task.status is Status.IN_PROGRESS and task.started_at
        elapsed = row.worked_seconds or (time.time() - task.started_at if working and task.started_at else 0.0)
        return TaskPage(
            task=task,
            plan=plan,
            percent=round(100 * sum(item.state == "done" for item in plan) / len(plan)) if plan else 0,
            elapsed_seconds=elapsed,
            cost=cost,
            usage=usage,
            steps=tuple(self._redacted(step) for step in steps),
            planning_steps=_planning_steps(task, len(steps), planned),
            approved_plan=self._text(planned["plan"]) if planned and task.approval is Approval.GIVEN else "",
            outcome=outcome,
            subject_url=_subject_url(self._settings.github_server_url, task),
            pull_request_url=pull_request.url if pull_request else "",
            note=self._text(row.note),
            diagnosis=Diagnosis.load(_walk(triaged, self._text)) if triaged else None,
        )

    def _redacted(self, step: Step) -> Step:
        return replace(step, reply=self._clean(step.reply), results=step.results and self._clean(step.results))

    def _clean(self, message: Message) -> Message:
        cleaned: Message = _walk(message, self._text)
        return cleaned

    def _text(self, text: str) -> str:
        return redact(text, self._secrets)


def _subject_url(server_url: str, task: Task) -> str:
    """Return where the task's issue, pull request or red commit is; nothing for work that belongs to none."""
    if not task.subject.number:
        sha = str(task.about.get("sha", "")) if task.kind is Kind.FIX_CI else ""
        return f"{server_url}/{task.repository}/commit/{sha}" if sha else ""
    where = "pull" if task.subject.kind == "pull" else "issues"
    return f"{server_url}/{task.repository}/{where}/{task.subject.number}"


def _planning_steps(task: Task, steps: int, planned: Mapping[str, Any] | None) -> int:
    """Return how many of a task's first steps made its plan."""
    if task.approval in {Approval.WANTED, Approval.ASKED}:
        return steps
    return int(planned["steps"]) if planned else 0


def _free_bytes(home: Path) -> int:
    """Return the room on the disk that ``home`` is on, or will be on once it is made."""
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    return shutil.disk_usage(there).free


def _walk(value: Any, change: Callable[[str], str]) -> Any:
    """Apply a change to every text inside a JSON value."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_walk(item, change) for item in value]
    if isinstance(value, dict):
        return {key: _walk(item, change) for key, item in value.items()}
    return value
