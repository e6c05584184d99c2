"""A red CI run, from what GitHub says of it now to green again or to words on why not; no stage is done twice."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from jobs.kinds.change import publish_work
from jobs.kinds.fix_ci import (
    aftermath,
    asking,
    ci,
    counting,
    diagnosing,
    gathering,
    mending,
    offering,
    rerunning,
    reverting,
    words,
)
from jobs.kinds.fix_ci.base_branch import see_to_base
from jobs.kinds.fix_ci.case import SHOWN, Case, event_of, overtaken, rules_of
from jobs.kinds.fix_ci.comparing import PATIENCE_SECONDS, pause
from jobs.kinds.fix_ci.deciding import MOST_RERUNS, Facts, Move, Place, decide
from jobs.kinds.fix_ci.reproducing import Seen, reproduce
from jobs.kinds.fix_ci.rerunning import Again
from jobs.kinds.publishing import tell_ending
from jobs.types import Approval, Conclusion, FailureKind, Listening, Outcome, SandboxError, UserError

if TYPE_CHECKING:
    from config.repository import RepositoryConfig
    from jobs.execute import Attempt
    from jobs.kinds.base import Base
    from jobs.kinds.fix_ci.aftermath import Pushed
    from jobs.kinds.fix_ci.ci import Standing
    from jobs.kinds.fix_ci.diagnosing import Known
    from jobs.kinds.fix_ci.history import BaseRun
    from jobs.kinds.fix_ci.mending import Round
    from jobs.kinds.fix_ci.reproducing import Before


def fix_ci(attempt: Attempt) -> Outcome:
    """See to a red commit: say why it is red, and mend it where that may be."""
    case, config = Case.of(attempt.task.about), rules_of(attempt)
    while True:
        now = mending.current_round(attempt)
        here = case if now.number == 1 else _at(attempt, case, now)
        pushed = aftermath.pushed_of(attempt)
        if pushed is None:
            attempt.teller.sha = here.sha
            ended = _before_push(attempt, here, config, now)
            pushed = aftermath.pushed_of(attempt)
            if pushed is None:
                return ended if now.number == 1 else aftermath.stuck(attempt, here.branch, now, ended)
        following = _follow(attempt, case, config, pushed, now)
        if isinstance(following, Outcome):
            tell_ending(attempt, pushed.branch, following)
            return following


def _follow(attempt: Attempt, case: Case, config: RepositoryConfig, pushed: Pushed, now: Round) -> Outcome | Round:
    """Follow what was pushed; where GitHub refuses to tell of it, the work is there all the same."""
    try:
        return aftermath.follow(attempt, case, config, pushed, now)
    except SandboxError:
        raise
    except UserError as refused:
        words_now = f"The mend was pushed, but its CI could not be followed. {refused}"
        return aftermath.ended(pushed, words_now, Conclusion.ACTION_REQUIRED)


def _at(attempt: Attempt, case: Case, now: Round) -> Case:
    """Return the case as a later round sees it: at the commit that the one before pushed, on its branch."""
    prepared = attempt.services.store.runs.stage(attempt.task.id, mending.PREPARED)
    return replace(case, sha=now.sha, branch=prepared["target"], run=0, suite=0, report="", pull=0)


def _before_push(attempt: Attempt, case: Case, config: RepositoryConfig, now: Round) -> Outcome:
    """Go on to the end, or to where something is pushed."""
    known = diagnosing.known_of(attempt, case.sha)
    if attempt.services.store.runs.stage(attempt.task.id, mending.WORKED) is None:
        ended = overtaken(attempt, case)
        if ended is not None:
            return ended
        standing = ci.standing(attempt, case, config)
        ended = _not_red(attempt, case, standing) if rerunning.asked(attempt, case.sha) is None else None
        if ended is not None:
            return ended
        if known is None:
            known = diagnosing.find_out(attempt, case, config, standing)
        known = _after_rerun(attempt, case, config, known)
    if known is None:
        raise AssertionError("there is work on a run that nobody looked at")
    return _act(attempt, case, config, known, now)


def _not_red(attempt: Attempt, case: Case, standing: Standing) -> Outcome | None:
    """Return the ending where CI is not red any more; failures that went away by themselves are remembered."""
    if standing.red:
        return None
    if standing.going:
        since = time.time()
        waited = since - attempt.task.created_at
        if waited < PATIENCE_SECONDS:
            words_now = f"CI of `{case.sha[:SHOWN]}` is running again; this waits for its end."
            raise Listening(words_now, event_of(attempt.task.repository, case.sha), pause(waited), since)
        return Outcome(Conclusion.NEUTRAL, f"CI of `{case.sha[:SHOWN]}` is running again; this does not wait longer.")
    if not standing.results:
        return Outcome(Conclusion.NEUTRAL, words.NO_CI.format(sha=case.sha[:SHOWN]))
    _remember_earlier(attempt, standing)
    return Outcome(Conclusion.SUCCESS, words.GREEN_BY_NOW.format(sha=case.sha[:SHOWN]))


def _remember_earlier(attempt: Attempt, standing: Standing) -> None:
    """Keep what failed in the attempt before the green one: it comes and goes, unless the machinery was to blame."""
    for run in standing.runs:
        if run.attempt > 1 and not ci.is_red(run):
            for reading in gathering.of_attempt(attempt, run, run.attempt - 1):
                if not reading.infrastructure:
                    counting.remember_flaky(attempt, [failure.signature for failure in reading.failures])


def _after_rerun(attempt: Attempt, case: Case, config: RepositoryConfig, known: Known) -> Known:
    """Return what is known behind a go that this task asked for; raises Listening while that has not ended."""
    rerun = rerunning.asked(attempt, case.sha)
    if rerun is None or known.runs != rerun.runs:
        return known
    ended = rerunning.follow(attempt, rerun)
    if ended is Again.GREEN:
        return diagnosing.passed_again(attempt, known)
    if ended is Again.RED:
        return diagnosing.find_out(attempt, case, config, ci.standing(attempt, case, config))
    return known


def _act(attempt: Attempt, case: Case, config: RepositoryConfig, known: Known, now: Round) -> Outcome:
    """Decide, and do it."""
    facts = _facts(attempt, case, config, known, now)
    move = decide(facts)
    if _passed(attempt, known):
        return Outcome(Conclusion.SUCCESS, words.passed_again(known))
    if move is Move.RERUN:
        if rerunning.run_again(attempt, known, "first"):
            return _act(attempt, case, config, _after_rerun(attempt, case, config, known), now)
        move = decide(replace(facts, can_rerun=False))
    if move is Move.MEND_BASE and known.base is not None:
        return _on_base(attempt, config, known.base)
    if move is Move.ASK:
        return asking.ask(attempt, case, known)
    if move in {Move.MEND, Move.SUGGEST}:
        return _mend(attempt, case, config, known, now, offered=move is Move.SUGGEST)
    conclusion = Conclusion.ACTION_REQUIRED if move is Move.STOP else Conclusion.NEUTRAL
    return Outcome(conclusion, words.ending(move, known, case, attempt.task.mode))


def _on_base(attempt: Attempt, config: RepositoryConfig, base: BaseRun) -> Outcome:
    """Have the base branch mended; where this pull request is that mend, it does not reach the failure."""
    task_id = see_to_base(attempt, config, base)
    if task_id == attempt.task.follows:
        return Outcome(Conclusion.ACTION_REQUIRED, words.no_mend_of_base(base.branch))
    return Outcome(Conclusion.NEUTRAL, words.base_is_red(base.branch, task_id))


def _passed(attempt: Attempt, known: Known) -> bool:
    rerun = rerunning.asked(attempt, known.sha)
    return rerun is not None and rerun.ended == Again.GREEN


def _facts(attempt: Attempt, case: Case, config: RepositoryConfig, known: Known, now: Round) -> Facts:
    task, found = attempt.task, known.diagnosis
    given = task.approval is Approval.GIVEN
    return Facts(
        cause=found.cause,
        place=case.place,
        mode=task.mode,
        simple=found.simple,
        told=known.told,
        agreed=given or now.number > 1 or (case.asked and task.approval is Approval.NONE),
        doubtful=known.doubtful,
        reruns=counting.reruns_of(attempt, known.sha),
        ran_again=rerunning.asked(attempt, known.sha) is not None,
        can_rerun=bool(known.runs),
        mends=counting.mends_of(attempt, _scope(attempt), found.signatures, str(now.number)),
        base_is_ours=known.base is not None
        and config.ci.default_branch
        and known.base.branch == attempt.repository.default_branch(),
    )


def _scope(attempt: Attempt) -> str:
    return Case.of(attempt.task.about).scope


def _mend(
    attempt: Attempt, case: Case, config: RepositoryConfig, known: Known, now: Round, *, offered: bool
) -> Outcome:
    """Reproduce, mend, and publish or offer what came of it."""
    if asking.rejected(attempt):
        return asking.ask(attempt, case, known)
    base = mending.base_of(attempt, now)
    if base.commit != known.sha:
        return Outcome(Conclusion.SKIPPED, words.moved(case.branch, base.commit))
    aftermath.keep_first(attempt, known)
    before = reproduce(attempt, base, known.diagnosis)
    if _worth_another_go(attempt, known, before) and rerunning.run_again(attempt, known, "local"):
        return _act(attempt, case, config, _after_rerun(attempt, case, config, known), now)
    if not counting.claim_mend(attempt, _scope(attempt), known.diagnosis.signatures, str(now.number)):
        return Outcome(Conclusion.ACTION_REQUIRED, words.STOP)
    worked = mending.work(attempt, base, known, before, now)
    if offered:
        return offering.offer(attempt, case, base, worked)
    outcome = _published(attempt, case, base, known, before, worked)
    if outcome.conclusion in {Conclusion.SUCCESS, Conclusion.NEUTRAL}:
        aftermath.keep_pushed(attempt, base.target, outcome, now)
    return outcome


def _worth_another_go(attempt: Attempt, known: Known, before: Before) -> bool:
    """Tell whether CI should be asked once more: a test that fails there passes here, and nothing was paid so far."""
    if attempt.services.store.runs.stage(attempt.task.id, mending.WORKED) is not None:
        return False
    tests = all(failure.kind is FailureKind.TEST for failure in known.diagnosis.failures)
    rerun = rerunning.asked(attempt, known.sha)
    fresh = rerun is None or rerun.why != "local"
    left = counting.reruns_of(attempt, known.sha) < MOST_RERUNS
    return before.seen is Seen.PASSES and bool(known.diagnosis.failures) and tests and fresh and left


def _published(attempt: Attempt, case: Case, base: Base, known: Known, before: Before, worked: Outcome) -> Outcome:
    """Publish the mend; on the default branch a revert, where the culprit is clear and the mend is not."""
    if case.place is Place.DEFAULT and not base.expected and mending.worth_a_revert(worked, before):
        made = reverting.revert_of_culprit(attempt, base, known, before, worked)
        if made is not None:
            return reverting.publish_revert(attempt, base, made)
    return publish_work(attempt, worked)
