"""One task played through ahead of all others, with nobody: what code makes as it first runs is made once.

Workers are forked afterwards and share it. What a rehearsal stores goes into a database of its own, gone with it.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from config import repository
from jobs.agent.tools import Purpose, toolbox
from jobs.answer.check_run import check_output
from jobs.answer.comment import living_comment
from jobs.budget import spent_today
from jobs.models.rehearsal import rehearse as rehearse_models
from jobs.notify import view_of
from jobs.services import build
from jobs.store import Place, default_url
from jobs.text import redact, redact_all
from jobs.types import (
    Actor,
    AuditEntry,
    Conclusion,
    Kind,
    Limits,
    Mode,
    Outcome,
    Phase,
    Step,
    Subject,
    TaskRequest,
    Usage,
)

if TYPE_CHECKING:
    from config.settings import Settings
    from jobs.services import Services
    from jobs.types import Message

ANSWER: Message = {"role": "assistant", "content": []}
NOBODY = Actor("github", "1", "nobody")
REQUEST = TaskRequest(
    kind=Kind.RESOLVE_ISSUE,
    repository="nobody/nothing",
    installation_id=1,
    subject=Subject("issue", 1),
    title="Nothing",
    text="Nothing.",
    actor=NOBODY,
    mode=Mode.CONSERVATIVE,
    limits=Limits(1.0, 1, 1, 1.0),
    delivery="rehearsal",
)


def rehearse(settings: Settings) -> None:
    """Do once what each worker does first; raises what a store raises that cannot be had, and OSError."""
    rehearse_models(settings.models)
    with tempfile.TemporaryDirectory(prefix="opus67-rehearsal-") as folder:
        services = build(replace(settings, database_url=default_url(Path(folder))))
        services.store.database.share()
        services.store.create()
        services.github.warm()
        repository.parse("")
        for purpose in Purpose:
            toolbox(purpose)
        play(services)
        services.store.close()


def play(services: Services) -> None:
    """Bring a task from its request to its end, as its store sees it."""
    store, now = services.store, time.time()
    with store.write() as connection:
        asked = store.tasks.submit(connection, REQUEST, now)[0]
    store.tasks.due(now)
    store.tasks.most_urgent(asked.id, now)
    store.tasks.claim(asked.id, "nobody", now)
    task = replace(asked, attempt=1)
    store.tasks.renew(task.id, task.attempt, now)
    store.tasks.check(task.id, task.attempt)
    store.runs.finish_stage(task.id, task.attempt, "prepared", {}, now)
    store.records.save_place(task.id, "comment", Place("1", "", ""))
    view = view_of(services, task.id)
    redact(living_comment(view), services.redacted)
    redact_all(check_output(view), services.redacted)
    store.audit.record(AuditEntry("rehearsal", actor=NOBODY))
    store.runs.checkpoint(task.id)
    store.tasks.progress(task.id, task.attempt, Phase.CODING, [])
    store.runs.unheard(task.id)
    spent_today(store, task.repository, now)
    store.runs.record(task.id, task.attempt, Step(0, ANSWER, None, Usage(), 0.0, "", 0.0), now)
    store.runs.steps(task.id)
    store.tasks.complete(task.id, task.attempt, Outcome(Conclusion.SUCCESS, "Nothing."), worked=0.0, now=now)
    store.tasks.told(task.id, task.attempt)
