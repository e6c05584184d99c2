"""A row of the table of tasks, made from a request and read back into a Task."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import Any

from jobs.types import Actor, Approval, Conclusion, Kind, Limits, Mode, Phase, Status, Subject, Task, TaskRequest


def new_row(request: TaskRequest, key: str, now: float) -> dict[str, Any]:
    """Return the columns of a new task; ``key`` stands for its subject while it is active."""
    return {
        "id": secrets.token_hex(3),
        "kind": request.kind.value,
        "repository": request.repository,
        "installation_id": request.installation_id,
        "subject": str(request.subject),
        "title": request.title,
        "text": request.text,
        "removed": list(request.removed),
        "actor": asdict(request.actor),
        "mode": request.mode.value,
        "limits": asdict(request.limits),
        "delivery": request.delivery,
        "status": Status.QUEUED.value,
        "phase": Phase.PREPARING.value,
        "plan": [],
        "attempt": 0,
        "crashes": 0,
        "priority": request.priority,
        "summary": "",
        "question": "",
        "edited": False,
        "cancel": "",
        "pause": "",
        "note": "",
        "at_once": list(request.at_once),
        "active_key": key,
        "created_at": now,
        "worked_seconds": 0.0,
        "lease_owner": "",
        "lease_until": 0.0,
        "not_before": 0.0,
        "told": False,
        "tell_attempts": 0,
        "approval": (Approval.WANTED if request.plan_first else Approval.NONE).value,
        "model": request.model,
        "follows": request.follows,
        "onto": request.onto,
        "base": request.base,
        "about": dict(request.about),
        "listens": "",
    }


def read_task(row: Any) -> Task:
    """Return the task that a row holds."""
    return Task(
        id=row.id,
        kind=Kind(row.kind),
        repository=row.repository,
        installation_id=row.installation_id,
        subject=Subject.parse(row.subject),
        title=row.title,
        text=row.text,
        actor=Actor(**row.actor),
        mode=Mode(row.mode),
        limits=Limits(**row.limits),
        status=Status(row.status),
        created_at=row.created_at,
        removed=tuple(row.removed),
        conclusion=None if row.conclusion is None else Conclusion(row.conclusion),
        phase=Phase(row.phase),
        attempt=row.attempt,
        priority=row.priority,
        summary=row.summary,
        question=row.question,
        edited=row.edited,
        cancel=row.cancel,
        pause=row.pause,
        started_at=row.started_at,
        completed_at=row.completed_at,
        approval=Approval(row.approval),
        model=row.model,
        follows=row.follows,
        onto=row.onto,
        base=row.base,
        about=row.about or {},
        listens=row.listens,
    )
