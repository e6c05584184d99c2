"""One round of mending: the failing command in a fresh checkout, then the agent, then what it came to in words."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from jobs.agent import ci_request
from jobs.kinds.base import find_base
from jobs.kinds.change import BUNDLE, work_at
from jobs.kinds.fix_ci import words
from jobs.kinds.fix_ci.reproducing import SEEN, Seen
from jobs.kinds.preparing import bench
from jobs.kinds.running import Assignment
from jobs.kinds.tokens import run_token
from jobs.types import Conclusion, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.execute import Attempt
    from jobs.kinds.base import Base
    from jobs.kinds.fix_ci.diagnosing import Known
    from jobs.kinds.fix_ci.reproducing import Before
    from jobs.kinds.preparing import Bench

WORKED, PREPARED, ROUND = "worked", "prepared", "round"
MOST_ROUNDS = 2
STALE = (WORKED, "verdict", "before", "pushed", "reverted")
"""The stages whose products another round makes anew."""


@dataclass(frozen=True, slots=True)
class Round:
    """A go at mending; the second one begins at the commit that the first one pushed."""

    number: int = 1
    sha: str = ""
    summary: str = ""
    verdict: str = ""

    @property
    def tried(self) -> ci_request.Tried | None:
        """What the agent is told of the round before."""
        return ci_request.Tried(self.summary, self.verdict) if self.number > 1 else None


def current_round(attempt: Attempt) -> Round:
    """Return the round that the task is in."""
    stored = attempt.services.store.runs.stage(attempt.task.id, ROUND)
    if stored is None:
        return Round()
    return Round(stored["number"], stored["sha"], stored["summary"], stored["verdict"])


def begin_next(attempt: Attempt, after: Round, sha: str, summary: str, verdict: str) -> Round:
    """Begin the next round, at the commit that was pushed in the one before."""
    task, runs = attempt.task, attempt.services.store.runs
    made = Round(after.number + 1, sha, summary, verdict)
    product = {**asdict(made), "steps": len(runs.steps(task.id))}
    runs.begin_round(task.id, task.attempt, STALE, product, time.time())
    return made


def base_of(attempt: Attempt, now: Round) -> Base:
    """Return what the round starts from: the red commit, or in a second round the branch that the first one pushed."""
    runs, task = attempt.services.store.runs, attempt.task
    prepared = runs.stage(task.id, PREPARED)
    if prepared is not None and now.sha and prepared["base"] != now.sha:
        moved = {**prepared, "base": now.sha, "expected": now.sha}
        runs.finish_stage(task.id, task.attempt, PREPARED, moved, time.time())
    with run_token(attempt, "read") as token:
        return find_base(attempt, token)


def work(attempt: Attempt, base: Base, known: Known, before: Before, now: Round) -> Outcome:
    """Let the agent mend it, and say what was red before and is green after; stored, and done once in a round."""
    task, runs = attempt.task, attempt.services.store.runs
    stored = runs.stage(task.id, WORKED)
    if stored is not None:
        return Outcome.load(stored)
    found = known.diagnosis
    message = ci_request.request(task.repository, base.checked_out, found, SEEN[before.seen], before.checks, now.tried)
    with _bench(attempt, before) as opened:
        outcome = work_at(attempt, opened, Assignment(request=message, asked=ci_request.asked(found)))
    outcome = _told(outcome, known, before, now)
    runs.finish_stage(task.id, task.attempt, WORKED, asdict(outcome), time.time())
    return outcome


@contextmanager
def _bench(attempt: Attempt, before: Before) -> Iterator[Bench]:
    """Open the bench, where the failing command is a check beside the repository's own."""
    with bench(attempt) as opened:
        commands = tuple(dict.fromkeys(filter(None, (before.command, *opened.base.checks))))
        yield replace(opened, base=replace(opened.base, checks=commands))


def _told(outcome: Outcome, known: Known, before: Before, now: Round) -> Outcome:
    """Add to the agent's words which run this is about, and the evidence of before and after."""
    evidence = words.evidence(known.diagnosis, before, outcome.evidence)
    earlier = f"In the first round: {now.summary}" if now.number > 1 and now.summary else ""
    summary = "\n\n".join(part for part in (outcome.summary, evidence, earlier) if part)
    title = words.title(outcome.title or known.diagnosis.workflow or "the red run")
    return replace(outcome, summary=summary, title=title)


def is_green(outcome: Outcome) -> bool:
    """Tell whether there is work, and all that was run on it passed."""
    passed = bool(outcome.evidence) and all(check.exit_code == 0 for check in outcome.evidence)
    return outcome.kept == BUNDLE and outcome.conclusion is Conclusion.SUCCESS and passed


def worth_a_revert(outcome: Outcome, before: Before) -> bool:
    """Tell whether a revert could show what the mend did not: the failure was seen here, and is not gone."""
    return before.seen is Seen.SAME and not is_green(outcome)
