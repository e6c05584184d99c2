"""After a push: CI is listened for, and what it says decides how the task ends, or that another round begins."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from jobs.kinds.change import NOTHING
from jobs.kinds.fix_ci import ci, comparing, counting, diagnosing, mending, rerunning, reverting
from jobs.kinds.fix_ci.case import SHOWN, event_of
from jobs.kinds.fix_ci.comparing import Verdict
from jobs.kinds.fix_ci.deciding import MOST_RERUNS
from jobs.kinds.fix_ci.merging import merged
from jobs.kinds.fix_ci.rerunning import Again
from jobs.types import Cause, Conclusion, Listening, Outcome

if TYPE_CHECKING:
    from config.repository import RepositoryConfig
    from jobs.execute import Attempt
    from jobs.kinds.fix_ci.case import Case
    from jobs.kinds.fix_ci.ci import Standing
    from jobs.kinds.fix_ci.diagnosing import Known
    from jobs.kinds.fix_ci.mending import Round

PUSHED, FIRST = "pushed", "first"
GOING_ON = frozenset({Conclusion.SUCCESS, Conclusion.NEUTRAL})
CAME_TO_NOTHING = frozenset({Conclusion.NEUTRAL, Conclusion.FAILURE})


@dataclass(frozen=True, slots=True)
class Pushed:
    """What was pushed and is listened for: the commit, its branch, when, and the outcome so far."""

    sha: str
    branch: str
    at: float
    outcome: Outcome
    round: int


def pushed_of(attempt: Attempt) -> Pushed | None:
    """Return what the current round pushed."""
    stored = attempt.services.store.runs.stage(attempt.task.id, PUSHED)
    return Pushed(**{**stored, "outcome": Outcome.load(stored["outcome"])}) if stored else None


def keep_pushed(attempt: Attempt, branch: str, outcome: Outcome, now: Round) -> Pushed | None:
    """Store that a commit was pushed whose CI is to be listened for; None where nothing was, or a person is needed."""
    if not outcome.pull_request or outcome.patch is None or outcome.conclusion not in GOING_ON:
        return None
    task = attempt.task
    pushed = Pushed(outcome.patch.commit, branch, time.time(), outcome, now.number)
    attempt.services.store.runs.finish_stage(task.id, task.attempt, PUSHED, asdict(pushed), time.time())
    return pushed


def _is_revert(outcome: Outcome) -> bool:
    return outcome.title.startswith("Revert ")


def keep_first(attempt: Attempt, known: Known) -> None:
    """Store how things stood before the first commit of ours; a second round is measured against it, too."""
    task, runs = attempt.task, attempt.services.store.runs
    if runs.stage(task.id, FIRST) is None:
        signatures = sorted(known.diagnosis.signatures)
        product = {"sha": known.sha, "signatures": signatures, "green": list(known.green)}
        runs.finish_stage(task.id, task.attempt, FIRST, product, time.time())


def follow(attempt: Attempt, case: Case, config: RepositoryConfig, pushed: Pushed, now: Round) -> Outcome | Round:
    """Return how the task ends, or the next round; raises Listening while CI has not ended."""
    attempt.teller.sha = pushed.sha
    if attempt.services.store.runs.stage(attempt.task.id, reverting.TAKEN_BACK) is not None:
        return _take_back(attempt, pushed)
    since = time.time()
    over = _left(attempt, pushed)
    if over is not None:
        return over
    again = rerunning.asked(attempt, pushed.sha)
    known = diagnosing.known_of(attempt, pushed.sha)
    if again is not None and rerunning.follow(attempt, again) is Again.GREEN and known is not None:
        diagnosing.passed_again(attempt, known)
    standing = ci.standing(attempt, _there(case, pushed), config)
    waited = since - pushed.at
    if not standing.results and waited < comparing.SILENCE_SECONDS:
        _listen(attempt, pushed, since, "CI to begin")
    if standing.going and waited < comparing.PATIENCE_SECONDS:
        _listen(attempt, pushed, since, "CI")
    if standing.red:
        return _red(attempt, case, config, pushed, standing, now)
    if standing.going:
        hours = comparing.PATIENCE_SECONDS / 3600
        return ended(pushed, f"CI has not ended at `{pushed.sha[:SHOWN]}` after {hours:.0f} hours; look at it there.")
    if not standing.results:
        return ended(pushed, f"CI has not reported on `{pushed.sha[:SHOWN]}`; the sandbox's own checks are below.")
    words = f"CI is green at `{pushed.sha[:SHOWN]}`."
    return merged(attempt, config, case, pushed.sha, ended(pushed, words))


def _there(case: Case, pushed: Pushed) -> Case:
    """Return the case as it is at the pushed commit."""
    return replace(case, sha=pushed.sha, branch=pushed.branch, run=0, suite=0, report="")


def _left(attempt: Attempt, pushed: Pushed) -> Outcome | None:
    """Return the ending where somebody went on with the branch or with the pull request."""
    opened = attempt.repository.find_pull_request(pushed.branch)
    if opened is not None and opened.state != "open":
        return ended(pushed, "The pull request was merged or closed before CI ended.")
    head = attempt.repository.branch_sha(pushed.branch)
    if head == pushed.sha:
        return None
    return ended(pushed, f"Somebody pushed to `{pushed.branch}` meanwhile, so CI of the mend is not waited for.")


def _listen(attempt: Attempt, pushed: Pushed, since: float, what: str) -> NoReturn:
    words = f"Pushed `{pushed.sha[:SHOWN]}` to `{pushed.branch}`; this waits for {what}."
    raise Listening(words, event_of(attempt.task.repository, pushed.sha), comparing.pause(since - pushed.at), since)


def ended(pushed: Pushed, words: str, conclusion: Conclusion | None = None) -> Outcome:
    """Return the outcome of what was pushed, with what CI or GitHub said of it in front."""
    outcome = pushed.outcome
    summary = f"{words}\n\n{outcome.summary}"
    return replace(outcome, summary=summary, conclusion=conclusion or outcome.conclusion)


def _red(
    attempt: Attempt, case: Case, config: RepositoryConfig, pushed: Pushed, standing: Standing, now: Round
) -> Outcome | Round:
    """Decide what follows when CI is red at the mend."""
    here = _there(case, pushed)
    again = rerunning.asked(attempt, pushed.sha)
    known = diagnosing.known_of(attempt, pushed.sha)
    if known is None or (again is not None and again.ended and known.runs == again.runs):
        known = diagnosing.find_out(attempt, here, config, standing)
    cause, place = known.diagnosis.cause, f"CI is red at `{pushed.sha[:SHOWN]}`"
    if cause is Cause.FLAKY:
        return ended(pushed, f"{place}, by failures that come and go. {known.diagnosis.reason}")
    passing = cause is Cause.INFRASTRUCTURE or known.doubtful
    left = counting.reruns_of(attempt, pushed.sha) < MOST_RERUNS
    if passing and again is None and left and rerunning.run_again(attempt, known, "after"):
        _listen(attempt, pushed, time.time(), "the failed jobs, which were run again")
    if cause in {Cause.INFRASTRUCTURE, Cause.BASE_RED}:
        return ended(pushed, f"{place}, but not by the mend. {known.diagnosis.reason}", Conclusion.NEUTRAL)
    return _judge(attempt, case, pushed, known, now)


def _judge(attempt: Attempt, case: Case, pushed: Pushed, known: Known, now: Round) -> Outcome | Round:
    """Compare with what was red before: go on, give up, or take the mend back."""
    first = attempt.services.store.runs.stage(attempt.task.id, FIRST)
    verdict = _compared(known, first)
    place = f"CI is still red at `{pushed.sha[:SHOWN]}`"
    if verdict is Verdict.SAME:
        words = f"{place}, with the same failure as before: the mend does not reach it. It is not tried again."
        return _given_up(attempt, pushed, words)
    turn, scope = str(now.number + 1), case.scope
    left = now.number < mending.MOST_ROUNDS and not _is_revert(pushed.outcome)
    if left and counting.claim_mend(attempt, scope, known.diagnosis.signatures, turn):
        return mending.begin_next(attempt, now, pushed.sha, pushed.outcome.summary, verdict.value)
    if verdict is Verdict.WORSE:
        return _take_back(attempt, pushed)
    words = f"{place}, with {verdict.value} failures than before. It is not tried again: a person should go on."
    return _given_up(attempt, pushed, words)


def _given_up(attempt: Attempt, pushed: Pushed, words: str) -> Outcome:
    """Return the ending where a person must go on: until somebody pushes or asks, nothing begins at that commit."""
    counting.leave_alone(attempt, pushed.sha)
    return ended(pushed, words, Conclusion.ACTION_REQUIRED)


def stuck(attempt: Attempt, branch: str, now: Round, last: Outcome) -> Outcome:
    """Return the ending where a later round came to nothing: the mend before it is there, and CI is red with it."""
    worked = attempt.services.store.runs.stage(attempt.task.id, mending.WORKED) is not None
    if not worked or last.patch is not None or last.kept or last.salvage or last.conclusion not in CAME_TO_NOTHING:
        return last
    told = replace(last, summary=last.summary.removesuffix(NOTHING).rstrip())
    pushed = Pushed(now.sha, branch, time.time(), told, now.number)
    if now.verdict == Verdict.WORSE:
        return _take_back(attempt, pushed)
    words = (
        f"CI is still red at `{now.sha[:SHOWN]}`, with {now.verdict} failures than before, and a second round changed "
        "nothing. A person should go on."
    )
    return _given_up(attempt, pushed, words)


def _compared(known: Known, first: dict[str, list[str]]) -> Verdict:
    """Compare with the red commit that the task began with."""
    newly_red = bool(set(known.red) & set(first["green"]))
    return comparing.compare(frozenset(first["signatures"]), known.diagnosis.signatures, newly_red=newly_red)


def _take_back(attempt: Attempt, pushed: Pushed) -> Outcome:
    """Put the branch back to where it was, since the mend made it worse."""
    first = attempt.services.store.runs.stage(attempt.task.id, FIRST)
    worse, tried = f"CI was worse with the mend (`{pushed.sha[:SHOWN]}`) than before", "What was tried:"
    done = f"so the mend was taken back by a commit on top. The branch `{pushed.branch}` is as it was before."
    left = (
        f"but somebody pushed to `{pushed.branch}` meanwhile, so it was left there. Revert it where it is in the way."
    )
    told = tuple(f"{worse}, {words} {tried}\n\n{pushed.outcome.summary}" for words in (done, left))
    base = mending.base_of(attempt, mending.current_round(attempt))
    base = replace(base, target=pushed.branch)
    return reverting.take_back(attempt, base, pushed.sha, first["sha"], (told[0], told[1]))
