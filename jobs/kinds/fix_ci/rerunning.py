"""Failed jobs that are run again: each go is claimed before GitHub is asked, so that no retry of ours doubles it."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NoReturn

from jobs.kinds.fix_ci import ci, counting
from jobs.kinds.fix_ci.case import SHOWN, event_of
from jobs.kinds.fix_ci.comparing import PATIENCE_SECONDS, pause
from jobs.types import Listening, UserError

if TYPE_CHECKING:
    from jobs.execute import Attempt
    from jobs.kinds.fix_ci.diagnosing import Known

RERUN = "rerun"
"""The stage that holds the newest go that this task asked for."""
STARTING_SECONDS = 600.0
"""How long a run that was asked for may take to show up."""


class Again(StrEnum):
    """What became of a go."""

    GREEN = "green"
    RED = "red"
    NOTHING = "nothing"
    """It never came, or never ended."""


@dataclass(frozen=True, slots=True)
class Rerun:
    """One go: why, which runs in which attempt failed before it, when it was asked for, and how it ended."""

    sha: str
    why: str
    runs: tuple[tuple[int, int], ...]
    at: float
    ended: str = ""


def asked(attempt: Attempt, sha: str) -> Rerun | None:
    """Return the newest go that this task asked for at a commit."""
    stored = attempt.services.store.runs.stage(attempt.task.id, RERUN)
    if not stored or stored["sha"] != sha:
        return None
    runs = tuple((int(run), int(number)) for run, number in stored["runs"])
    return Rerun(**{**stored, "runs": runs})


def run_again(attempt: Attempt, known: Known, why: str) -> bool:
    """Claim a go and ask GitHub for it; False where the commit has had its goes. ``follow`` waits for its end."""
    if not known.runs or not counting.claim_rerun(attempt, known.sha, why):
        return False
    rerun = Rerun(known.sha, why, known.runs, time.time())
    _keep(attempt, rerun)
    _post(attempt, rerun)
    return True


def follow(attempt: Attempt, rerun: Rerun) -> Again:
    """Return how a go ended, or raise Listening while it has not; whoever died before asking for it asks now."""
    if rerun.ended:
        return Again(rerun.ended)
    since = time.time()
    _post(attempt, rerun)
    now = [(attempt.repository.workflow_run(run), number) for run, number in rerun.runs]
    waited = since - rerun.at
    moved = [run for run, number in now if run.attempt > number]
    if any(run.status != ci.DONE for run in moved) or (not moved and waited < STARTING_SECONDS):
        if waited < PATIENCE_SECONDS:
            _listen(attempt, rerun, waited, since)
        return _end(attempt, rerun, Again.NOTHING)
    if len(moved) < len(now):
        return _end(attempt, rerun, Again.NOTHING if not moved else Again.RED)
    return _end(attempt, rerun, Again.RED if any(ci.is_red(run) for run in moved) else Again.GREEN)


def _listen(attempt: Attempt, rerun: Rerun, waited: float, since: float) -> NoReturn:
    words = f"The failed jobs of `{rerun.sha[:SHOWN]}` were run again; this waits for their end."
    raise Listening(words, event_of(attempt.task.repository, rerun.sha), pause(waited), since)


def _post(attempt: Attempt, rerun: Rerun) -> None:
    """Ask for each run that was not asked for yet; one that GitHub does not run again stays as it is."""
    for run, number in rerun.runs:
        key = f"rerun:{attempt.task.repository.lower()}@{rerun.sha}:{run}.{number}"
        if attempt.services.store.records.value(key) is not None:
            continue
        with suppress(UserError):  # It was run again by somebody else, or is too old: follow() sees which.
            attempt.repository.rerun_failed(run, number)  # a later attempt of the run is left alone
        counting.once(attempt, key)  # Kept behind the call: a request that GitHub did not hear is made again.


def _end(attempt: Attempt, rerun: Rerun, ended: Again) -> Again:
    _keep(attempt, Rerun(rerun.sha, rerun.why, rerun.runs, rerun.at, ended.value))
    return ended


def _keep(attempt: Attempt, rerun: Rerun) -> None:
    task = attempt.task
    attempt.services.store.runs.finish_stage(task.id, task.attempt, RERUN, asdict(rerun), time.time())
