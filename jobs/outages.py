"""Puts a task off while something that it needs is away, tells people so, and gives up in words after some hours."""

from __future__ import annotations

import errno
import logging
import time
from typing import TYPE_CHECKING

from jobs.breaker import clock
from jobs.types import Away, Conclusion, DiskFull, GitHubUnavailable, ModelAway, Outcome, UserError

if TYPE_CHECKING:
    from jobs.execute import Attempt

OUTAGE_SECONDS = 3 * 3600.0
"""How long a task waits for what is away before it is failed."""
OUTAGE_GAP_SECONDS = 1800.0
"""During an outage it is looked more often than this; what fails after a longer silence is another outage."""
SHORTEST_PAUSE = 5.0
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

log = logging.getLogger(__name__)


def as_outage(error: Exception) -> Away | None:
    """Return what is away where an unexpected error says so: the disk that is full; None for every other error."""
    if isinstance(error, OSError) and error.errno in FULL:
        return DiskFull(error.strerror or "no space left", 60.0)
    return None


def stage_of(away: type[Away]) -> str:
    """Return the stage under which it is kept since when a task waits for this."""
    return "outage" if away is GitHubUnavailable else f"outage:{away.name}"


def still_away(attempt: Attempt) -> None:
    """Raise ModelAway where the models for which this task waited are known to be away still: nothing is prepared."""
    task, services = attempt.task, attempt.services
    waited = services.store.runs.stage(task.id, stage_of(ModelAway))
    if waited is None or waited.get("model", "") != task.model:
        return
    shut = services.breaker.shut(waited.get("services", ()))
    if shut is not None:
        wait = shut.next_try - time.time()
        raise ModelAway(shut.reason, wait, since=shut.since, services=tuple(waited["services"]))


def put_off(attempt: Attempt, away: Away, worked: float) -> Outcome | None:
    """Let a task wait for what is away; return how it ends where it has waited for hours already.

    ``worked`` is how many seconds this attempt took.
    """
    store, task, now = attempt.services.store, attempt.task, time.time()
    stage = stage_of(type(away))
    known = store.runs.stage(task.id, stage)
    if known is None or not -OUTAGE_GAP_SECONDS <= now - known["last"] <= OUTAGE_GAP_SECONDS:
        known = {"first": now}
    waited = now - known["first"]
    if waited > OUTAGE_SECONDS:
        words = f"{away.words} for {OUTAGE_SECONDS / 3600:.0f} hours: {away}. `/opus retry` starts again."
        return Outcome(Conclusion.FAILURE, words)
    product = {**known, "last": now, "services": list(away.services), "model": task.model}
    store.runs.finish_stage(task.id, task.attempt, stage, product, now)
    pause = pause_of(away, waited)
    note = words_of(away, known["first"], now + pause)
    store.tasks.rest(task.id, task.attempt, now + pause, note)
    _tell(attempt, away)
    store.tasks.release(task.id, task.attempt, worked=worked, not_before=now + pause, note=note)
    return None


def pause_of(away: Away, waited: float) -> float:
    """Return for how many seconds to wait, after so many: less and less often, and never sooner than was asked for."""
    return max(SHORTEST_PAUSE, away.retry_after, min(waited / 4, away.longest_pause))


def words_of(away: Away, first: float, next_try: float) -> str:
    """Say in one sentence what is away, since when, why, and when it is tried again."""
    since = clock(min(first, away.since or first))
    reason = str(away).rstrip(".")
    return f"{away.words} since {since} ({reason}); the next try is at {clock(next_try)}. Nothing is lost."


def _tell(attempt: Attempt, away: Away) -> None:
    """Tell people, best effort; GitHub is left alone where it asked for that."""
    if isinstance(away, GitHubUnavailable) and away.retry_after > SHORTEST_PAUSE:
        return
    try:
        attempt.teller.tell()
    except (Away, UserError) as error:
        log.warning("nobody was told that task %s waits: %s", attempt.task.id, error)
