"""Answers a question about a repository from a run that changes nothing: no branch, no pull request, no check run."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from jobs.agent.tools import Purpose
from jobs.answer.links import references
from jobs.kinds.endings import stopped
from jobs.kinds.journal import StoredJournal
from jobs.kinds.preparing import reading_room
from jobs.kinds.running import run_agent
from jobs.types import Conclusion, LimitReached, LoopDetected, ModelError, Outcome

if TYPE_CHECKING:
    from jobs.answer.links import Reference
    from jobs.execute import Attempt

FILE_LIMIT = 8_000_000


def ask(attempt: Attempt) -> Outcome:
    """Return the answer, or why there is none."""
    task, runs = attempt.task, attempt.services.store.runs
    stored = runs.stage(task.id, "answered")
    if stored is not None:
        return Outcome.load(stored)
    try:
        outcome = _answered(attempt)
    except (LimitReached, LoopDetected) as end:
        outcome = stopped(end)
    except ModelError as error:
        outcome = Outcome(Conclusion.FAILURE, str(error))
    runs.finish_stage(task.id, task.attempt, "answered", asdict(outcome), time.time())
    return outcome


def _answered(attempt: Attempt) -> Outcome:
    with reading_room(attempt) as room:
        answer = run_agent(attempt, room, StoredJournal(attempt), Purpose.ASK).summary
    task, commit = attempt.task, room.base.commit
    server = attempt.services.settings.github_server_url.rstrip("/")
    return Outcome(
        Conclusion.SUCCESS,
        answer,
        blob_url=f"{server}/{task.repository}/blob/{commit}",
        references=_good(attempt, commit, references(answer)),
    )


def _good(attempt: Attempt, commit: str, named: tuple[Reference, ...]) -> tuple[str, ...]:
    """Return the references whose file has so many lines at the commit."""
    mirror, repository = attempt.services.mirror, attempt.task.repository
    there = set(mirror.list_files(repository, commit)) if named else set()
    lines: dict[str, int] = {}
    for path in {reference.path for reference in named} & there:
        data = mirror.read(repository, commit, path, FILE_LIMIT) or b""
        lines[path] = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    return tuple(str(reference) for reference in named if reference.last <= lines.get(reference.path, 0))
