"""Carries out one task: claim it, run the function of its kind, and see to it that it ends in words."""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING

from jobs.lease import Lease
from jobs.notify import Teller
from jobs.outages import as_outage, put_off, still_away
from jobs.scope import acting, of_task
from jobs.store import CRASHES, UNHEARD, Place
from jobs.text import redact, redact_all
from jobs.types import (
    Away,
    Cancelled,
    Conclusion,
    GitHubUnavailable,
    HandOver,
    Kind,
    LeaseLost,
    Listening,
    NeedsApproval,
    NeedsHuman,
    Outcome,
    Paused,
    SandboxError,
    Status,
    UserError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.github import Repository
    from jobs.services import Services
    from jobs.store import Claim
    from jobs.types import Task

KINDS = {
    Kind.RESOLVE_ISSUE: "jobs.kinds.change:change",
    Kind.BACKGROUND: "jobs.kinds.change:change",
    Kind.ASK: "jobs.kinds.asking:ask",
    Kind.FIX_CI: "jobs.kinds.fix_ci.flow:fix_ci",
    Kind.ADDRESS_REVIEW: "jobs.kinds.addressing:address",
    Kind.REVIEW_PULL_REQUEST: "jobs.kinds.reviewing:review",
    Kind.RESOLVE_CONFLICTS: "jobs.kinds.conflicts:resolve",
}
"""The function of each kind: it takes an Attempt and returns an Outcome."""
SALVAGE = dict.fromkeys(
    (Kind.RESOLVE_ISSUE, Kind.BACKGROUND, Kind.FIX_CI, Kind.ADDRESS_REVIEW, Kind.RESOLVE_CONFLICTS),
    "jobs.kinds.change:salvage",
)
"""What keeps the work of a run that failed: it takes the Attempt and the Outcome so far."""

SANDBOX_PAUSE_SECONDS = 10.0
LONGEST_SILENCE = 60.0
"""How long a task that waits for its turn is put off when GitHub cannot be told of it."""
TELL_ATTEMPTS = 60
"""How often the ending is tried to be told, with growing pauses: for about two days."""
HAND_BACK_SECONDS = 1.0
"""Between two tries to put a task back into a database that does not answer."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a task: what the function of a kind works with."""

    services: Services
    task: Task
    lease: Lease
    teller: Teller
    repository: Repository


def execute(services: Services, task_id: str) -> None:
    """Work on a task if it is to be had; whatever happens, it is left finished, waiting, or to be taken up again.

    Where a more urgent task waits for a worker, that one is taken, and somebody is woken for this one again.
    """
    try:
        claim = _claim(services, task_id)
    except services.store.UNAVAILABLE as away:
        log.warning("task %s waits, since the database cannot be written: %s", task_id, away)
        return
    if claim is None:
        return
    task, began = claim.task, time.monotonic()
    try:
        repository = services.github.repository(task.repository, task.installation_id)
        with (
            acting(of_task(task)),
            Lease(services.store, task.id, task.attempt, services.stopping) as lease,
            Teller(services, repository, task, lease) as teller,
        ):
            attempt = Attempt(services, task, lease, teller, repository)
            if task.status is Status.IN_PROGRESS:
                _work(attempt, claim.crashes, began)
            _tell_ending(attempt)
    except LeaseLost as lost:
        log.warning("left task %s alone: %s", task.id, lost)
    except services.store.UNAVAILABLE as away:
        log.warning("left task %s to the next attempt, since the database is away: %s", task.id, away)
        _hand_back(services, task, began)
        return
    _wake_next(services)


def _claim(services: Services, task_id: str) -> Claim | None:
    """Take the most urgent task, or the one that somebody was woken for; None where there is none to be had."""
    urgent = services.store.tasks.most_urgent(task_id, time.time())
    if urgent != task_id:
        services.waker.task(task_id)
    return services.store.tasks.claim(urgent, services.owner, time.time())


def _hand_back(services: Services, task: Task, began: float) -> None:
    """Put a task back once the database takes it: a worker that lives has not died holding it.

    Without the database this worker could do nothing else meanwhile.
    """
    tasks, note = services.store.tasks, "The database could not be reached for a while; the work goes on where it was."
    while not services.stopping.is_set():
        try:
            row = tasks.row(task.id)
            if row.status == Status.IN_PROGRESS:
                tasks.release(task.id, task.attempt, worked=time.monotonic() - began, note=note)
            else:
                tasks.tell_later(task.id, task.attempt, row.not_before)
        except LeaseLost:
            return
        except services.store.UNAVAILABLE:
            services.stopping.wait(HAND_BACK_SECONDS)
        else:
            log.warning("the database is back; task %s goes on", task.id)
            services.waker.task(task.id)
            return


def announce(services: Services, task_id: str) -> None:
    """Tell people of a task that waits for its turn, without starting it."""
    try:
        claim = services.store.tasks.claim(task_id, services.owner, time.time(), begin=False)
    except services.store.UNAVAILABLE as away:
        log.warning("task %s is told of later, since the database cannot be written: %s", task_id, away)
        return
    if claim is None:
        return
    task, began = claim.task, time.monotonic()
    try:
        repository = services.github.repository(task.repository, task.installation_id)
        with acting(of_task(task)), Lease(services.store, task.id, task.attempt, services.stopping) as lease:
            teller = Teller(services, repository, task, lease)
            if task.status is not Status.QUEUED:
                _tell_ending(Attempt(services, task, lease, teller, repository))
                return
            services.store.tasks.release(task.id, task.attempt, not_before=_announced(services, task, teller))
    except LeaseLost as lost:
        log.warning("left task %s alone: %s", task.id, lost)
    except services.store.UNAVAILABLE as away:
        log.warning("left task %s untold, since the database is away: %s", task.id, away)
        _hand_back(services, task, began)
        return
    services.waker.task(task.id)


def _announced(services: Services, task: Task, teller: Teller) -> float:
    """Tell of a waiting task, and return when somebody may look at it again; GitHub is not asked at every sweep."""
    try:
        teller.tell()
    except GitHubUnavailable as outage:
        log.warning("task %s could not be announced now: %s", task.id, outage)
        return time.time() + min(outage.retry_after, LONGEST_SILENCE)
    except UserError as refused:
        log.warning("task %s cannot be announced: %s", task.id, refused)
        services.store.records.save_place(task.id, UNHEARD, Place("", "", ""))
    return 0.0


def _work(attempt: Attempt, crashes: int, began: float) -> None:
    """Run the kind's function and store how it ended: the one place where every interruption is caught."""
    tasks, task = attempt.services.store.tasks, attempt.task
    try:
        with attempt.lease.told():
            outcome = _run(attempt, crashes)
    except HandOver:
        note = "The worker was restarted; the next one takes the work up where it is."
        tasks.release(task.id, task.attempt, worked=time.monotonic() - began, note=note)
    except Paused as pause:
        tasks.wait(task.id, task.attempt, worked=time.monotonic() - began, note=f"Paused: {pause}")
    except (NeedsHuman, NeedsApproval) as need:
        plan = isinstance(need, NeedsApproval)
        question = redact(str(need), attempt.services.redacted)
        tasks.wait(task.id, task.attempt, worked=time.monotonic() - began, question=question, plan=plan)
    except Listening as listening:
        _listen(attempt, listening, began)
    except Away as away:
        _wait(attempt, away, began)
    except SandboxError as error:
        _try_again(attempt, error, crashes, began)
    except (LeaseLost, *attempt.services.store.UNAVAILABLE):
        raise
    except Exception as error:  # noqa: BLE001 - the worker's edge: people are told what it was, or a number for the log
        _fail(attempt, error, began)
    else:
        _complete(attempt, outcome, began)


def _fail(attempt: Attempt, error: Exception, began: float) -> None:
    """End a task that something went wrong with, or let it wait where that was a full disk."""
    full = as_outage(error)
    if full is None:
        _complete(attempt, _salvaged(attempt, _failure(attempt.task, error)), began)
    else:
        _wait(attempt, full, began)


def _failure(task: Task, error: Exception) -> Outcome:
    """Return the ending that an exception leads to; an internal error is logged with a number that people can name."""
    if isinstance(error, Cancelled):
        return Outcome(Conclusion.CANCELLED, f"Cancelled: {error}")
    if isinstance(error, UserError):
        return Outcome(Conclusion.FAILURE, str(error))
    number = uuid.uuid4().hex[:8]
    log.error("internal error %s in task %s", number, task.id, exc_info=error)
    summary = (
        f"An internal error stopped the work (error {number}). The operator finds it in the log under that "
        "number. `/opus retry` starts again."
    )
    return Outcome(Conclusion.FAILURE, summary)


def _salvaged(attempt: Attempt, outcome: Outcome) -> Outcome:
    """Keep what a failed run has done, where people can get it; tried once, since it may be what killed the worker."""
    task, store = attempt.task, attempt.services.store
    if outcome.conclusion is Conclusion.CANCELLED or store.runs.checkpoint(task.id) is None:
        return outcome
    with store.write() as connection:
        if not store.records.once(connection, f"salvage:{task.id}", time.time()):
            return outcome
    try:
        return _load(SALVAGE[task.kind])(attempt, outcome)
    except LeaseLost:
        raise
    except Exception:  # the worker's edge: the failure is told without it
        log.exception("the work of task %s could not be salvaged", task.id)
        return replace(outcome, kept=f"The last checkpoint is in the database, under task {task.id}.")


def _load(path: str) -> Callable[..., Outcome]:
    module, _, name = path.partition(":")
    function: Callable[..., Outcome] = getattr(import_module(module), name)
    return function


def _run(attempt: Attempt, crashes: int) -> Outcome:
    if crashes >= CRASHES:
        raise UserError(
            f"The worker died {crashes} times while it held this task, so it is not tried again by itself. "
            "The operator's log says more; `/opus retry` starts again."
        )
    attempt.lease.check()
    still_away(attempt)
    return _load(KINDS[attempt.task.kind])(attempt)


def _try_again(attempt: Attempt, error: SandboxError, crashes: int, began: float) -> None:
    """Give a task whose sandbox failed to the next attempt, which starts from what is kept; a few times."""
    if crashes + 1 >= CRASHES:
        words = f"{error}\n\nIt was tried {CRASHES} times."
        _complete(attempt, _salvaged(attempt, Outcome(Conclusion.FAILURE, words)), began)
        return
    task, now = attempt.task, time.time()
    note = f"The sandbox failed ({error}) Trying again with a new one."
    attempt.services.store.tasks.release(
        task.id,
        task.attempt,
        worked=time.monotonic() - began,
        not_before=now + SANDBOX_PAUSE_SECONDS,
        note=note,
        crashed=True,
    )


def _listen(attempt: Attempt, listening: Listening, began: float) -> None:
    """Let a task wait for its event without a worker; people are told, best effort, what it waits for."""
    tasks, task, now = attempt.services.store.tasks, attempt.task, time.time()
    tasks.listen(task.id, task.attempt, listening.event, str(listening))
    try:
        attempt.teller.tell()
    except (GitHubUnavailable, UserError) as error:
        log.warning("nobody was told that task %s waits for %s: %s", task.id, listening.event, error)
    worked, until = time.monotonic() - began, now + listening.seconds
    tasks.release(task.id, task.attempt, worked=worked, not_before=until, note=str(listening))
    if tasks.heard_since(listening.event, listening.since):  # it came while this was being told
        with attempt.services.store.write() as connection:
            tasks.heard(connection, listening.event, now)
        attempt.services.waker.task(task.id)


def _wait(attempt: Attempt, away: Away, began: float) -> None:
    """Wait for what is away; after some hours the task ends in words, and what it did is kept."""
    ended = put_off(attempt, away, time.monotonic() - began)
    if ended is not None:
        _complete(attempt, _salvaged(attempt, ended), began)


def _complete(attempt: Attempt, outcome: Outcome, began: float) -> None:
    store, task, now = attempt.services.store, attempt.task, time.time()
    usage, cost, models = store.runs.totals(task.id)
    steps = len(store.runs.steps(task.id))
    full = replace(outcome, usage=usage, cost=cost, models=models, steps=steps)
    full = redact_all(full, attempt.services.redacted)
    store.tasks.complete(task.id, task.attempt, full, worked=time.monotonic() - began, now=now)


def _tell_ending(attempt: Attempt) -> None:
    """Tell the ending or the question, or put the telling off; a task is not done before people know."""
    tasks, task = attempt.services.store.tasks, attempt.task
    row = tasks.row(task.id)
    if row.status == Status.QUEUED and row.attempt == task.attempt and row.lease_owner == attempt.services.owner:
        tasks.release(task.id, task.attempt)  # Somebody answered or approved before it was told.
        return
    if row.status not in {Status.COMPLETED, Status.WAITING} or row.told:
        return
    try:
        attempt.teller.tell()
    except LeaseLost:
        raise
    except UserError as refused:
        log.warning("task %s is %s and GitHub refuses to hear it: %s", task.id, row.status, refused)
    except Exception as error:  # a notification's edge: put off with growing pauses, and given up after days
        pause = max(getattr(error, "retry_after", 0.0), min(3600.0, 5.0 * 2**row.tell_attempts))
        if row.tell_attempts < TELL_ATTEMPTS:
            log.warning("task %s is %s and cannot be told now", task.id, row.status, exc_info=error)
            tasks.tell_later(task.id, task.attempt, time.time() + pause)
            return
        log.exception("task %s is %s and nobody could be told", task.id, row.status)
    tasks.told(task.id, task.attempt)


def _wake_next(services: Services) -> None:
    """Wake somebody for what waited for this task's place."""
    wished = services.store.fleet.workers()
    workers = services.settings.workers if wished is None else wished
    for task_id in services.store.tasks.due(time.time())[:workers]:
        services.waker.task(task_id)
