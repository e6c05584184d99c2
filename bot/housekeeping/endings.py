"""What stands on GitHub of ended tasks: a worker that stood still and woke up may have overwritten the ending."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from jobs.answer.check_run import moved_output
from jobs.answer.comment import living_comment
from jobs.notify import CHECK, COMMENT, view_of
from jobs.scope import acting, of_task
from jobs.store import Place
from jobs.text.redact import redact, redact_all
from jobs.types import CHECK_NAME, REVIEW_CHECK_NAME, Kind, UserError

if TYPE_CHECKING:
    from jobs.github import Repository
    from jobs.services import Services
    from jobs.types import Task

REST_SECONDS = 60.0
"""So long after an ending nobody who was at it before is about to write any more."""
WATCHED_SECONDS = 86_400.0
LOOKED = "ending-looked:"

log = logging.getLogger(__name__)


def compare(services: Services, repository: Repository) -> None:
    """Look once at what each task shows that lately ended and had more than one worker; have it told anew if wrong."""
    records, now = services.store.records, time.time()
    for task in services.store.tasks.contested(repository.full_name, now - WATCHED_SECONDS, now - REST_SECONDS):
        key = f"{LOOKED}{task.id}"
        if records.value(key) is not None:
            continue
        with acting(of_task(task)):
            try:
                stale = _comment_is_stale(services, repository, task) | _checks_are_stale(services, repository, task)
            except UserError as refused:
                log.warning("what task %s shows cannot be looked at: %s", task.id, refused)
                stale = False
        records.keep(key, "", now)
        if stale:
            log.warning("task %s has ended, and GitHub shows something else; it is told again", task.id)
            services.store.tasks.tell_again(task.id)
            services.waker.task(task.id)


def _comment_is_stale(services: Services, repository: Repository, task: Task) -> bool:
    """Tell whether the living comment does not say what it should; one that somebody deleted is left deleted."""
    place = services.store.records.place(task.id, COMMENT)
    if place is None or not place.external_id.isdigit():
        return False
    shown = repository.comment(int(place.external_id))
    wanted = redact(living_comment(view_of(services, task.id)), services.redacted)
    if shown is None or shown.body == wanted:
        return False
    services.store.records.save_place(task.id, COMMENT, replace(place, shown=""))
    return True


def _checks_are_stale(services: Services, repository: Repository, task: Task) -> bool:
    """Tell whether a check run of the task is not completed; one that nobody wrote down is completed here."""
    records, stale = services.store.records, False
    known = records.places(task.id, CHECK)
    for sha in sorted({*known, *_commits(services, task)}):
        name = REVIEW_CHECK_NAME if task.kind is Kind.REVIEW_PULL_REQUEST else CHECK_NAME
        for run in repository.unfinished_check_runs(sha, task.id, name):
            place = known.get(sha, Place("", "", ""))
            if place.external_id in {"", str(run.id)}:
                records.save_place(task.id, f"{CHECK}{sha}", Place(str(run.id), run.url, ""))
                known[sha], stale = Place(str(run.id), run.url, ""), True
            else:
                output = redact_all(moved_output(view_of(services, task.id)), services.redacted)
                repository.update_check_run(run.id, output)
    return stale


def _commits(services: Services, task: Task) -> set[str]:
    """Return the commits on which the task's check run may stand."""
    runs = services.store.runs
    prepared, pushed = runs.stage(task.id, "prepared"), runs.stage(task.id, "pushed")
    return ({prepared["base"]} if prepared else set()) | ({pushed["sha"]} if pushed else set())
