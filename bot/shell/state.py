"""A task as it is now, as JSON: what the API answers, and what a terminal shows of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from jobs.text import redact
from jobs.types import Status

if TYPE_CHECKING:
    from jobs.answer.view import TaskView
    from jobs.services import Services

State = dict[str, Any]


def state_of(services: Services, task_id: str) -> State:
    """Return a task without secrets; raises UserError where there is none of this id."""
    from bot.control.looking import summary  # noqa: PLC0415 - the shell answers sooner without, and needs it to watch
    from jobs.answer.words import headline, phase_of  # noqa: PLC0415 - as above
    from jobs.notify import view_of  # noqa: PLC0415 - as above

    view = view_of(services, task_id)
    task, head = view.task, headline(view)
    state = summary(view) | {
        "mark": head.mark,
        "next": head.next,
        "doing": phase_of(task) if task.status is Status.IN_PROGRESS else "",
        "seconds": round(_seconds(view), 1),
        "ahead": view.ahead,
        **_work(view),
    }
    cleaned: State = _redacted(state, services.redacted)
    return cleaned


def _seconds(view: TaskView) -> float:
    """Return how long it was worked on; while nobody has counted yet, how long ago somebody began."""
    if view.task.status is Status.IN_PROGRESS and not view.elapsed_seconds and view.task.started_at:
        return max(time.time() - view.task.started_at, 0.0)
    return view.elapsed_seconds


def _work(view: TaskView) -> State:
    """Return what a run left behind: the checks, and the size of the patch."""
    outcome = view.outcome
    if outcome is None:
        return {"draft_reason": "", "checks": [], "files": 0, "additions": 0, "deletions": 0}
    checks = [
        {"command": one.command, "exit_code": one.exit_code, "passed": one.passed, "failed": one.failed}
        for one in outcome.evidence
    ]
    patch = outcome.patch
    return {
        "draft_reason": outcome.draft_reason,
        "checks": checks,
        "files": len(patch.files) if patch else 0,
        "additions": patch.additions if patch else 0,
        "deletions": patch.deletions if patch else 0,
    }


def _redacted(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, list):
        return [_redacted(item, secrets) for item in value]
    if isinstance(value, dict):
        return {key: _redacted(item, secrets) for key, item in value.items()}
    return value
